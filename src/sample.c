/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "diffusion/guidance.h"
#include "diffusion/noise.h"
#include "diffusion/scheduler.h"
#include "models/spatiotemporal-unet.h"
#include "stage.h"

#include <string.h>

#define MAX_FRAMES 1024
#define MAX_STEPS 1000
#define MAX_FPS 1000
#define MAX_BUCKET 1023

struct _SvdSampler
{
  SvdStage stage;
  const SvdUnetConfig *config;
  const SvdSchedulerConfig *scheduler;
  KilnWeightSource *source;

  /* For the shape of the last clip. */
  KilnShape shape;              /* of the latents, fp32 */
  SvdBuffers buffers;
  KilnProgram *unet, *guided_step, *plain_step;
  guint64 streamed;             /* bytes of weights in host memory */
};

void
svd_latents_clear (SvdLatents *latents)
{
  g_clear_pointer (&latents->data, g_free);
}

/* ---- Programs */

static KilnShape
picture_shape (const KilnShape *latents)
{
  KilnShape shape = *latents;

  shape.frames = 1;
  return shape;
}

/* The network's view of a step: noisy latents × c_in beside the picture's
 * latents. `conditional` is 1, or 0 for the unconditional pass, in which
 * the picture's latents and its embedding are zero. */
static KilnGraph *
build_unet (SvdSampler *self, const KilnShape *latents)
{
  KilnType type = self->stage.type;
  KilnGraph *graph = kiln_graph_new (type);
  KilnScope scope = kiln_scope_root (self->source);
  const KilnAffine scale = { .a_scale = 1, .type = type };
  KilnShape picture = picture_shape (latents);
  KilnShape one = svd_vector_shape (1), ids = svd_vector_shape (3);
  KilnShape frames = svd_vector_shape (latents->frames);
  KilnShape embedding =
      svd_vector_shape (self->config->cross_attention_dim[0]);
  KilnTensor *conditional = kiln_graph_input (graph, "conditional", &one);
  KilnTensor *c_in = kiln_graph_input (graph, "c-in", &one);
  KilnTensor *sample = kiln_affine (graph,
      kiln_graph_input (graph, "sample", latents), NULL, c_in, &scale);
  KilnTensor *image_latents = kiln_affine (graph,
      kiln_graph_input (graph, "image-latents", &picture), NULL, conditional,
      &scale);
  SvdUnetInputs inputs = {
    .sample = kiln_concat (graph, sample, image_latents),
    .timestep = kiln_graph_input (graph, "timestep", &one),
    .added_time_ids = kiln_graph_input (graph, "added-time-ids", &ids),
    .frames = kiln_graph_input (graph, "frames", &frames),
    .context = kiln_affine (graph,
        kiln_graph_input (graph, "embedding", &embedding), NULL, conditional,
        &scale),
  };
  KilnTensor *velocity = svd_unet (graph, &scope, self->config, &inputs);

  svd_graph_output_fp32 (graph, velocity, "velocity");
  return graph;
}

/* Each number of the sample is read and written by one invocation: the
 * result may take its place. */
static KilnGraph *
build_step (const KilnShape *latents, gboolean guided)
{
  KilnGraph *graph = kiln_graph_new (KILN_F32);
  KilnShape guidance = svd_vector_shape (latents->frames);
  KilnShape sigmas = svd_vector_shape (2);
  KilnTensor *inputs[] = {
    kiln_graph_input (graph, "sample", latents),
    kiln_graph_input (graph, "velocity", latents),
    guided ? kiln_graph_input (graph, "unconditional", latents) : NULL,
    kiln_graph_input (graph, "guidance", &guidance),
    kiln_graph_input (graph, "sigmas", &sigmas),
  };
  KilnTensor *next = kiln_graph_add (graph, &kiln_euler_class, NULL, inputs,
      G_N_ELEMENTS (inputs));

  kiln_graph_output (graph, next, "sample");
  return graph;
}

#define N_BUFFERS 12

typedef struct
{
  const char *name;
  KilnShape shape;
} SamplerBuffers[N_BUFFERS];

static void
list_buffers (const SvdSampler *self, const KilnShape *latents,
    SamplerBuffers buffers)
{
  SamplerBuffers wanted = {
    { "sample", *latents },
    { "velocity", *latents },
    { "unconditional", *latents },
    { "image-latents", picture_shape (latents) },
    { "embedding", svd_vector_shape (self->config->cross_attention_dim[0]) },
    { "conditional", svd_vector_shape (1) },
    { "c-in", svd_vector_shape (1) },
    { "timestep", svd_vector_shape (1) },
    { "added-time-ids", svd_vector_shape (3) },
    { "frames", svd_vector_shape (latents->frames) },
    { "guidance", svd_vector_shape (latents->frames) },
    { "sigmas", svd_vector_shape (2) },
  };

  memcpy (buffers, wanted, sizeof wanted);
}

static gboolean
add_buffers (SvdSampler *self, const KilnShape *latents, GError **error)
{
  SamplerBuffers wanted;

  list_buffers (self, latents, wanted);
  for (guint i = 0; i < N_BUFFERS; i++)
    if (!svd_buffers_add (&self->buffers, self->stage.device, wanted[i].name,
            &wanted[i].shape, error))
      return FALSE;
  return TRUE;
}

static guint64
buffer_bytes (const SvdSampler *self, const KilnShape *latents)
{
  SamplerBuffers wanted;
  guint64 bytes = 0;

  list_buffers (self, latents, wanted);
  for (guint i = 0; i < N_BUFFERS; i++)
    bytes += MAX (kiln_shape_bytes (&wanted[i].shape), KILN_BUFFER_MIN_BYTES);
  return bytes;
}

/* Leaves weights of the graph in host memory where there is no room, though
 * idle stages have given theirs back. */
static gboolean
fit (SvdSampler *self, const KilnShape *latents, KilnGraph *unet,
    SvdPlan *plan, GError **error)
{
  guint64 buffers = buffer_bytes (self, latents);
  KilnPlan fitted;
  guint64 room;

  *plan = (SvdPlan) { 0 };
  if (!kiln_graph_plan (unet, &fitted, error))
    return FALSE;
  room = svd_stage_make_room (&self->stage,
      fitted.weight_bytes + fitted.arena_bytes + buffers);
  if (!kiln_graph_fit (unet, room - MIN (room, buffers), &fitted, error)
      || !svd_plan_add (plan, unet, error))
    return FALSE;
  plan->buffers = buffers;
  return TRUE;
}

static void
forget_programs (gpointer sampler)
{
  SvdSampler *self = sampler;

  g_clear_pointer (&self->unet, kiln_program_free);
  g_clear_pointer (&self->guided_step, kiln_program_free);
  g_clear_pointer (&self->plain_step, kiln_program_free);
  svd_buffers_clear (&self->buffers);
  self->shape.frames = 0;
}

/* (transfer full) graph */
static KilnProgram *
new_program (SvdSampler *self, KilnGraph *built, GCancellable *cancellable,
    GError **error)
{
  g_autoptr (KilnGraph) graph = built;

  return kiln_program_new (graph, self->stage.device, self->stage.store,
      self->buffers.items, self->buffers.n, cancellable, error);
}

static gboolean
prepare (SvdSampler *self, const KilnShape *latents, SvdProgress progress,
    gpointer user_data, GCancellable *cancellable, GError **error)
{
  g_autoptr (KilnGraph) unet = NULL;
  g_autofree float *frames = NULL;
  SvdPlan plan;

  if (self->shape.frames == latents->frames
      && self->shape.height == latents->height
      && self->shape.width == latents->width)
    return TRUE;
  forget_programs (self);
  unet = build_unet (self, latents);
  if (!fit (self, latents, unet, &plan, error)
      || !svd_stage_check_plan (&self->stage, &plan, "This size", error)
      || !svd_stage_load (&self->stage, &unet, 1, progress, user_data,
          cancellable, error)
      || !add_buffers (self, latents, error))
    return FALSE;
  self->streamed = plan.streamed;
  self->unet = new_program (self, g_steal_pointer (&unet), cancellable,
      error);
  if (self->unet == NULL)
    return FALSE;
  self->guided_step = new_program (self, build_step (latents, TRUE),
      cancellable, error);
  if (self->guided_step == NULL)
    return FALSE;
  self->plain_step = new_program (self, build_step (latents, FALSE),
      cancellable, error);
  if (self->plain_step == NULL)
    return FALSE;
  frames = g_new (float, latents->frames);
  for (guint i = 0; i < latents->frames; i++)
    frames[i] = i;
  if (!svd_buffers_write (&self->buffers, "frames", frames, latents->frames,
          error))
    return FALSE;
  self->shape = *latents;
  return TRUE;
}

/* ---- Making and freeing */

static gboolean
open_part (SvdSampler *self, GError **error)
{
  self->config = svd_model_files_get_unet_config (self->stage.files, error);
  if (self->config == NULL)
    return FALSE;
  self->source = svd_stage_get_source (&self->stage, SVD_PART_UNET, error);
  return self->source != NULL;
}

/* Where not all of them fit beside a clip of the model's own size, the first
 * clip's size decides where they go. */
static gboolean
load_weights (SvdSampler *self, SvdProgress progress, gpointer user_data,
    GCancellable *cancellable, GError **error)
{
  g_autoptr (KilnGraph) graph = NULL;
  KilnShape latents;
  SvdPlan plan;

  if (!svd_stage_get_latents (&self->stage, 0, 0, 0, &latents, error))
    return FALSE;
  graph = build_unet (self, &latents);
  if (!fit (self, &latents, graph, &plan, error))
    return FALSE;
  return plan.streamed > 0 || svd_stage_load (&self->stage, &graph, 1,
      progress, user_data, cancellable, error);
}

SvdSampler *
svd_sampler_new (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, SvdProgress progress, gpointer user_data,
    GCancellable *cancellable, GError **error)
{
  g_autoptr (SvdSampler) self = g_new0 (SvdSampler, 1);

  svd_stage_init (&self->stage, device, model, options);
  if (!open_part (self, error))
    return NULL;
  self->scheduler =
      svd_model_files_get_scheduler_config (self->stage.files, error);
  if (self->scheduler == NULL
      || !load_weights (self, progress, user_data, cancellable, error))
    return NULL;
  svd_stage_may_idle (&self->stage, forget_programs, self);
  return g_steal_pointer (&self);
}

gboolean
svd_sampler_check (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, GError **error)
{
  g_autoptr (SvdSampler) self = g_new0 (SvdSampler, 1);
  g_autoptr (KilnGraph) unet = NULL;
  KilnShape latents;

  svd_stage_init (&self->stage, device, model, options);
  if (!open_part (self, error)
      || svd_model_files_get_scheduler_config (self->stage.files, error)
      == NULL)
    return FALSE;
  latents = (KilnShape) { KILN_F32, 1, 1, 1, self->stage.info.latent_channels };
  unet = build_unet (self, &latents);
  return kiln_graph_check (unet, error);
}

void
svd_sampler_free (SvdSampler *self)
{
  svd_stage_forget_idle (&self->stage);
  forget_programs (self);
  svd_stage_clear (&self->stage);
  g_free (self);
}

guint64
svd_sampler_get_streamed (SvdSampler *self)
{
  return self->streamed;
}

/* ---- Planning */

gboolean
svd_sampler_plan (SvdModel *model, const SvdStageOptions *options,
    guint width, guint height, guint num_frames, SvdPlan *plan,
    GError **error)
{
  g_autoptr (SvdSampler) self = g_new0 (SvdSampler, 1);
  g_autoptr (KilnGraph) unet = NULL;
  KilnShape latents;

  svd_stage_init (&self->stage, NULL, model, options);
  if (!open_part (self, error)
      || !svd_stage_get_latents (&self->stage, width, height, num_frames,
          &latents, error))
    return FALSE;
  unet = build_unet (self, &latents);
  return fit (self, &latents, unet, plan, error)
      && svd_stage_check_plan (&self->stage, plan, "This size", error);
}

GPtrArray *
svd_sampler_build_graphs (SvdModel *model, const SvdStageOptions *options,
    guint width, guint height, guint num_frames, GError **error)
{
  g_autoptr (SvdSampler) self = g_new0 (SvdSampler, 1);
  GPtrArray *graphs;
  KilnShape latents;

  svd_stage_init (&self->stage, NULL, model, options);
  if (!open_part (self, error)
      || !svd_stage_get_latents (&self->stage, width, height, num_frames,
          &latents, error))
    return NULL;
  graphs = g_ptr_array_new_with_free_func ((GDestroyNotify) kiln_graph_free);
  g_ptr_array_add (graphs, build_unet (self, &latents));
  g_ptr_array_add (graphs, build_step (&latents, TRUE));
  return graphs;
}

/* ---- Parameters */

static SvdSampleParams
resolve (const SvdSampler *self, const SvdSampleParams *given)
{
  const SvdModelInfo *info = &self->stage.info;
  SvdSampleParams params = *given;

  if (params.num_frames == 0)
    params.num_frames = info->num_frames;
  if (params.n_sigmas > 0)
    params.steps = params.n_sigmas - 1;
  else if (params.steps == 0)
    params.steps = info->steps;
  if (params.fps == 0)
    params.fps = info->fps;
  if (params.motion_bucket_id < 0)
    params.motion_bucket_id = info->motion_bucket_id;
  if (params.min_guidance_scale < 0)
    params.min_guidance_scale = info->min_guidance_scale;
  if (params.max_guidance_scale < 0)
    params.max_guidance_scale = info->max_guidance_scale;
  return params;
}

static gboolean
check_sigmas (const SvdSampleParams *params, GError **error)
{
  g_autoptr (KilnEulerSchedule) schedule = NULL;

  if (params->n_sigmas == 0)
    return TRUE;
  schedule = kiln_euler_schedule_new_custom (params->sigmas,
      params->n_sigmas, TRUE, error);
  return schedule != NULL;
}

gboolean
svd_sample_params_check (const SvdSampleParams *params, GError **error)
{
  const struct
  {
    const char *name;
    guint value, most;
  } limits[] = {
    { "num-frames", params->num_frames, MAX_FRAMES },
    { "steps", params->steps, MAX_STEPS },
    { "the number of sigmas", params->n_sigmas, MAX_STEPS + 1 },
    { "fps", params->fps, MAX_FPS },
    { "motion-bucket-id", MAX (params->motion_bucket_id, 0), MAX_BUCKET },
  };

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    if (limits[i].value > limits[i].most) {
      g_set_error (error, SVD_ERROR, SVD_ERROR_ARGUMENT,
          "%s is %u; it can be at most %u", limits[i].name, limits[i].value,
          limits[i].most);
      return FALSE;
    }
  return check_sigmas (params, error);
}

static gboolean
check_conditioning (const SvdSampler *self,
    const SvdConditioning *conditioning, GError **error)
{
  const SvdModelInfo *info = &self->stage.info;
  guint embedding = self->config->cross_attention_dim[0];

  if (conditioning->width > 0 && conditioning->height > 0
      && conditioning->channels == info->latent_channels
      && conditioning->embedding_size == embedding)
    return TRUE;
  g_set_error (error, SVD_ERROR, SVD_ERROR_SHAPE,
      "The conditioning has %u latent channels and an embedding of %u, this "
      "model wants %u and %u; encode the picture with the same model",
      conditioning->channels, conditioning->embedding_size,
      info->latent_channels, embedding);
  return FALSE;
}

/* ---- Sampling */

static KilnEulerSchedule *
make_schedule (const SvdSampler *self, const SvdSampleParams *params,
    GError **error)
{
  const SvdSchedulerConfig *config = self->scheduler;

  if (params->n_sigmas > 0)
    return kiln_euler_schedule_new_custom (params->sigmas, params->n_sigmas,
        config->leading_spacing, error);
  return kiln_euler_schedule_new_karras (params->steps, config->sigma_min,
      config->sigma_max, config->rho, config->leading_spacing, error);
}

static KilnGuidance
guidance_curve (SvdGuidance guidance)
{
  switch (guidance) {
    case SVD_GUIDANCE_LINEAR:
      return KILN_GUIDANCE_LINEAR;
    case SVD_GUIDANCE_TRIANGULAR:
      return KILN_GUIDANCE_TRIANGULAR;
    case SVD_GUIDANCE_CONSTANT:
      return KILN_GUIDANCE_CONSTANT;
  }
  g_return_val_if_reached (KILN_GUIDANCE_LINEAR);
}

/* The clip's first latents: noise × init_noise_sigma. diffusers has drawn
 * the picture's noise from the same generator before. */
static gboolean
write_noise (SvdSampler *self, guint64 seed, double init_noise_sigma,
    GCancellable *cancellable, GError **error)
{
  const KilnShape *shape = &self->shape;
  gsize factor = self->stage.info.factor;
  gsize n = kiln_shape_rows (shape) * shape->channels;
  gsize rows_n = kiln_shape_bytes (shape) / sizeof (float);
  g_autoptr (KilnNoise) noise = kiln_noise_new (seed);
  g_autofree float *planes = g_new (float, n);
  g_autofree float *rows = g_new (float, rows_n);

  kiln_noise_skip (noise, 3 * factor * shape->height * factor * shape->width);
  if (!kiln_noise_draw (noise, planes, n, cancellable, error))
    return FALSE;
  svd_planes_to_rows (planes, shape, init_noise_sigma, rows);
  return svd_buffers_write (&self->buffers, "sample", rows, rows_n, error);
}

static gboolean
write_conditioning (SvdSampler *self, const SvdConditioning *conditioning,
    const SvdSampleParams *params, GError **error)
{
  KilnShape shape = picture_shape (&self->shape);
  gsize n = kiln_shape_bytes (&shape) / sizeof (float);
  g_autofree float *rows = g_new (float, n);
  /* The networks were trained with fps − 1. */
  const float ids[] = {
    (float) params->fps - 1, params->motion_bucket_id,
    conditioning->noise_aug_strength
  };

  svd_planes_to_rows (conditioning->image_latents, &shape, 1, rows);
  return svd_buffers_write (&self->buffers, "image-latents", rows, n, error)
      && svd_buffers_write (&self->buffers, "embedding",
      conditioning->image_embedding, conditioning->embedding_size, error)
      && svd_buffers_write (&self->buffers, "added-time-ids", ids, 3, error);
}

static gboolean
run_unet (SvdSampler *self, float conditional, GCancellable *cancellable,
    GError **error)
{
  return svd_buffers_write (&self->buffers, "conditional", &conditional, 1,
      error) && kiln_program_run (self->unet, cancellable, error);
}

static gboolean
run_step (SvdSampler *self, const KilnEulerStep *step, gboolean guided,
    GCancellable *cancellable, GError **error)
{
  const float c_in = step->c_in, timestep = step->timestep;
  const float sigmas[] = { step->sigma, step->sigma_next };

  if (!svd_buffers_write (&self->buffers, "c-in", &c_in, 1, error)
      || !svd_buffers_write (&self->buffers, "timestep", &timestep, 1, error)
      || !svd_buffers_write (&self->buffers, "sigmas", sigmas, 2, error))
    return FALSE;
  if (guided && (!run_unet (self, 0, cancellable, error)
          || !kiln_buffer_copy (svd_buffers_get (&self->buffers, "velocity"),
              svd_buffers_get (&self->buffers, "unconditional"), 0,
              kiln_shape_bytes (&self->shape), error)))
    return FALSE;
  return run_unet (self, 1, cancellable, error)
      && kiln_program_run (guided ? self->guided_step : self->plain_step,
      cancellable, error);
}

static gboolean
read_latents (SvdSampler *self, SvdLatents *latents, GError **error)
{
  const KilnShape *shape = &self->shape;
  gsize n = kiln_shape_bytes (shape) / sizeof (float);
  g_autofree float *rows = g_new (float, n);

  *latents = (SvdLatents) {
    shape->width, shape->height, shape->channels, shape->frames,
    g_new (float, kiln_shape_rows (shape) * shape->channels)
  };
  if (!svd_buffers_read (&self->buffers, "sample", rows, n, error))
    return FALSE;
  svd_rows_to_planes (rows, shape, latents->data);
  return TRUE;
}

gboolean
svd_sampler_sample (SvdSampler *self, const SvdConditioning *conditioning,
    const SvdSampleParams *given, SvdProgress progress, gpointer user_data,
    SvdLatents *latents, GCancellable *cancellable, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->stage.in_use);
  SvdSampleParams params = resolve (self, given);
  KilnShape shape = {
    KILN_F32, params.num_frames, conditioning->height, conditioning->width,
    conditioning->channels
  };
  g_autoptr (KilnEulerSchedule) schedule = NULL;
  g_autofree float *guidance = NULL;
  gboolean guided;

  if (!svd_sample_params_check (&params, error)
      || !check_conditioning (self, conditioning, error)
      || g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  schedule = make_schedule (self, &params, error);
  if (schedule == NULL || !prepare (self, &shape, progress,
          user_data, cancellable, error))
    return FALSE;
  guidance = g_new (float, params.num_frames);
  guided = kiln_guidance_scales (guidance_curve (params.guidance),
      params.min_guidance_scale, params.max_guidance_scale, params.num_frames,
      guidance);
  if (!svd_buffers_write (&self->buffers, "guidance", guidance,
          params.num_frames, error)
      || !write_conditioning (self, conditioning, &params, error)
      || !write_noise (self, params.seed, schedule->init_noise_sigma,
          cancellable, error))
    return FALSE;

  for (guint i = 0; i < schedule->n_steps; i++) {
    if (progress != NULL)
      progress ("sample", i, schedule->n_steps, user_data);
    if (!run_step (self, &schedule->steps[i], guided, cancellable, error))
      return FALSE;
  }
  if (progress != NULL)
    progress ("sample", schedule->n_steps, schedule->n_steps, user_data);
  return read_latents (self, latents, error);
}
