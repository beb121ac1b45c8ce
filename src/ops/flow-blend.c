/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion.h"

enum { FIRST, SECOND, MOTION, TIMESTEP, N_INPUTS };

/* Of a pixel, about. */
#define PIXEL_FLOPS 300.0

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  *output = *inputs[FIRST];
  return kiln_motion_check_pictures (inputs[FIRST], inputs[SECOND], error)
      && kiln_motion_check_field (inputs[MOTION], 1, error)
      && kiln_motion_check_number (inputs[TIMESTEP], error);
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return PIXEL_FLOPS * kiln_shape_rows (output);
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnFlowProject *project = params;
  const KilnShape *y = &output->shape, *motion = &inputs[MOTION].shape;
  KilnBand band = kiln_motion_band (device, y, 2);
  struct                        /* Push in flow_blend.comp */
  {
    KilnPictureWindow window;
    guint32 motion_base, timestep_base, y_base, n, columns, rows;
    guint32 first_row, end_row;
    float cell;
  } push = {
    .columns = motion->width, .rows = motion->height, .cell = project->cell,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "flow_blend", KILN_F32),
    .n_bindings = 5,
    .texels = kiln_texels_for (device, (1 << N_INPUTS) - 1),
    .push = &push,
    .push_size = sizeof push,
  };

  dispatch.bindings[2] = kiln_motion_bind (&inputs[MOTION],
      &push.motion_base);
  dispatch.bindings[3] = kiln_motion_bind (&inputs[TIMESTEP],
      &push.timestep_base);
  for (guint32 row = 0; row < y->height; row += band.lines) {
    kiln_motion_bind_pictures (&dispatch, &inputs[FIRST], &band, row,
        &push.window);
    push.first_row = row;
    push.end_row = MIN (row + band.lines, y->height);
    /* An invocation makes 2×2 pixels. */
    push.n = (push.end_row - row + 1) / 2 * ((y->width + 1) / 2);
    dispatch.bindings[4] = kiln_view_window (output,
        (guint64) row * y->width, (guint64) (push.end_row - row) * y->width,
        &push.y_base);
    dispatch.invocations = push.n;
    dispatch.flops = 4 * PIXEL_FLOPS * push.n;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_flow_blend_class = {
  .name = "flow blend",
  .params_size = sizeof (KilnFlowProject),
  .infer = infer,
  .flops = flops,
  .record = record,
};
