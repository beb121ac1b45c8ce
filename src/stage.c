/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stage.h"

#include <string.h>

KilnType
svd_choose_type (KilnDevice *device, SvdPrecision precision)
{
  switch (precision) {
    case SVD_PRECISION_FP32:
      return KILN_F32;
    case SVD_PRECISION_FP16:
      return KILN_F16;
    case SVD_PRECISION_AUTO:
      break;
  }
  return device != NULL && kiln_device_is_cpu (device) ? KILN_F32 : KILN_F16;
}

void
svd_stage_init (SvdStage *self, SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options)
{
  static const SvdStageOptions defaults = { 0 };

  if (options == NULL)
    options = &defaults;
  g_mutex_init (&self->in_use);
  self->files = svd_model_files_ref (svd_model_get_files (model));
  self->info = *svd_model_get_info (model);
  if (device != NULL) {
    self->device = kiln_device_ref (svd_device_get_kiln (device));
    self->store = kiln_weight_store_new (self->device);
  }
  self->type = svd_choose_type (self->device, options->precision);
  self->budget = options->memory_budget;
}

void
svd_stage_clear (SvdStage *self)
{
  g_mutex_clear (&self->in_use);
  g_clear_pointer (&self->store, kiln_weight_store_free);
  g_clear_pointer (&self->device, kiln_device_unref);
  svd_model_files_unref (self->files);
}

KilnWeightSource *
svd_stage_get_source (SvdStage *self, SvdPart part, GError **error)
{
  if (self->device == NULL)
    return &svd_blank_weights;
  return svd_model_files_get_source (self->files, part,
      self->type == KILN_F16, error);
}

gboolean
svd_stage_get_latents (SvdStage *self, guint width, guint height,
    guint num_frames, KilnShape *latents, GError **error)
{
  const SvdModelInfo *info = &self->info;

  if (!svd_info_resolve_size (info, &width, &height, error))
    return FALSE;
  *latents = (KilnShape) {
    KILN_F32, num_frames ? num_frames : info->num_frames,
    height / info->factor, width / info->factor, info->latent_channels
  };
  return TRUE;
}

guint64
svd_stage_get_room (SvdStage *self)
{
  if (self->device == NULL)
    return self->budget ? self->budget : G_MAXUINT64;
  return kiln_device_get_room (self->device, self->budget)
      + kiln_weight_store_get_bytes (self->store);
}

/* Where the budget is what there is too little of. */
static gboolean
is_budget_short (SvdStage *self)
{
  return self->budget != 0 && (self->device == NULL
      || kiln_device_get_room (self->device, self->budget)
      < kiln_device_get_room (self->device, 0));
}

static gboolean
check_host (const SvdPlan *plan, GError **error)
{
  guint64 room = plan->streamed > 0 ? kiln_host_get_room () : 0;
  g_autofree char *needed = g_format_size (plan->streamed);
  g_autofree char *left = g_format_size (room);

  if (plan->streamed <= room)
    return TRUE;
  g_set_error (error, SVD_ERROR, SVD_ERROR_OUT_OF_MEMORY,
      "There is no room on the device for %s of the weights, and the host has "
      "only %s of memory to spare for them; use a smaller size or fewer frames",
      needed, left);
  return FALSE;
}

gboolean
svd_stage_check_plan (SvdStage *self, const SvdPlan *plan, const char *what,
    GError **error)
{
  guint64 peak = svd_plan_get_peak (plan), room;
  g_autofree char *needed = g_format_size (peak);
  g_autofree char *weights = g_format_size (plan->weights);
  g_autofree char *left = NULL;

  room = svd_stage_make_room (self, peak);
  if (peak <= room)
    return check_host (plan, error);
  left = g_format_size (room);
  g_set_error (error, SVD_ERROR, SVD_ERROR_OUT_OF_MEMORY,
      "%s would take %s, of which %s are weights, and %s %s; use a smaller "
      "size, fewer frames, fewer of them at once, or fp16", what, needed,
      weights, is_budget_short (self) ? "the memory budget leaves"
      : "the device has free only", left);
  return FALSE;
}

typedef struct {
  SvdProgress progress;
  gpointer user_data;
  guint64 done, total;
} Loading;

static void
count_uploaded (guint64 bytes, gpointer user_data)
{
  Loading *loading = user_data;

  loading->done += bytes;
  if (loading->progress != NULL)
    loading->progress ("load", loading->done, loading->total,
        loading->user_data);
}

gboolean
svd_stage_load (SvdStage *self, KilnGraph *const *graphs, guint n_graphs,
    SvdProgress progress, gpointer user_data, GCancellable *cancellable,
    GError **error)
{
  g_autoptr (KilnCompilation) shaders = NULL;
  Loading loading = { progress, user_data };
  SvdPlan plan = { 0 };

  for (guint i = 0; i < n_graphs; i++)
    if (!kiln_weight_store_suits (self->store, graphs[i]))
      kiln_weight_store_clear (self->store);
  for (guint i = 0; i < n_graphs; i++) {
    if (!svd_plan_add (&plan, graphs[i], error))
      return FALSE;
    loading.total += kiln_weight_store_get_missing (self->store, graphs[i]);
  }
  plan.arena = plan.buffers = 0;
  if (!svd_stage_check_plan (self, &plan, "The model", error))
    return FALSE;
  if (loading.total == 0)
    return TRUE;
  shaders = kiln_graphs_compile (graphs, n_graphs, self->device, cancellable,
      error);
  if (shaders == NULL)
    return FALSE;
  count_uploaded (0, &loading);
  for (guint i = 0; i < n_graphs; i++)
    if (!kiln_weight_store_load (self->store, graphs[i], count_uploaded,
            &loading, cancellable, error))
      return FALSE;
  return kiln_compilation_finish (shaders, error);
}

void
svd_graph_output_fp32 (KilnGraph *graph, KilnTensor *x, const char *name)
{
  /* Even from fp32: what a caller reads is an operation's result. */
  x = kiln_affine (graph, x, NULL, NULL, &(KilnAffine) {
        .a_scale = 1, .type = KILN_F32 });
  kiln_graph_output (graph, x, name);
}

/* ---- Buffers */

gboolean
svd_buffers_add (SvdBuffers *self, KilnDevice *device, const char *name,
    const KilnShape *shape, GError **error)
{
  return svd_buffers_add_in (self, device, name, shape, KILN_MEMORY_DEVICE,
      error);
}

gboolean
svd_buffers_add_in (SvdBuffers *self, KilnDevice *device, const char *name,
    const KilnShape *shape, KilnMemory memory, GError **error)
{
  KilnBuffer *buffer = kiln_buffer_new (device, kiln_shape_bytes (shape),
      memory, error);

  g_return_val_if_fail (self->n < G_N_ELEMENTS (self->items), FALSE);
  if (buffer == NULL)
    return FALSE;
  self->items[self->n++] = (KilnExternal) { name, buffer };
  return TRUE;
}

KilnBuffer *
svd_buffers_get (const SvdBuffers *self, const char *name)
{
  for (guint i = 0; i < self->n; i++)
    if (strcmp (self->items[i].name, name) == 0)
      return self->items[i].buffer;
  g_return_val_if_reached (NULL);
}

void
svd_buffers_clear (SvdBuffers *self)
{
  for (guint i = 0; i < self->n; i++)
    kiln_buffer_unref (self->items[i].buffer);
  self->n = 0;
}

gboolean
svd_buffers_write (const SvdBuffers *self, const char *name,
    const float *values, gsize n, GError **error)
{
  return kiln_buffer_write (svd_buffers_get (self, name), 0, values,
      n * sizeof *values, error);
}

gboolean
svd_buffers_read (const SvdBuffers *self, const char *name, float *values,
    gsize n, GError **error)
{
  return kiln_buffer_read (svd_buffers_get (self, name), 0, values,
      n * sizeof *values, error);
}

/* ---- Layouts */

KilnShape
svd_vector_shape (guint32 n)
{
  return (KilnShape) { KILN_F32, 1, 1, 1, n };
}

void
svd_planes_to_rows (const float *planes, const KilnShape *shape,
    float scale, float *rows)
{
  gsize positions = (gsize) shape->height * shape->width;
  guint32 stride = kiln_shape_stride (shape);

  memset (rows, 0, kiln_shape_bytes (shape));
  for (guint32 frame = 0; frame < shape->frames; frame++)
    for (guint32 c = 0; c < shape->channels; c++)
      for (gsize i = 0; i < positions; i++)
        rows[(frame * positions + i) * stride + c] =
            scale * planes[(frame * shape->channels + c) * positions + i];
}

void
svd_rows_to_planes (const float *rows, const KilnShape *shape, float *planes)
{
  gsize positions = (gsize) shape->height * shape->width;
  guint32 stride = kiln_shape_stride (shape);

  for (guint32 frame = 0; frame < shape->frames; frame++)
    for (guint32 c = 0; c < shape->channels; c++)
      for (gsize i = 0; i < positions; i++)
        planes[(frame * shape->channels + c) * positions + i] =
            rows[(frame * positions + i) * stride + c];
}
