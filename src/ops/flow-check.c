/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion.h"

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  *output = *inputs[0];
  return kiln_motion_check_field (inputs[0], 2, error);
}

typedef struct {                /* Push in flow_check.comp and flow_fill.comp */
  guint32 field_base, y_base, n, columns, rows;
  float scale;                  /* of the latter */
} Push;

static void
record_field (KilnRecorder *recorder, const char *shader, float scale,
    const KilnView *field, const KilnView *output)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnShape *y = &output->shape;
  Push push = {
    .n = kiln_shape_rows (y),
    .columns = y->width, .rows = y->height,
    .scale = scale,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, shader, KILN_F32),
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
    .push = &push,
    .push_size = sizeof push,
    .invocations = push.n,
    .flops = 512.0 * push.n,
  };

  dispatch.bindings[0] = kiln_motion_bind (field, &push.field_base);
  dispatch.bindings[1] = kiln_motion_bind (output, &push.y_base);
  kiln_recorder_dispatch (recorder, &dispatch);
}

static void
record_check (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch)
{
  record_field (recorder, "flow_check", 1, &inputs[0], output);
}

static void
record_fill (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch)
{
  const KilnFlowFill *fill = params;

  record_field (recorder, "flow_fill", fill->scale, &inputs[0], output);
}

const KilnOpClass kiln_flow_check_class = {
  .name = "flow check",
  .infer = infer,
  .record = record_check,
};

const KilnOpClass kiln_flow_fill_class = {
  .name = "flow fill",
  .params_size = sizeof (KilnFlowFill),
  .infer = infer,
  .record = record_fill,
};
