/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image.h"

#include <math.h>

/* A line more on either side, whatever is rounded how. */
#define HALO 2

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnBilinear *bilinear = params;
  const KilnShape *x = inputs[0];

  *output = *x;
  output->height = bilinear->height;
  output->width = bilinear->width;
  if (x->type != KILN_U8 && x->channels > 0 && kiln_shape_rows (x) > 0
      && kiln_shape_rows (output) > 0
      && kiln_shape_rows (output) <= G_MAXUINT32)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "it cannot be resized to %ux%u", output->width, output->height);
  return FALSE;
}

typedef struct {                /* Push in bilinear.comp */
  guint32 x_base, y_base, n, vectors;
  guint32 x_height, x_width, y_height, y_width;
  guint32 first_line, first_x_line;
  float step_y, step_x;
} Push;

/* About the line of x, over all frames, that a line of y begins with. */
static guint64
x_line (const Push *push, guint64 line, gint64 more)
{
  gint64 y = floor ((line % push->y_height + 0.5) * push->step_y - 0.5);

  return line / push->y_height * push->x_height
      + CLAMP (y + more, 0, push->x_height - 1);
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return 8.0 * kiln_shape_rows (output) * kiln_shape_stride (output);
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnShape *x = &inputs[0].shape, *y = &output->shape;
  guint64 lines = (guint64) y->frames * y->height;
  double line_flops = flops (params, NULL, y) / lines;
  Push push = {
    .vectors = kiln_shape_stride (y) / 4,
    .x_height = x->height, .x_width = x->width,
    .y_height = y->height, .y_width = y->width,
    .step_y = (float) x->height / y->height,
    .step_x = (float) x->width / y->width,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "bilinear", y->type),
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
    .push = &push,
    .push_size = sizeof push,
  };
  guint64 line_bytes = MAX (kiln_shape_row_bytes (y) * y->width,
      kiln_shape_row_bytes (x) * x->width * ceil (push.step_y));
  guint64 at_once = kiln_rows_per_dispatch (device, 1, HALO, line_bytes,
      line_flops);

  for (guint64 line = 0; line < lines; line += at_once) {
    guint64 n = MIN (at_once, lines - line);
    guint64 begin = x_line (&push, line, -1);
    guint64 end = x_line (&push, line + n - 1, 2) + 1;

    push.first_line = line;
    push.first_x_line = begin;
    dispatch.bindings[0] = kiln_view_lines (&inputs[0], begin, end - begin,
        &push.x_base);
    dispatch.bindings[1] = kiln_view_lines (output, line, n, &push.y_base);
    push.n = n * y->width * push.vectors;
    dispatch.invocations = push.n;
    dispatch.flops = line_flops * n;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_bilinear_class = {
  .name = "bilinear",
  .params_size = sizeof (KilnBilinear),
  .infer = infer,
  .flops = flops,
  .record = record,
};
