/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "diffusion/noise.h"
#include "models/clip-vision.h"
#include "models/temporal-vae.h"
#include "preprocess.h"

struct _SvdEncoder
{
  SvdStage stage;
  const SvdClipConfig *clip;
  const SvdVaeConfig *vae;
  KilnWeightSource *clip_source, *vae_source;

  /* For the size of the last picture. */
  guint width, height;
  KilnProgram *clip_program, *vae_program;
  SvdBuffers clip_buffers;      /* pixels, embedding */
  SvdBuffers vae_buffers;       /* pixels, moments */
};

void
svd_conditioning_clear (SvdConditioning *conditioning)
{
  g_clear_pointer (&conditioning->image_latents, g_free);
  g_clear_pointer (&conditioning->image_embedding, g_free);
}

/* ---- Programs */

static KilnShape
clip_pixels_shape (SvdEncoder *self)
{
  return (KilnShape) {
    KILN_F32, 1, self->clip->image_size, self->clip->image_size, 3
  };
}

static KilnGraph *
build_clip (SvdEncoder *self)
{
  KilnGraph *graph = kiln_graph_new (self->stage.type);
  KilnScope scope = kiln_scope_root (self->clip_source);
  KilnShape shape = clip_pixels_shape (self);
  KilnTensor *x = kiln_graph_input (graph, "pixels", &shape);

  x = kiln_convert (graph, x, self->stage.type);
  x = svd_clip_vision (graph, &scope, self->clip, x);
  svd_graph_output_fp32 (graph, x, "embedding");
  return graph;
}

static KilnGraph *
build_vae (SvdEncoder *self, guint width, guint height)
{
  KilnGraph *graph = kiln_graph_new (self->stage.type);
  KilnScope scope = kiln_scope_root (self->vae_source);
  KilnShape shape = { KILN_F32, 1, height, width, 3 };
  KilnTensor *x = kiln_graph_input (graph, "pixels", &shape);

  x = kiln_convert (graph, x, self->stage.type);
  x = svd_vae_encode (graph, &scope, self->vae, x);
  svd_graph_output_fp32 (graph, x, "moments");
  return graph;
}

/* The picture is prepared while the networks' memory is held. */
static gboolean
add_preparation (SvdEncoder *self, guint width, guint height, SvdPlan *plan,
    GError **error)
{
  const SvdPreprocess params = {
    .clip_size = self->clip->image_size, .width = width, .height = height,
    .std = { 1, 1, 1 },
  };
  KilnShape clip_pixels = clip_pixels_shape (self);
  KilnShape vae_pixels = { KILN_F32, 1, height, width, 3 };
  KilnPlan preparation;

  if (!svd_preprocess_plan (&params, &preparation, error))
    return FALSE;
  /* Its results are the networks' inputs, which are counted there. */
  plan->arena += preparation.arena_bytes + preparation.external_bytes
      - kiln_shape_bytes (&clip_pixels) - kiln_shape_bytes (&vae_pixels);
  return TRUE;
}

static gboolean
make_plan (SvdEncoder *self, guint width, guint height, SvdPlan *plan,
    GError **error)
{
  g_autoptr (KilnGraph) clip = build_clip (self);
  g_autoptr (KilnGraph) vae = build_vae (self, width, height);

  *plan = (SvdPlan) { 0 };
  return svd_plan_add (plan, clip, error) && svd_plan_add (plan, vae, error)
      && add_preparation (self, width, height, plan, error);
}

static gboolean
prepare_clip (SvdEncoder *self, GCancellable *cancellable, GError **error)
{
  KilnShape pixels = clip_pixels_shape (self);
  KilnShape embedding = svd_vector_shape (self->clip->projection_dim);
  g_autoptr (KilnGraph) graph = build_clip (self);

  if (!svd_buffers_add (&self->clip_buffers, self->stage.device, "pixels",
          &pixels, error)
      || !svd_buffers_add (&self->clip_buffers, self->stage.device,
          "embedding", &embedding, error))
    return FALSE;
  self->clip_program = kiln_program_new (graph, self->stage.device,
      self->stage.store, self->clip_buffers.items, self->clip_buffers.n,
      cancellable, error);
  return self->clip_program != NULL;
}

static KilnShape
moments_shape (SvdEncoder *self, guint width, guint height)
{
  return (KilnShape) {
    KILN_F32, 1, height / self->vae->factor, width / self->vae->factor,
    2 * self->vae->latent_channels
  };
}

static void
forget_programs (gpointer encoder)
{
  SvdEncoder *self = encoder;

  g_clear_pointer (&self->clip_program, kiln_program_free);
  g_clear_pointer (&self->vae_program, kiln_program_free);
  svd_buffers_clear (&self->clip_buffers);
  svd_buffers_clear (&self->vae_buffers);
  self->width = self->height = 0;
}

static gboolean
prepare_vae (SvdEncoder *self, guint width, guint height,
    GCancellable *cancellable, GError **error)
{
  KilnShape pixels = { KILN_F32, 1, height, width, 3 };
  KilnShape moments = moments_shape (self, width, height);
  g_autoptr (KilnGraph) graph = build_vae (self, width, height);

  if (!svd_buffers_add (&self->vae_buffers, self->stage.device, "pixels",
          &pixels, error)
      || !svd_buffers_add (&self->vae_buffers, self->stage.device, "moments",
          &moments, error))
    return FALSE;
  self->vae_program = kiln_program_new (graph, self->stage.device,
      self->stage.store, self->vae_buffers.items, self->vae_buffers.n,
      cancellable, error);
  return self->vae_program != NULL;
}

static gboolean
prepare (SvdEncoder *self, guint width, guint height,
    GCancellable *cancellable, GError **error)
{
  SvdPlan plan;

  if (self->width == width && self->height == height)
    return TRUE;
  forget_programs (self);
  if (!make_plan (self, width, height, &plan, error)
      || !svd_stage_check_plan (&self->stage, &plan, "This size", error)
      || !prepare_clip (self, cancellable, error)
      || !prepare_vae (self, width, height, cancellable, error))
    return FALSE;
  self->width = width;
  self->height = height;
  return TRUE;
}

/* ---- Making and freeing */

static gboolean
open_parts (SvdEncoder *self, GError **error)
{
  SvdModelFiles *files = self->stage.files;

  self->clip = svd_model_files_get_clip_config (files, error);
  if (self->clip == NULL)
    return FALSE;
  self->vae = svd_model_files_get_vae_config (files, error);
  if (self->vae == NULL)
    return FALSE;
  self->clip_source =
      svd_stage_get_source (&self->stage, SVD_PART_IMAGE_ENCODER, error);
  if (self->clip_source == NULL)
    return FALSE;
  self->vae_source = svd_stage_get_source (&self->stage, SVD_PART_VAE, error);
  return self->vae_source != NULL;
}

static gboolean
load_weights (SvdEncoder *self, SvdProgress progress, gpointer user_data,
    GCancellable *cancellable, GError **error)
{
  const SvdModelInfo *info = &self->stage.info;
  g_autoptr (KilnGraph) clip = build_clip (self);
  g_autoptr (KilnGraph) vae = build_vae (self, info->width, info->height);
  KilnGraph *const graphs[] = { clip, vae };

  return svd_stage_load (&self->stage, graphs, G_N_ELEMENTS (graphs),
      progress, user_data, cancellable, error);
}

SvdEncoder *
svd_encoder_new (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, SvdProgress progress, gpointer user_data,
    GCancellable *cancellable, GError **error)
{
  g_autoptr (SvdEncoder) self = g_new0 (SvdEncoder, 1);

  svd_stage_init (&self->stage, device, model, options);
  if (!open_parts (self, error)
      || !load_weights (self, progress, user_data, cancellable, error))
    return NULL;
  svd_stage_may_idle (&self->stage, forget_programs, self);
  return g_steal_pointer (&self);
}

gboolean
svd_encoder_check (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, GError **error)
{
  g_autoptr (SvdEncoder) self = g_new0 (SvdEncoder, 1);
  SvdPlan plan;

  svd_stage_init (&self->stage, device, model, options);
  return open_parts (self, error)
      && make_plan (self, self->vae->factor, self->vae->factor, &plan, error);
}

void
svd_encoder_free (SvdEncoder *self)
{
  svd_stage_forget_idle (&self->stage);
  forget_programs (self);
  svd_stage_clear (&self->stage);
  g_free (self);
}

/* ---- Planning */

gboolean
svd_encoder_plan (SvdModel *model, const SvdStageOptions *options,
    guint width, guint height, SvdPlan *plan, GError **error)
{
  g_autoptr (SvdEncoder) self = g_new0 (SvdEncoder, 1);

  svd_stage_init (&self->stage, NULL, model, options);
  if (!open_parts (self, error)
      || !svd_info_resolve_size (&self->stage.info, &width, &height, error))
    return FALSE;
  return make_plan (self, width, height, plan, error)
      && svd_stage_check_plan (&self->stage, plan, "This size", error);
}

GPtrArray *
svd_encoder_build_graphs (SvdModel *model, const SvdStageOptions *options,
    guint width, guint height, GError **error)
{
  g_autoptr (SvdEncoder) self = g_new0 (SvdEncoder, 1);
  GPtrArray *graphs;

  svd_stage_init (&self->stage, NULL, model, options);
  if (!open_parts (self, error)
      || !svd_info_resolve_size (&self->stage.info, &width, &height, error))
    return NULL;
  graphs = g_ptr_array_new_with_free_func ((GDestroyNotify) kiln_graph_free);
  g_ptr_array_add (graphs, build_clip (self));
  g_ptr_array_add (graphs, build_vae (self, width, height));
  return graphs;
}

/* ---- Encoding */

/* The first numbers of the seed's stream, as diffusers draws them; drawn
 * whatever the strength. */
static float *
draw_noise (guint64 seed, gsize n, float strength, GCancellable *cancellable,
    GError **error)
{
  g_autoptr (KilnNoise) noise = kiln_noise_new (seed);
  g_autofree float *values = g_new (float, n);

  if (!kiln_noise_draw (noise, values, n, cancellable, error))
    return NULL;
  for (gsize i = 0; i < n; i++)
    values[i] *= strength;
  return g_steal_pointer (&values);
}

static gboolean
prepare_pixels (SvdEncoder *self, const SvdPicture *picture, SvdFit fit,
    float strength, guint64 seed, GCancellable *cancellable, GError **error)
{
  const SvdPreprocessorConfig *config =
      svd_model_files_get_preprocessor_config (self->stage.files);
  SvdPreprocess params = {
    .clip_size = self->clip->image_size,
    .width = self->width,
    .height = self->height,
  };
  g_auto (SvdFitted) fitted = { 0 };
  g_autofree float *noise = NULL;

  for (guint c = 0; c < 3; c++) {
    params.mean[c] = config->image_mean[c];
    params.std[c] = config->image_std[c];
  }
  if (!svd_picture_fit (picture, fit, self->width, self->height, &fitted,
          error))
    return FALSE;
  noise = draw_noise (seed, (gsize) 3 * self->width * self->height, strength,
      cancellable, error);
  return noise != NULL && svd_preprocess (self->stage.device, &params, &fitted,
      noise, svd_buffers_get (&self->clip_buffers, "pixels"),
      svd_buffers_get (&self->vae_buffers, "pixels"), cancellable, error);
}

static gboolean
read_results (SvdEncoder *self, SvdConditioning *conditioning,
    GError **error)
{
  KilnShape shape = moments_shape (self, self->width, self->height);
  gsize n = kiln_shape_rows (&shape) * shape.channels;
  g_autofree float *rows = g_malloc (kiln_shape_bytes (&shape));

  conditioning->width = shape.width;
  conditioning->height = shape.height;
  conditioning->channels = self->vae->latent_channels;
  conditioning->embedding_size = self->clip->projection_dim;
  /* Means first: the planes after them are variances, and unused. */
  conditioning->image_latents = g_new (float, n);
  conditioning->image_embedding = g_new (float, conditioning->embedding_size);
  if (!svd_buffers_read (&self->vae_buffers, "moments", rows,
          kiln_shape_bytes (&shape) / sizeof (float), error))
    return FALSE;
  svd_rows_to_planes (rows, &shape, conditioning->image_latents);
  return svd_buffers_read (&self->clip_buffers, "embedding",
      conditioning->image_embedding, conditioning->embedding_size, error);
}

gboolean
svd_encoder_encode (SvdEncoder *self, const SvdPicture *picture,
    const SvdEncodeParams *params, SvdConditioning *conditioning,
    GCancellable *cancellable, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->stage.in_use);
  const SvdModelInfo *info = &self->stage.info;
  guint width = params->width, height = params->height;
  double strength = params->noise_aug_strength < 0
      ? info->noise_aug_strength : params->noise_aug_strength;

  if (!svd_info_resolve_size (info, &width, &height, error)
      || !prepare (self, width, height, cancellable, error)
      || !prepare_pixels (self, picture, params->fit, strength, params->seed,
          cancellable, error)
      || !kiln_program_run (self->clip_program, cancellable, error)
      || !kiln_program_run (self->vae_program, cancellable, error))
    return FALSE;
  conditioning->noise_aug_strength = strength;
  return read_results (self, conditioning, error);
}
