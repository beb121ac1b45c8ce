/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/temporal-vae.h"
#include "stage.h"

#include <math.h>

/* A program for a run of frames: full chunks and the last, shorter one. */
typedef struct {
  KilnShape latents;            /* fp32 */
  KilnProgram *program;
  SvdBuffers buffers;           /* latents, frames */
} Chunk;

struct _SvdDecoder
{
  SvdStage stage;
  const SvdVaeConfig *config;
  KilnWeightSource *source;
  Chunk chunks[2];
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

/* ---- Chunks */

static void
chunk_clear (Chunk *chunk)
{
  g_clear_pointer (&chunk->program, kiln_program_free);
  svd_buffers_clear (&chunk->buffers);
}

static KilnShape
frames_shape (SvdDecoder *self, const KilnShape *latents)
{
  return (KilnShape) {
    KILN_F32, latents->frames, latents->height * self->config->factor,
    latents->width * self->config->factor, self->config->out_channels
  };
}

static gboolean
chunk_prepare (SvdDecoder *self, Chunk *chunk, const KilnShape *latents,
    GCancellable *cancellable, GError **error)
{
  KilnShape frames = frames_shape (self, latents);
  g_autoptr (KilnGraph) graph = build (self, latents);

  chunk_clear (chunk);
  chunk->latents = *latents;
  if (!kiln_graph_check (graph, error)
      || !svd_buffers_add (&chunk->buffers, self->stage.device, "latents",
          latents, error)
      || !svd_buffers_add (&chunk->buffers, self->stage.device, "frames",
          &frames, error))
    return FALSE;
  chunk->program = kiln_program_new (graph, self->stage.device,
      self->stage.store, chunk->buffers.items, chunk->buffers.n,
      cancellable, error);
  return chunk->program != NULL;
}

static Chunk *
get_chunk (SvdDecoder *self, gboolean last, const KilnShape *latents,
    GCancellable *cancellable, GError **error)
{
  Chunk *chunk = &self->chunks[last];

  if (chunk->program != NULL && chunk->latents.frames == latents->frames
      && chunk->latents.height == latents->height
      && chunk->latents.width == latents->width)
    return chunk;
  return chunk_prepare (self, chunk, latents, cancellable, error) ? chunk : NULL;
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
svd_decoder_new (SvdDevice *device, SvdModel *model, SvdPrecision precision,
    SvdProgress progress, gpointer user_data, GCancellable *cancellable,
    GError **error)
{
  g_autoptr (SvdDecoder) self = g_new0 (SvdDecoder, 1);
  g_autoptr (KilnGraph) graph = NULL;
  KilnShape shape;

  svd_stage_init (&self->stage, device, model, precision);
  if (!open_part (self, error))
    return NULL;
  shape = (KilnShape) { KILN_F32, 1, 1, 1, self->config->latent_channels };
  graph = build (self, &shape);
  if (!svd_stage_load (&self->stage, &graph, 1, progress, user_data,
          cancellable, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
svd_decoder_free (SvdDecoder *self)
{
  chunk_clear (&self->chunks[0]);
  chunk_clear (&self->chunks[1]);
  svd_stage_clear (&self->stage);
  g_free (self);
}

/* ---- Planning */

static gboolean
add_chunk (SvdDecoder *self, SvdPlan *plan, KilnShape latents, guint frames,
    GError **error)
{
  guint64 weights = plan->weights;
  g_autoptr (KilnGraph) graph = NULL;

  if (frames == 0)
    return TRUE;
  latents.frames = frames;
  graph = build (self, &latents);
  if (!svd_plan_add (plan, graph, error))
    return FALSE;
  if (weights > 0)              /* chunks share them */
    plan->weights = weights;
  return TRUE;
}

gboolean
svd_decoder_plan (SvdModel *model, SvdPrecision precision, guint width,
    guint height, guint num_frames, guint decode_chunk_size, SvdPlan *plan,
    GError **error)
{
  g_autoptr (SvdDecoder) self = g_new0 (SvdDecoder, 1);
  const SvdModelInfo *info = &self->stage.info;
  KilnShape latents;
  guint at_once;

  svd_stage_init (&self->stage, NULL, model, precision);
  *plan = (SvdPlan) { 0 };
  if (!open_part (self, error)
      || !svd_info_resolve_size (info, &width, &height, error))
    return FALSE;
  num_frames = num_frames ? num_frames : info->num_frames;
  at_once = decode_chunk_size ? MIN (decode_chunk_size, num_frames)
      : num_frames;
  latents = (KilnShape) {
    KILN_F32, at_once, height / info->factor, width / info->factor,
    info->latent_channels
  };
  return add_chunk (self, plan, latents, at_once, error)
      && add_chunk (self, plan, latents, num_frames % at_once, error);
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

static gboolean
run_chunk (SvdDecoder *self, const Chunk *chunk, const float *latents,
    GCancellable *cancellable, GError **error)
{
  gsize n = kiln_shape_bytes (&chunk->latents) / sizeof (float);
  g_autofree float *rows = g_new (float, n);

  svd_planes_to_rows (latents, &chunk->latents,
      1 / self->config->scaling_factor, rows);
  return svd_buffers_write (&chunk->buffers, "latents", rows, n, error)
      && kiln_program_run (chunk->program, cancellable, error);
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

/* FALSE with error, or FALSE without where the caller has enough. */
static gboolean
emit_frames (SvdDecoder *self, const Chunk *chunk, guint first,
    SvdFrameFunc func, gpointer user_data, GError **error)
{
  KilnShape shape = frames_shape (self, &chunk->latents);
  gsize positions = (gsize) shape.height * shape.width;
  g_autofree float *rows = g_new (float, 4 * positions);
  g_autofree guint8 *pixels = g_malloc (4 * positions);
  KilnBuffer *frames = svd_buffers_get (&chunk->buffers, "frames");

  for (guint i = 0; i < shape.frames; i++) {
    if (!kiln_buffer_read (frames, i * 4 * positions * sizeof *rows, rows,
            4 * positions * sizeof *rows, error))
      return FALSE;
    to_pixels (rows, positions, pixels);
    if (!func (first + i, shape.width, shape.height, pixels, user_data))
      return FALSE;
  }
  return TRUE;
}

gboolean
svd_decoder_decode (SvdDecoder *self, const SvdLatents *latents,
    guint decode_chunk_size, SvdFrameFunc func, gpointer user_data,
    GCancellable *cancellable, GError **error)
{
  guint at_once = decode_chunk_size ? decode_chunk_size : latents->frames;
  gsize frame = (gsize) latents->width * latents->height * latents->channels;

  if (!check_latents (self, latents, error))
    return FALSE;
  for (guint first = 0; first < latents->frames; first += at_once) {
    guint n = MIN (at_once, latents->frames - first);
    KilnShape shape = {
      KILN_F32, n, latents->height, latents->width, latents->channels
    };
    Chunk *chunk = get_chunk (self, n < at_once, &shape, cancellable, error);
    GError *failure = NULL;

    if (chunk == NULL || !run_chunk (self, chunk,
            latents->data + first * frame, cancellable, error))
      return FALSE;
    if (!emit_frames (self, chunk, first, func, user_data, &failure)) {
      if (failure == NULL)
        return TRUE;
      g_propagate_error (error, failure);
      return FALSE;
    }
  }
  return TRUE;
}
