/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "winograd.h"

/* What a binding may span on every device (Vulkan 1.2, 43.1), less what
 * aligning it may take. */
#define MAX_BYTES ((1u << 27) - 4096)

/* Fewer channels are not worth the transforms. */
#define MIN_CHANNELS 32

static guint32
tiles (guint32 size)
{
  return (size + 3) / 4;
}

static guint64
count_tiles (const KilnShape *shape)
{
  return (guint64) shape->frames * tiles (shape->height)
      * tiles (shape->width);
}

static KilnShape
transformed_shape (const KilnShape *shape, guint32 channels)
{
  return (KilnShape) {
    shape->type, KILN_WINOGRAD_PLACES, 1, count_tiles (shape), channels
  };
}

gboolean
kiln_winograd_suits (const KilnShape *x, guint32 outputs)
{
  KilnShape transformed;

  if (x->type != KILN_F32 || x->channels < MIN_CHANNELS
      || outputs < MIN_CHANNELS || count_tiles (x) > G_MAXUINT32)
    return FALSE;
  transformed = transformed_shape (x, MAX (x->channels, outputs));
  return kiln_shape_bytes (&transformed) <= MAX_BYTES;
}

/* ---- In */

static gboolean
infer_in (gconstpointer params, const KilnShape *const *inputs,
    guint n_inputs, KilnShape *output, GError **error)
{
  const KilnShape *x = inputs[0];

  *output = transformed_shape (x, x->channels);
  if (x->type != KILN_U8 && x->channels > 0 && kiln_shape_rows (x) > 0
      && count_tiles (x) <= G_MAXUINT32
      && kiln_shape_bytes (output) <= MAX_BYTES)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "it is empty, or its tiles are larger than a binding");
  return FALSE;
}

static double
flops_in (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return 4.0 * kiln_shape_rows (output) * kiln_shape_stride (output);
}

static void
record_in (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnShape *x = &inputs[0].shape;
  struct
  {
    guint32 x_base, y_base, n, vectors, height, width, tiles_y, tiles_x;
  } push = {
    .vectors = kiln_shape_stride (x) / 4,
    .height = x->height, .width = x->width,
    .tiles_y = tiles (x->height), .tiles_x = tiles (x->width),
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "winograd_in", x->type),
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
    .push = &push,
    .push_size = sizeof push,
    .flops = flops_in (params, NULL, &output->shape),
  };

  dispatch.bindings[0] = kiln_view_window (&inputs[0], 0,
      kiln_shape_rows (x), &push.x_base);
  dispatch.bindings[1] = kiln_view_window (output, 0,
      kiln_shape_rows (&output->shape), &push.y_base);
  push.n = count_tiles (x) * push.vectors;
  dispatch.invocations = push.n;
  kiln_recorder_dispatch (recorder, &dispatch);
}

const KilnOpClass kiln_winograd_in_class = {
  .name = "Winograd in",
  .infer = infer_in,
  .flops = flops_in,
  .record = record_in,
};

/* ---- Out */

static gboolean
is_like (const KilnShape *shape, const KilnShape *y)
{
  return shape == NULL || (shape->type == y->type
      && shape->channels == y->channels && shape->frames == y->frames
      && shape->height == y->height && shape->width == y->width);
}

static gboolean
is_vector (const KilnShape *shape, const KilnShape *y)
{
  return shape == NULL || (shape->type == KILN_F32
      && shape->channels >= y->channels);
}

static gboolean
infer_out (gconstpointer params, const KilnShape *const *inputs,
    guint n_inputs, KilnShape *output, GError **error)
{
  const KilnWinogradOut *out = params;
  const KilnShape *x = inputs[KILN_WINOGRAD_X];
  KilnShape wanted;

  *output = (KilnShape) {
    x->type, out->frames, out->height, out->width, x->channels
  };
  wanted = transformed_shape (output, x->channels);
  if (is_like (x, &wanted) && x->type != KILN_U8 && x->channels > 0
      && kiln_shape_rows (output) > 0 && kiln_shape_bytes (x) <= MAX_BYTES
      && is_like (inputs[KILN_WINOGRAD_ROW], output)
      && is_like (inputs[KILN_WINOGRAD_RESIDUAL], output)
      && is_vector (inputs[KILN_WINOGRAD_BIAS], output)
      && is_vector (inputs[KILN_WINOGRAD_FACTOR], output)
      && out->activation != KILN_ACT_GEGLU
      && (out->activation != KILN_ACT_PRELU || inputs[KILN_WINOGRAD_FACTOR]))
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "these are not the tiles of %ux%ux%u positions with their epilogue",
      out->frames, out->height, out->width);
  return FALSE;
}

static double
flops_out (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return 12.0 * kiln_shape_rows (output) * kiln_shape_stride (output);
}

typedef struct {                /* Push in winograd_out.comp */
  guint32 x_base, row_base, residual_base, y_base;
  guint32 n, vectors, height, width, tiles_y, tiles_x;
  float slope;
} Push;

/* All of an optional input; where it is absent, something of its format
 * that is never read. */
static KilnBinding
bind_whole (const KilnView *view, const KilnBinding *other, VkFormat format,
    guint32 *base)
{
  KilnBinding binding = *other;

  if (view->buffer != NULL)
    return kiln_view_window (view, 0, kiln_shape_rows (&view->shape), base);
  if (format != VK_FORMAT_UNDEFINED)
    binding.format = format;
  return binding;
}

static void
record_out (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnWinogradOut *out = params;
  const KilnShape *y = &output->shape;
  Push push = {
    .vectors = kiln_shape_stride (y) / 4,
    .height = y->height, .width = y->width,
    .tiles_y = tiles (y->height), .tiles_x = tiles (y->width),
    .slope = out->slope,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "winograd_out", y->type),
    .specs = {
      out->activation,
      inputs[KILN_WINOGRAD_BIAS].buffer != NULL,
      inputs[KILN_WINOGRAD_ROW].buffer != NULL,
      inputs[KILN_WINOGRAD_RESIDUAL].buffer != NULL,
      inputs[KILN_WINOGRAD_FACTOR].buffer != NULL,
    },
    .n_specs = 5,
    .n_bindings = KILN_WINOGRAD_N_INPUTS + 1,
    .texels = kiln_texels_for (device, (1 << KILN_WINOGRAD_N_INPUTS) - 1),
    .push = &push,
    .push_size = sizeof push,
    .flops = flops_out (params, NULL, y),
  };
  KilnBinding *bindings = dispatch.bindings;
  const VkFormat fp32 = VK_FORMAT_R32G32B32A32_SFLOAT;
  guint32 base;

  bindings[0] = kiln_view_window (&inputs[KILN_WINOGRAD_X], 0,
      kiln_shape_rows (&inputs[KILN_WINOGRAD_X].shape), &push.x_base);
  bindings[KILN_WINOGRAD_BIAS] = bind_whole (&inputs[KILN_WINOGRAD_BIAS],
      bindings, fp32, &base);
  bindings[KILN_WINOGRAD_ROW] = bind_whole (&inputs[KILN_WINOGRAD_ROW],
      bindings, VK_FORMAT_UNDEFINED, &push.row_base);
  bindings[KILN_WINOGRAD_RESIDUAL] =
      bind_whole (&inputs[KILN_WINOGRAD_RESIDUAL], bindings,
      VK_FORMAT_UNDEFINED, &push.residual_base);
  bindings[KILN_WINOGRAD_FACTOR] = bind_whole (&inputs[KILN_WINOGRAD_FACTOR],
      bindings, fp32, &base);
  bindings[KILN_WINOGRAD_N_INPUTS] = kiln_view_window (output, 0,
      kiln_shape_rows (y), &push.y_base);
  push.n = count_tiles (y) * push.vectors;
  dispatch.invocations = push.n;
  kiln_recorder_dispatch (recorder, &dispatch);
}

const KilnOpClass kiln_winograd_out_class = {
  .name = "Winograd out",
  .params_size = sizeof (KilnWinogradOut),
  .infer = infer_out,
  .flops = flops_out,
  .record = record_out,
};
