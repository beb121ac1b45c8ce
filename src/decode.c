/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover.h"
#include "models/temporal-vae.h"
#include "stage.h"

#include <math.h>

struct _SvdDecoder
{
  SvdStage stage;
  const SvdVaeConfig *config;
  KilnWeightSource *source;

  /* For the last run of frames: a clip's last one may be shorter, and is
   * recorded again rather than given memory of its own. */
  KilnShape latents;            /* fp32 */
  KilnProgram *program;
  SvdBuffers buffers;           /* latents, frames */

  KilnShape clip;               /* for which was chosen last, */
  guint most, chosen;           /* of at most so many frames at once */
};

static KilnGraph *
build (SvdDecoder *self, const KilnShape *latents)
{
  KilnGraph *graph = kiln_graph_new (self->stage.type);
  KilnScope scope = kiln_scope_root (self->source);
  KilnTensor *x = kiln_graph_input (graph, "latents", latents);

  x = kiln_convert (graph, x, self->stage.type);
  x = svd_vae_decode (graph, &scope, self->config, x);
  svd_graph_output_fp32 (graph, x, "frames");
  return graph;
}

static KilnShape
frames_shape (SvdDecoder *self, const KilnShape *latents)
{
  return (KilnShape) {
    KILN_F32, latents->frames, latents->height * self->config->factor,
    latents->width * self->config->factor, self->config->out_channels
  };
}

/* ---- Fitting into memory */

static gboolean
is_same_size (const KilnShape *a, const KilnShape *b)
{
  return a->frames == b->frames && a->height == b->height
      && a->width == b->width;
}

/* Where 0 at once means all. */
static guint
limit_frames (guint frames, guint at_once)
{
  return at_once ? MIN (frames, at_once) : frames;
}

/* latents: of frames decoded together */
static gboolean
make_plan (SvdDecoder *self, const KilnShape *latents, SvdPlan *plan,
    GError **error)
{
  g_autoptr (KilnGraph) graph = build (self, latents);

  *plan = (SvdPlan) { .decode_chunk_size = latents->frames };
  return svd_plan_add (plan, graph, error);
}

/* Of several chunks, the frames of one are in the host's memory while the
 * next is decoded. */
static void
add_chunk_buffer (SvdDecoder *self, const KilnShape *chunk, SvdPlan *plan)
{
  KilnShape frames = frames_shape (self, chunk);

  plan->staging = MAX (plan->staging, kiln_shape_bytes (&frames));
}

/* Lowers latents->frames, but not below 1, to what fits though idle stages
 * have given theirs back. */
static gboolean
fit (SvdDecoder *self, KilnShape *latents, SvdPlan *plan, GError **error)
{
  guint fits = 1, too_many = latents->frames;
  guint64 room;

  if (!make_plan (self, latents, plan, error))
    return FALSE;
  room = svd_stage_make_room (&self->stage, svd_plan_get_peak (plan));
  if (svd_plan_get_peak (plan) <= room)
    return TRUE;
  while (too_many - fits > 1) {
    latents->frames = (fits + too_many) / 2;
    if (!make_plan (self, latents, plan, error))
      return FALSE;
    if (svd_plan_get_peak (plan) <= room)
      fits = latents->frames;
    else
      too_many = latents->frames;
  }
  latents->frames = fits;
  return make_plan (self, latents, plan, error);
}

/* ---- Programs */

static void
forget_program (gpointer decoder)
{
  SvdDecoder *self = decoder;

  g_clear_pointer (&self->program, kiln_program_free);
  svd_buffers_clear (&self->buffers);
}

static gboolean
prepare (SvdDecoder *self, const KilnShape *latents,
    GCancellable *cancellable, GError **error)
{
  KilnShape frames = frames_shape (self, latents);
  g_autoptr (KilnGraph) graph = NULL;
  SvdPlan plan;

  if (self->program != NULL && is_same_size (&self->latents, latents))
    return TRUE;
  forget_program (self);
  self->latents = *latents;
  if (!make_plan (self, latents, &plan, error)
      || !svd_stage_check_plan (&self->stage, &plan, "This size", error)
      || !svd_buffers_add (&self->buffers, self->stage.device, "latents",
          latents, error)
      || !svd_buffers_add (&self->buffers, self->stage.device, "frames",
          &frames, error))
    return FALSE;
  graph = build (self, latents);
  self->program = kiln_program_new (graph, self->stage.device,
      self->stage.store, self->buffers.items, self->buffers.n, cancellable,
      error);
  return self->program != NULL;
}

/* ---- Making and freeing */

static gboolean
open_part (SvdDecoder *self, GError **error)
{
  self->config = svd_model_files_get_vae_config (self->stage.files, error);
  if (self->config == NULL)
    return FALSE;
  self->source = svd_stage_get_source (&self->stage, SVD_PART_VAE, error);
  return self->source != NULL;
}

SvdDecoder *
svd_decoder_new (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, SvdProgress progress, gpointer user_data,
    GCancellable *cancellable, GError **error)
{
  g_autoptr (SvdDecoder) self = g_new0 (SvdDecoder, 1);
  g_autoptr (KilnGraph) graph = NULL;
  KilnShape shape;

  svd_stage_init (&self->stage, device, model, options);
  if (!open_part (self, error)
      || !svd_stage_get_latents (&self->stage, 0, 0, 0, &shape, error))
    return NULL;
  graph = build (self, &shape);
  if (!svd_stage_load (&self->stage, &graph, 1, progress, user_data,
          cancellable, error))
    return NULL;
  svd_stage_may_idle (&self->stage, forget_program, self);
  return g_steal_pointer (&self);
}

gboolean
svd_decoder_check (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, GError **error)
{
  g_autoptr (SvdDecoder) self = g_new0 (SvdDecoder, 1);
  g_autoptr (KilnGraph) graph = NULL;
  KilnShape latents;

  svd_stage_init (&self->stage, device, model, options);
  if (!open_part (self, error))
    return FALSE;
  latents = (KilnShape) { KILN_F32, 1, 1, 1, self->config->latent_channels };
  graph = build (self, &latents);
  return kiln_graph_check (graph, error);
}

void
svd_decoder_free (SvdDecoder *self)
{
  svd_stage_forget_idle (&self->stage);
  forget_program (self);
  svd_stage_clear (&self->stage);
  g_free (self);
}

/* ---- Planning */

gboolean
svd_decoder_plan (SvdModel *model, const SvdStageOptions *options,
    guint width, guint height, guint num_frames, guint decode_chunk_size,
    SvdPlan *plan, GError **error)
{
  g_autoptr (SvdDecoder) self = g_new0 (SvdDecoder, 1);
  KilnShape latents, chunk;

  svd_stage_init (&self->stage, NULL, model, options);
  if (!open_part (self, error)
      || !svd_stage_get_latents (&self->stage, width, height, num_frames,
          &latents, error))
    return FALSE;
  chunk = latents;
  chunk.frames = limit_frames (latents.frames, decode_chunk_size);
  if (!fit (self, &chunk, plan, error))
    return FALSE;
  if (chunk.frames < latents.frames)
    add_chunk_buffer (self, &chunk, plan);
  return svd_stage_check_plan (&self->stage, plan, "This size", error);
}

GPtrArray *
svd_decoder_build_graphs (SvdModel *model, const SvdStageOptions *options,
    guint width, guint height, guint num_frames, GError **error)
{
  g_autoptr (SvdDecoder) self = g_new0 (SvdDecoder, 1);
  GPtrArray *graphs;
  KilnShape latents;

  svd_stage_init (&self->stage, NULL, model, options);
  if (!open_part (self, error)
      || !svd_stage_get_latents (&self->stage, width, height, num_frames,
          &latents, error))
    return NULL;
  graphs = g_ptr_array_new_with_free_func ((GDestroyNotify) kiln_graph_free);
  g_ptr_array_add (graphs, build (self, &latents));
  return graphs;
}

/* ---- Decoding */

static gboolean
check_latents (const SvdDecoder *self, const SvdLatents *latents,
    GError **error)
{
  if (latents->width > 0 && latents->height > 0 && latents->frames > 0
      && latents->channels == self->config->latent_channels)
    return TRUE;
  g_set_error (error, SVD_ERROR, SVD_ERROR_SHAPE,
      "Latents of %u frames of %ux%u with %u channels cannot be decoded; this "
      "model's have %u channels: decode with the model that made them",
      latents->frames, latents->width, latents->height, latents->channels,
      self->config->latent_channels);
  return FALSE;
}

static KilnShape
latents_shape (const SvdLatents *latents, guint frames)
{
  return (KilnShape) {
    KILN_F32, frames, latents->height, latents->width, latents->channels
  };
}

guint
svd_decoder_choose_chunk_size (SvdDecoder *self, const SvdLatents *latents,
    guint most)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->stage.in_use);
  KilnShape clip = latents_shape (latents, latents->frames);
  KilnShape chunk = clip;
  SvdPlan plan;

  if (self->chosen > 0 && self->most == most
      && is_same_size (&self->clip, &clip))
    return self->chosen;
  /* What it holds is free for another size. */
  forget_program (self);
  chunk.frames = limit_frames (clip.frames, most);
  if (!check_latents (self, latents, NULL)
      || !fit (self, &chunk, &plan, NULL))
    return 1;                   /* decoding will say why not */
  self->clip = clip;
  self->most = most;
  self->chosen = chunk.frames;
  return self->chosen;
}

static gboolean
run (SvdDecoder *self, const float *latents, GCancellable *cancellable,
    GError **error)
{
  gsize n = kiln_shape_bytes (&self->latents) / sizeof (float);
  g_autofree float *rows = g_new (float, n);

  svd_planes_to_rows (latents, &self->latents,
      1 / self->config->scaling_factor, rows);
  return svd_buffers_write (&self->buffers, "latents", rows, n, error)
      && kiln_program_run (self->program, cancellable, error);
}

/* diffusers: clamp (x / 2 + 1/2), × 255, rounded half to even. */
static guint8
to_byte (float x)
{
  return rintf (CLAMP (x * 0.5f + 0.5f, 0, 1) * 255);
}

static void
to_pixels (const float *rows, gsize n, guint8 *pixels)
{
  for (gsize i = 0; i < n; i++, rows += 4, pixels += 4) {
    for (guint c = 0; c < 3; c++)
      pixels[c] = to_byte (rows[c]);
    pixels[3] = 255;
  }
}

/* Of a chunk. FALSE with error, or FALSE without where the caller has
 * enough. */
static gboolean
emit_frames (KilnBuffer *frames, const KilnShape *shape, guint first,
    SvdFrameFunc func, gpointer user_data, GError **error)
{
  gsize positions = (gsize) shape->height * shape->width;
  g_autofree float *rows = g_new (float, 4 * positions);
  g_autofree guint8 *pixels = g_malloc (4 * positions);

  for (guint i = 0; i < shape->frames; i++) {
    if (!kiln_buffer_read (frames, i * 4 * positions * sizeof *rows, rows,
            4 * positions * sizeof *rows, error))
      return FALSE;
    to_pixels (rows, positions, pixels);
    if (!func (first + i, shape->width, shape->height, pixels, user_data))
      return FALSE;
  }
  return TRUE;
}

/* What the caller and the device work on. */
typedef struct {
  SvdDecoder *decoder;
  const SvdLatents *latents;
  guint at_once;
  GCancellable *cancellable;

  /* Of several chunks. */
  SvdHandover handover;
  KilnBuffer *frames;           /* of the chunk handed over */
  GError *error;                /* that ended decoding */
} Clip;

static KilnShape
chunk_shape (const Clip *clip, guint first)
{
  return latents_shape (clip->latents,
      MIN (clip->at_once, clip->latents->frames - first));
}

static gboolean
decode_chunk (const Clip *clip, guint first, GError **error)
{
  const SvdLatents *latents = clip->latents;
  gsize frame = (gsize) latents->width * latents->height * latents->channels;
  KilnShape shape = chunk_shape (clip, first);

  return prepare (clip->decoder, &shape, clip->cancellable, error)
      && run (clip->decoder, latents->data + first * frame, clip->cancellable,
      error);
}

static gboolean
emit_chunk (const Clip *clip, KilnBuffer *frames, guint first,
    SvdFrameFunc func, gpointer user_data, GError **error)
{
  KilnShape latents = chunk_shape (clip, first);
  KilnShape shape = frames_shape (clip->decoder, &latents);

  return emit_frames (frames, &shape, first, func, user_data, error);
}

/* ---- Decoding of several chunks: a thread has the device decode the next
 * one while the caller takes the frames of the one before, however long that
 * takes. */

static gboolean
hand_over (Clip *clip, guint first)
{
  KilnShape latents = chunk_shape (clip, first);
  KilnShape shape = frames_shape (clip->decoder, &latents);

  if (!svd_handover_wait_empty (&clip->handover)
      || !kiln_buffer_copy (svd_buffers_get (&clip->decoder->buffers,
              "frames"), clip->frames, 0, kiln_shape_bytes (&shape),
          &clip->error))
    return FALSE;
  svd_handover_fill (&clip->handover);
  return TRUE;
}

static gpointer
decode_ahead (gpointer data)
{
  Clip *clip = data;

  for (guint first = 0; first < clip->latents->frames; first += clip->at_once)
    if (!decode_chunk (clip, first, &clip->error) || !hand_over (clip, first))
      break;
  svd_handover_end (&clip->handover);
  return NULL;
}

static void
cancel_ahead (GCancellable *cancellable, gpointer ahead)
{
  g_cancellable_cancel (ahead);
}

/* FALSE with error, or FALSE without where the caller has enough. */
static gboolean
take_chunks (Clip *clip, SvdFrameFunc func, gpointer user_data,
    GError **error)
{
  for (guint first = 0; first < clip->latents->frames; first += clip->at_once) {
    if (!svd_handover_wait_full (&clip->handover)) {
      g_propagate_error (error, g_steal_pointer (&clip->error));
      return FALSE;
    }
    if (!emit_chunk (clip, clip->frames, first, func, user_data, error))
      return FALSE;
    svd_handover_empty (&clip->handover);
  }
  return TRUE;
}

/* clip->cancellable ends as well when the caller has enough. */
static gboolean
decode_side_by_side (Clip *clip, SvdFrameFunc func, gpointer user_data,
    GError **error)
{
  GThread *thread;
  gboolean all;

  svd_handover_init (&clip->handover);
  thread = g_thread_new ("svd-decode", decode_ahead, clip);
  all = take_chunks (clip, func, user_data, error);
  if (!all) {
    svd_handover_stop (&clip->handover);
    g_cancellable_cancel (clip->cancellable);
  }
  g_thread_join (thread);
  g_clear_error (&clip->error);
  svd_handover_clear (&clip->handover);
  return all;
}

static gboolean
decode_chunks (Clip *clip, SvdFrameFunc func, gpointer user_data,
    GError **error)
{
  g_autoptr (GCancellable) ahead = g_cancellable_new ();
  g_autoptr (KilnBuffer) frames = NULL;
  GCancellable *callers = clip->cancellable;
  KilnShape latents = chunk_shape (clip, 0);
  KilnShape shape = frames_shape (clip->decoder, &latents);
  gulong connection = 0;
  gboolean all;

  frames = kiln_buffer_new (clip->decoder->stage.device,
      kiln_shape_bytes (&shape), KILN_MEMORY_DOWNLOAD, error);
  if (frames == NULL)
    return FALSE;
  clip->frames = frames;
  clip->cancellable = ahead;
  if (callers != NULL)
    connection = g_cancellable_connect (callers, G_CALLBACK (cancel_ahead),
        ahead, NULL);
  all = decode_side_by_side (clip, func, user_data, error);
  if (callers != NULL)
    g_cancellable_disconnect (callers, connection);
  return all;
}

static gboolean
decode_at_once (Clip *clip, SvdFrameFunc func, gpointer user_data,
    GError **error)
{
  return decode_chunk (clip, 0, error)
      && emit_chunk (clip, svd_buffers_get (&clip->decoder->buffers, "frames"),
      0, func, user_data, error);
}

gboolean
svd_decoder_decode (SvdDecoder *self, const SvdLatents *latents,
    guint decode_chunk_size, SvdFrameFunc func, gpointer user_data,
    GCancellable *cancellable, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->stage.in_use);
  Clip clip = {
    .decoder = self,
    .latents = latents,
    .at_once = limit_frames (latents->frames, decode_chunk_size),
    .cancellable = cancellable,
  };
  GError *failure = NULL;

  if (!check_latents (self, latents, error))
    return FALSE;
  if (clip.at_once == latents->frames)
    decode_at_once (&clip, func, user_data, &failure);
  else
    decode_chunks (&clip, func, user_data, &failure);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}
