/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion.h"

enum { FIRST, SECOND, MOTION, TIMESTEP, N_INPUTS };

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnFlowProject *project = params;
  const KilnShape *picture = inputs[FIRST], *motion = inputs[MOTION];
  guint64 columns, rows;

  if (!kiln_motion_check_pictures (picture, inputs[SECOND], error)
      || !kiln_motion_check_field (motion, 2, error)
      || !kiln_motion_check_number (inputs[TIMESTEP], error))
    return FALSE;
  *output = *motion;
  output->frames = 1;
  columns = ((guint64) picture->width + project->cell - 1) / project->cell;
  rows = ((guint64) picture->height + project->cell - 1) / project->cell;
  /* A key has 24 bits for a cell. */
  if (motion->width == columns && motion->height == rows
      && columns * rows < 1 << 24)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "the field is not one of cells of %u pixels", project->cell);
  return FALSE;
}

static guint64
scratch_bytes (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return (2 * kiln_shape_rows (output) * sizeof (guint32) + 15)
      & ~(guint64) 15;
}

static void
record_keys (KilnRecorder *recorder, gboolean reset, guint32 cell,
    const KilnView *inputs, const KilnView *keys)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnShape *motion = &inputs[MOTION].shape;
  struct
  {
    guint32 motion_base, timestep_base, keys_base, n, columns, rows;
    float cell;
  } push = {
    .n = kiln_shape_rows (motion),
    .columns = motion->width, .rows = motion->height,
    .cell = cell,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "flow_splat", KILN_F32),
    .specs = { reset },
    .n_specs = 1,
    .n_bindings = 3,
    .texels = kiln_texels_for (device, 1 << 0 | 1 << 1),
    .push = &push,
    .push_size = sizeof push,
    .invocations = push.n,
    .flops = 64.0 * push.n,
  };

  dispatch.bindings[0] = kiln_motion_bind (&inputs[MOTION],
      &push.motion_base);
  dispatch.bindings[1] = kiln_motion_bind (&inputs[TIMESTEP],
      &push.timestep_base);
  dispatch.bindings[2] = kiln_motion_bind (keys, &push.keys_base);
  push.keys_base *= 4;
  kiln_recorder_dispatch (recorder, &dispatch);
  kiln_recorder_barrier (recorder);
}

typedef struct {                /* Push in flow_select.comp */
  KilnPictureWindow window;
  guint32 motion_base, timestep_base, keys_base, y_base;
  guint32 n, columns, rows, first_row;
  float cell;
} Push;

static void
record_select (KilnRecorder *recorder, guint32 cell, const KilnView *inputs,
    const KilnView *keys, const KilnView *output)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnShape *y = &output->shape;
  KilnBand band = kiln_motion_band (device, &inputs[FIRST].shape, cell);
  guint32 at_once = band.lines / cell;
  Push push = { .columns = y->width, .rows = y->height, .cell = cell };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "flow_select", KILN_F32),
    .n_bindings = 6,
    .texels = kiln_texels_for (device, (1 << N_INPUTS) - 1),
    .push = &push,
    .push_size = sizeof push,
  };

  dispatch.bindings[2] = kiln_motion_bind (&inputs[MOTION],
      &push.motion_base);
  dispatch.bindings[3] = kiln_motion_bind (&inputs[TIMESTEP],
      &push.timestep_base);
  dispatch.bindings[4] = kiln_motion_bind (keys, &push.keys_base);
  push.keys_base *= 4;
  for (guint32 row = 0; row < y->height; row += at_once) {
    kiln_motion_bind_pictures (&dispatch, &inputs[FIRST], &band, row * cell,
        &push.window);
    push.first_row = row;
    push.n = MIN (at_once, y->height - row) * y->width;
    dispatch.bindings[5] = kiln_view_window (output,
        (guint64) row * y->width, push.n, &push.y_base);
    dispatch.invocations = push.n;
    dispatch.flops = 1024.0 * push.n;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  const KilnFlowProject *project = params;

  record_keys (recorder, TRUE, project->cell, inputs, scratch);
  record_keys (recorder, FALSE, project->cell, inputs, scratch);
  record_select (recorder, project->cell, inputs, scratch, output);
}

const KilnOpClass kiln_flow_project_class = {
  .name = "flow project",
  .params_size = sizeof (KilnFlowProject),
  .infer = infer,
  .scratch = scratch_bytes,
  .record = record,
};
