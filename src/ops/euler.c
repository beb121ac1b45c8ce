/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementwise.h"

enum { SAMPLE, CONDITIONAL, UNCONDITIONAL, GUIDANCE, SIGMAS, N_INPUTS };

static gboolean
same_shape (const KilnShape *a, const KilnShape *b)
{
  return a->type == b->type && a->frames == b->frames
      && a->height == b->height && a->width == b->width
      && a->channels == b->channels;
}

static gboolean
is_vector (const KilnShape *shape, guint32 n)
{
  return shape != NULL && shape->type == KILN_F32
      && kiln_shape_rows (shape) == 1 && shape->channels == n;
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnShape *x = inputs[SAMPLE];

  if (n_inputs != N_INPUTS || x->type != KILN_F32
      || kiln_shape_rows (x) == 0 || kiln_shape_rows (x) > G_MAXUINT32
      || x->channels == 0) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "the sample is empty, too large or not fp32");
    return FALSE;
  }
  *output = *x;
  if (!same_shape (x, inputs[CONDITIONAL])
      || (inputs[UNCONDITIONAL] != NULL
          && !same_shape (x, inputs[UNCONDITIONAL]))) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "the predictions have not the sample's shape");
    return FALSE;
  }
  if (!is_vector (inputs[SIGMAS], 2) || (inputs[UNCONDITIONAL] != NULL
          && !is_vector (inputs[GUIDANCE], x->frames))) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "there must be two sigmas, and guidance for each frame");
    return FALSE;
  }
  return TRUE;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return 10.0 * kiln_shape_rows (output) * output->channels;
}

typedef struct {                /* Push in euler.comp */
  guint32 sample_base, conditional_base, unconditional_base, y_base;
  guint32 frame, n;
} Push;

static void
bind_rows (KilnDispatch *dispatch, Push *push, const KilnView *inputs,
    const KilnView *output, guint64 row, guint64 n)
{
  dispatch->bindings[0] = kiln_view_window (&inputs[SAMPLE], row, n,
      &push->sample_base);
  dispatch->bindings[1] = kiln_view_window (&inputs[CONDITIONAL], row, n,
      &push->conditional_base);
  /* Absent: bound to the other prediction, never read. */
  dispatch->bindings[2] = dispatch->bindings[1];
  if (inputs[UNCONDITIONAL].buffer != NULL)
    dispatch->bindings[2] = kiln_view_window (&inputs[UNCONDITIONAL], row, n,
        &push->unconditional_base);
  dispatch->bindings[5] = kiln_view_window (output, row, n, &push->y_base);
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  gboolean guided = inputs[UNCONDITIONAL].buffer != NULL;
  const KilnShape *x = &inputs[SAMPLE].shape;
  guint64 rows = kiln_shape_rows (x), a_frame = rows / x->frames;
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0,
      kiln_shape_row_bytes (x), 10.0 * x->channels);
  guint32 vectors = kiln_shape_stride (x) / 4, base;
  Push push = { 0 };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "euler", KILN_F32),
    .specs = { guided },
    .n_specs = 1,
    .n_bindings = N_INPUTS + 1,
    .texels = kiln_texels_for (device, (1 << N_INPUTS) - 1),
    .push = &push,
    .push_size = sizeof push,
  };

  dispatch.bindings[4] = kiln_view_window (&inputs[SIGMAS], 0, 1, &base);
  dispatch.bindings[3] = guided
      ? kiln_view_window (&inputs[GUIDANCE], 0, 1, &base)
      : dispatch.bindings[4];
  for (guint64 row = 0, n; row < rows; row += n) {
    n = MIN (at_once, a_frame - row % a_frame);
    push.frame = row / a_frame;
    push.n = n * vectors;
    bind_rows (&dispatch, &push, inputs, output, row, n);
    dispatch.invocations = push.n;
    dispatch.flops = 10.0 * n * x->channels;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_euler_class = {
  .name = "euler",
  .infer = infer,
  .flops = flops,
  .record = record,
};
