/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image.h"

enum { X, FLOW };

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnWarp *warp = params;
  const KilnShape *x = inputs[X], *flow = inputs[FLOW];
  g_autofree char *text = NULL;

  *output = *x;
  if (flow->frames == x->frames && flow->height == x->height
      && flow->width == x->width && flow->type == x->type
      && x->type != KILN_U8 && warp->flow_first < flow->channels
      && flow->channels - warp->flow_first >= 2 && x->channels > 0
      && kiln_shape_rows (x) > 0 && kiln_shape_rows (x) <= G_MAXUINT32)
    return TRUE;
  text = kiln_shape_to_string (flow);
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "%s has no flow for it in channels %u and %u", text, warp->flow_first,
      warp->flow_first + 1);
  return FALSE;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return 12.0 * kiln_shape_rows (output) * kiln_shape_stride (output);
}

typedef struct {                /* Push in warp.comp */
  guint32 x_base, flow_base, y_base, n;
  guint32 vectors, flow_stride;
  guint32 height, width;
  guint32 first_line, begin_x_line, end_x_line;
  float flow_scale;
} Push;

/* All of the frame's result that begins in the bound lines of x. */
static void
record_window (KilnRecorder *recorder, KilnDispatch *dispatch, Push *push,
    const KilnView *flow, const KilnView *output, guint64 frame)
{
  const KilnShape *y = &output->shape;
  guint64 first = frame * y->height;
  guint64 line_bytes = (guint64) y->width * MAX (kiln_shape_row_bytes (y),
      kiln_shape_row_bytes (&flow->shape));
  double line_flops = 12.0 * y->width * kiln_shape_stride (y);
  guint64 at_once = kiln_rows_per_dispatch (kiln_recorder_get_device
      (recorder), 1, 0, line_bytes, line_flops);

  for (guint64 line = 0; line < y->height; line += at_once) {
    guint64 n = MIN (at_once, y->height - line);

    push->first_line = line;
    push->n = n * y->width * push->vectors;
    dispatch->bindings[1] = kiln_view_lines (flow, first + line, n,
        &push->flow_base);
    dispatch->bindings[2] = kiln_view_lines (output, first + line, n,
        &push->y_base);
    dispatch->invocations = push->n;
    dispatch->flops = line_flops * n;
    kiln_recorder_dispatch (recorder, dispatch);
  }
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnWarp *warp = params;
  const KilnShape *x = &inputs[X].shape;
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 1,
      kiln_shape_row_bytes (x) * x->width, 0);
  Push push = {
    .vectors = kiln_shape_stride (x) / 4,
    .flow_stride = kiln_shape_stride (&inputs[FLOW].shape) / 4,
    .height = x->height,
    .width = x->width,
    .flow_scale = warp->flow_scale,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "warp", x->type),
    .specs = { warp->flow_first },
    .n_specs = 1,
    .n_bindings = 3,
    .texels = kiln_texels_for (device, 1 << X | 1 << FLOW),
    .push = &push,
    .push_size = sizeof push,
  };

  for (guint64 frame = 0; frame < x->frames; frame++)
    for (guint64 line = 0; line < x->height; line += at_once) {
      guint64 end = MIN (line + at_once, x->height);
      guint64 bound = MIN (end + 1, x->height);

      push.begin_x_line = line;
      push.end_x_line = end;
      dispatch.bindings[0] = kiln_view_lines (&inputs[X],
          frame * x->height + line, bound - line, &push.x_base);
      record_window (recorder, &dispatch, &push, &inputs[FLOW], output,
          frame);
    }
}

const KilnOpClass kiln_warp_class = {
  .name = "warp",
  .params_size = sizeof (KilnWarp),
  .infer = infer,
  .flops = flops,
  .record = record,
};
