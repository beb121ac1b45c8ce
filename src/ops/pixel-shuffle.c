/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image.h"

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnPixelShuffle *shuffle = params;
  const KilnShape *x = inputs[0];
  guint64 factor = shuffle->factor;

  *output = *x;
  if (factor > 0 && factor < 256 && x->channels > 0
      && x->channels % (factor * factor) == 0 && x->type != KILN_U8
      && kiln_shape_rows (x) > 0
      && kiln_shape_rows (x) <= G_MAXUINT32 / (factor * factor)) {
    output->height *= factor;
    output->width *= factor;
    output->channels /= factor * factor;
    return TRUE;
  }
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "its channels cannot become blocks of %u times %u pixels",
      shuffle->factor, shuffle->factor);
  return FALSE;
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnPixelShuffle *shuffle = params;
  const KilnShape *x = &inputs[0].shape, *y = &output->shape;
  guint64 lines = (guint64) x->frames * x->height;
  guint64 line_bytes = MAX (kiln_shape_row_bytes (x) * x->width,
      kiln_shape_row_bytes (y) * y->width * shuffle->factor);
  double line_flops = (double) x->width * kiln_shape_stride (x);
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0, line_bytes,
      line_flops);
  struct
  {
    guint32 x_base, y_base, n, x_stride, y_stride, channels;
    guint32 x_width, y_width;
  } push = {
    .x_stride = kiln_shape_stride (x) / 4,
    .y_stride = kiln_shape_stride (y) / 4,
    .channels = y->channels,
    .x_width = x->width, .y_width = y->width,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "pixel_shuffle", y->type),
    .specs = { shuffle->factor },
    .n_specs = 1,
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
    .push = &push,
    .push_size = sizeof push,
  };

  for (guint64 line = 0; line < lines; line += at_once) {
    guint64 n = MIN (at_once, lines - line);
    guint64 y_lines = n * shuffle->factor;

    dispatch.bindings[0] = kiln_view_lines (&inputs[0], line, n, &push.x_base);
    dispatch.bindings[1] = kiln_view_lines (output, line * shuffle->factor,
        y_lines, &push.y_base);
    push.n = y_lines * y->width * push.y_stride;
    dispatch.invocations = push.n;
    dispatch.flops = line_flops * n;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_pixel_shuffle_class = {
  .name = "pixel shuffle",
  .params_size = sizeof (KilnPixelShuffle),
  .infer = infer,
  .record = record,
};
