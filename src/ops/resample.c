/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resize.h"

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnResample *resample = params;
  const KilnShape *x = inputs[0], *table = inputs[1];
  g_autofree char *text = kiln_shape_to_string (x);

  *output = *x;
  output->type = resample->fixed ? KILN_U8 : KILN_F32;
  if (resample->vertical)
    output->height = resample->outputs;
  else
    output->width = resample->outputs;
  if (x->type == KILN_F16 || (resample->fixed && x->type != KILN_U8)
      || (x->type == KILN_U8 && x->channels > 4) || x->channels == 0) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "%s is no picture that can be resized", text);
    return FALSE;
  }
  if (kiln_shape_rows (x) == 0 || kiln_shape_rows (output) == 0
      || kiln_shape_rows (output) > G_MAXUINT32) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "%s resized to %ux%u is empty or too large", text, output->width,
        output->height);
    return FALSE;
  }
  if (table->type != KILN_F32 || kiln_shape_rows (table) != resample->outputs
      || table->channels != 2 * resample->taps || resample->taps == 0) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "the filter's table is not for %u outputs of %u taps",
        resample->outputs, resample->taps);
    return FALSE;
  }
  return TRUE;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  const KilnResample *resample = params;

  return 2.0 * resample->taps * kiln_shape_rows (output) * output->channels;
}

/* A line is what is filtered by itself: a row of pixels, or a frame. */
static guint64
line_rows (const KilnShape *shape, gboolean vertical)
{
  return vertical ? (guint64) shape->height * shape->width : shape->width;
}

static const char *
shader_name (KilnDevice *device, const KilnResample *resample, KilnType x)
{
  return kiln_shader_for (device,
      resample->fixed ? "resample_fixed" : "resample", x);
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnResample *resample = params;
  const KilnShape *x = &inputs[0].shape, *y = &output->shape;
  gboolean vertical = resample->vertical;
  guint64 x_rows = line_rows (x, vertical), y_rows = line_rows (y, vertical);
  guint64 lines = kiln_shape_rows (x) / x_rows;
  guint64 line_bytes = MAX (x_rows * kiln_shape_row_bytes (x),
      y_rows * kiln_shape_row_bytes (y));
  guint32 vectors = kiln_shape_stride (x) / 4;
  double line_flops = 8.0 * resample->taps * vectors * y_rows;
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0, line_bytes,
      line_flops);
  struct
  {
    guint32 x_base, table_base, y_base, n, table_vectors;
    guint32 axis_step, inputs, outputs;
  } push = {
    .table_vectors = kiln_shape_stride (&inputs[1].shape) / 4,
    .axis_step = vertical ? x->width * vectors : vectors,
    .inputs = vertical ? x->height : x->width,
    .outputs = resample->outputs,
  };
  KilnDispatch dispatch = {
    .shader = shader_name (device, resample, x->type),
    .n_bindings = 3,
    .texels = kiln_texels_for (device, 1 << 0 | 1 << 1),
    .push = &push,
    .push_size = sizeof push,
  };

  dispatch.bindings[1] = kiln_view_window (&inputs[1], 0, resample->outputs,
      &push.table_base);
  dispatch.bindings[1].format = VK_FORMAT_R32G32B32A32_UINT;
  for (guint64 line = 0; line < lines; line += at_once) {
    guint64 n = MIN (at_once, lines - line);

    dispatch.bindings[0] = kiln_view_window (&inputs[0], line * x_rows,
        n * x_rows, &push.x_base);
    dispatch.bindings[2] = kiln_view_window (output, line * y_rows,
        n * y_rows, &push.y_base);
    push.n = n * y_rows * vectors;
    dispatch.invocations = push.n;
    dispatch.flops = line_flops * n;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_resample_class = {
  .name = "resample",
  .params_size = sizeof (KilnResample),
  .infer = infer,
  .flops = flops,
  .record = record,
};
