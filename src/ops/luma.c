/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion.h"

/* An invocation's, in luma.comp. */
#define ROWS 8

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnLuma *luma = params;
  const KilnShape *x = inputs[0];

  if (!kiln_motion_check_pictures (x, inputs[1], error))
    return FALSE;
  *output = (KilnShape) {
    KILN_F32, 2, (x->height + luma->shrink - 1) / luma->shrink,
    (x->width + luma->shrink - 1) / luma->shrink, 4
  };
  return TRUE;
}

static double
row_flops (const KilnLuma *luma)
{
  return 32.0 * luma->shrink * luma->shrink;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return row_flops (params) * kiln_shape_rows (output);
}

typedef struct {                /* Push in luma.comp */
  guint32 x_base, y_base, n, width, height, columns, rows;
  guint32 first_row, end_row, first_line, shrink;
} Push;

/* Rows [row, row + n) of one frame of the result. */
static void
bind_rows (KilnDispatch *dispatch, Push *push, const KilnView *x,
    const KilnView *output, guint32 frame, guint32 row, guint32 n)
{
  guint32 end = MIN ((row + n + 1) * push->shrink, push->height);

  push->first_row = row;
  push->first_line = row * push->shrink;
  push->end_row = row + n;
  push->n = (n + ROWS - 1) / ROWS * push->columns;
  dispatch->bindings[0] = kiln_view_window (x,
      (guint64) push->first_line * push->width,
      (guint64) (end - push->first_line) * push->width, &push->x_base);
  dispatch->bindings[1] = kiln_view_window (output,
      ((guint64) frame * push->rows + row) * push->columns,
      (guint64) n * push->columns,
      &push->y_base);
  dispatch->invocations = push->n;
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnLuma *luma = params;
  const KilnShape *x = &inputs[0].shape, *y = &output->shape;
  guint64 line_bytes = x->width * kiln_shape_row_bytes (x) * luma->shrink;
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 1, line_bytes,
      row_flops (luma) * y->width);
  Push push = {
    .width = x->width, .height = x->height,
    .columns = y->width, .rows = y->height,
    .shrink = luma->shrink,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "luma", KILN_F32),
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
    .push = &push,
    .push_size = sizeof push,
  };

  for (guint32 frame = 0; frame < 2; frame++)
    for (guint64 row = 0; row < y->height; row += at_once) {
      bind_rows (&dispatch, &push, &inputs[frame], output, frame, row,
          MIN (at_once, y->height - row));
      dispatch.flops = row_flops (luma) * ROWS * push.n;
      kiln_recorder_dispatch (recorder, &dispatch);
    }
}

const KilnOpClass kiln_luma_class = {
  .name = "luma",
  .params_size = sizeof (KilnLuma),
  .infer = infer,
  .flops = flops,
  .record = record,
};

/* ---- The next level */

static gboolean
infer_half (gconstpointer params, const KilnShape *const *inputs,
    guint n_inputs, KilnShape *output, GError **error)
{
  *output = *inputs[0];
  output->height = (output->height + 1) / 2;
  output->width = (output->width + 1) / 2;
  return kiln_motion_check_field (inputs[0], 2, error);
}

static void
record_half (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnShape *x = &inputs[0].shape, *y = &output->shape;
  struct
  {
    guint32 x_base, y_base, n, width, height, columns, rows;
  } push = {
    .n = kiln_shape_rows (y),
    .width = x->width, .height = x->height,
    .columns = y->width, .rows = y->height,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "luma_half", KILN_F32),
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
    .push = &push,
    .push_size = sizeof push,
    .invocations = push.n,
    .flops = 32.0 * push.n,
  };

  dispatch.bindings[0] = kiln_motion_bind (&inputs[0], &push.x_base);
  dispatch.bindings[1] = kiln_motion_bind (output, &push.y_base);
  kiln_recorder_dispatch (recorder, &dispatch);
}

const KilnOpClass kiln_luma_half_class = {
  .name = "luma half",
  .infer = infer_half,
  .record = record_half,
};
