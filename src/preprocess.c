/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "preprocess.h"

#include <string.h>

/* The buffers and the graph while they are put together. */
typedef struct {
  KilnDevice *device;           /* NULL: the graph is planned only */
  KilnGraph *graph;
  SvdBuffers buffers;
  GError **error;
} Builder;

static KilnTensor *
add_input (Builder *self, const char *name, const KilnShape *shape,
    const void *data)
{
  if (self->device == NULL)
    return kiln_graph_input (self->graph, name, shape);
  if (!svd_buffers_add (&self->buffers, self->device, name, shape,
          self->error)
      || !kiln_buffer_write (svd_buffers_get (&self->buffers, name), 0, data,
          kiln_shape_bytes (shape), self->error))
    return NULL;
  return kiln_graph_input (self->graph, name, shape);
}

static KilnTensor *
add_filter (Builder *self, const char *name, KilnTensor *x,
    KilnFilter *filter, gboolean vertical)
{
  KilnShape shape = kiln_filter_table_shape (filter);
  g_autofree guint8 *table = g_malloc0 (kiln_shape_bytes (&shape));
  KilnResample resample = {
    .outputs = filter->outputs, .taps = filter->taps, .vertical = vertical,
    .fixed = filter->fixed != NULL,
  };
  KilnTensor *inputs[2] = { x };

  kiln_filter_write_table (filter, table);
  inputs[1] = add_input (self, name, &shape, table);
  if (inputs[1] == NULL)
    return NULL;
  return kiln_graph_add (self->graph, &kiln_resample_class, &resample, inputs,
      2);
}

/* (x / 255 − mean) / std as a product with a diagonal matrix. */
static KilnTensor *
normalize (Builder *self, const SvdPreprocess *params, KilnTensor *x)
{
  KilnPack pack = {
    .packing = KILN_PACK_MATRIX, .type = KILN_F32, .outputs = 3, .inputs = 3,
    .taps = 1
  };
  KilnShape matrix_shape = kiln_pack_shape (&pack);
  KilnShape bias_shape = svd_vector_shape (KILN_PACK_COLUMNS);
  float matrix[4][KILN_PACK_COLUMNS] = { 0 };
  float bias[KILN_PACK_COLUMNS] = { 0 };
  KilnMatmul matmul = {
    .kind = KILN_MATMUL_LINEAR, .outputs = 3, .scale = 1
  };
  KilnTensor *inputs[KILN_MATMUL_N_INPUTS] = { [KILN_MATMUL_X] = x };

  for (guint c = 0; c < 3; c++) {
    matrix[c][c] = 1 / (255 * params->std[c]);
    bias[c] = -params->mean[c] / params->std[c];
  }
  inputs[KILN_MATMUL_WEIGHT] =
      add_input (self, "matrix", &matrix_shape, matrix);
  inputs[KILN_MATMUL_BIAS] = add_input (self, "bias", &bias_shape, bias);
  if (inputs[KILN_MATMUL_WEIGHT] == NULL || inputs[KILN_MATMUL_BIAS] == NULL)
    return NULL;
  return kiln_graph_add (self->graph, &kiln_matmul_class, &matmul, inputs,
      KILN_MATMUL_N_INPUTS);
}

static gboolean
build_clip (Builder *self, const SvdPreprocess *params, KilnTensor *picture)
{
  const KilnShape *shape = kiln_tensor_shape (picture);
  g_autoptr (KilnFilter) across =
      kiln_filter_new_antialiased_bicubic (shape->width, params->clip_size);
  g_autoptr (KilnFilter) down =
      kiln_filter_new_antialiased_bicubic (shape->height, params->clip_size);
  KilnTensor *x = add_filter (self, "clip-across", picture, across, FALSE);

  x = x ? add_filter (self, "clip-down", x, down, TRUE) : NULL;
  x = x ? normalize (self, params, x) : NULL;
  if (x == NULL)
    return FALSE;
  kiln_graph_output (self->graph, x, "clip-pixels");
  return TRUE;
}

/* Pillow's Lanczos along one axis, unless the size stays. */
static KilnTensor *
lanczos_axis (Builder *self, KilnTensor *x, guint32 outputs,
    gboolean vertical)
{
  const KilnShape *shape = x ? kiln_tensor_shape (x) : NULL;
  guint32 inputs = !x ? 0 : vertical ? shape->height : shape->width;
  g_autoptr (KilnFilter) filter = NULL;

  if (x == NULL || inputs == outputs)
    return x;
  filter = kiln_filter_new_lanczos (inputs, outputs);
  return add_filter (self, vertical ? "vae-down" : "vae-across", x, filter,
      vertical);
}

/* Pillow goes across first, then down; from version 13 on the other way
 * round where that takes away far more. The order shows: bytes are rounded
 * in between. */
static KilnTensor *
lanczos (Builder *self, const SvdPreprocess *params, KilnTensor *x)
{
  const KilnShape *shape = kiln_tensor_shape (x);
  gint64 fewer_rows = (gint64) shape->height - params->height;
  gint64 fewer_columns = (gint64) shape->width - params->width;
  gboolean down_first = fewer_rows > 0 && fewer_rows > 2 * fewer_columns;

  if (down_first)
    x = lanczos_axis (self, x, params->height, TRUE);
  x = lanczos_axis (self, x, params->width, FALSE);
  return lanczos_axis (self, x, params->height, TRUE);
}

/* 2/255 · pixel + (noise − 1) */
static gboolean
build_vae (Builder *self, const SvdPreprocess *params, KilnTensor *picture,
    const float *noise)
{
  KilnShape shape = { KILN_F32, 1, params->height, params->width, 3 };
  g_autofree float *rows = g_malloc0 (kiln_shape_bytes (&shape));
  KilnTensor *x = lanczos (self, params, picture);
  KilnTensor *offset;

  if (x == NULL)
    return FALSE;
  if (noise != NULL)
    svd_planes_to_rows (noise, &shape, 1, rows);
  for (guint64 i = 0; i < kiln_shape_rows (&shape); i++)
    for (guint c = 0; c < 3; c++)
      rows[i * 4 + c] -= 1;
  offset = add_input (self, "offset", &shape, rows);
  if (offset == NULL)
    return FALSE;
  x = kiln_affine (self->graph, x, offset, NULL, &(KilnAffine) {
        .a_scale = 2.0f / 255, .b_scale = 1, .type = KILN_F32 });
  kiln_graph_output (self->graph, x, "vae-pixels");
  return TRUE;
}

static gboolean
build (Builder *self, const SvdPreprocess *params, const SvdFitted *picture,
    const float *noise)
{
  KilnShape shape = { KILN_U8, 1, picture->height, picture->width, 3 };
  KilnTensor *x = add_input (self, "picture", &shape, picture->pixels);

  return x != NULL && build_clip (self, params, x)
      && build_vae (self, params, x, noise);
}

gboolean
svd_preprocess (KilnDevice *device, const SvdPreprocess *params,
    const SvdFitted *picture, const float *noise, KilnBuffer *clip_pixels,
    KilnBuffer *vae_pixels, GCancellable *cancellable, GError **error)
{
  g_autoptr (KilnGraph) graph = kiln_graph_new (KILN_F32);
  g_autoptr (KilnProgram) program = NULL;
  Builder builder = { .device = device, .graph = graph, .error = error };
  gboolean ok = build (&builder, params, picture, noise);
  SvdBuffers *buffers = &builder.buffers;

  buffers->items[buffers->n++] =
      (KilnExternal) { "clip-pixels", kiln_buffer_ref (clip_pixels) };
  buffers->items[buffers->n++] =
      (KilnExternal) { "vae-pixels", kiln_buffer_ref (vae_pixels) };
  if (ok)
    program = kiln_program_new (graph, device, NULL, buffers->items,
        buffers->n, cancellable, error);
  ok = program != NULL && kiln_program_run (program, cancellable, error);
  svd_buffers_clear (buffers);
  return ok;
}

gboolean
svd_preprocess_plan (const SvdPreprocess *params, KilnPlan *plan,
    GError **error)
{
  g_autoptr (KilnGraph) graph = kiln_graph_new (KILN_F32);
  Builder builder = { .graph = graph, .error = error };
  const SvdFitted picture = {
    .width = params->width, .height = params->height
  };

  return build (&builder, params, &picture, NULL)
      && kiln_graph_plan (graph, plan, error);
}
