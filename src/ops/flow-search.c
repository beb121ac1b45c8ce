/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion.h"

enum { LUMA, FIELD };

/* Constants of flow_search.comp. */
enum { FROM_NOTHING, FROM_COARSER, FROM_SAME };

/* Of one evaluation of a patch, about. */
#define PATCH_FLOPS 512.0

static guint32
cells (guint32 pixels)
{
  return (pixels + KILN_MOTION_CELL - 1) / KILN_MOTION_CELL;
}

static gboolean
is_size (const KilnShape *shape, guint32 columns, guint32 rows)
{
  return shape->width == columns && shape->height == rows;
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnShape *luma = inputs[LUMA], *field = inputs[FIELD];

  if (!kiln_motion_check_field (luma, 2, error))
    return FALSE;
  *output = *luma;
  output->height = cells (luma->height);
  output->width = cells (luma->width);
  if (field == NULL)
    return TRUE;
  if (!kiln_motion_check_field (field, 2, error))
    return FALSE;
  if (is_size (field, output->width, output->height)
      || is_size (field, cells ((luma->width + 1) / 2),
          cells ((luma->height + 1) / 2)))
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "the field is neither of this level nor of the next");
  return FALSE;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  const KilnFlowSearch *search = params;
  guint32 side = search->radius > 0 ? 2 * search->radius + 1 : 0;

  return PATCH_FLOPS * (side * side + search->iterations + 6)
      * kiln_shape_rows (output);
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnFlowSearch *search = params;
  const KilnShape *luma = &inputs[LUMA].shape, *y = &output->shape;
  gboolean has_field = inputs[FIELD].buffer != NULL;
  const KilnView *field = &inputs[has_field ? FIELD : LUMA];
  gboolean same = is_size (&field->shape, y->width, y->height);
  struct
  {
    guint32 luma_base, field_base, y_base, n, width, height, columns, rows;
    guint32 field_columns, field_rows, radius, iterations;
  } push = {
    .n = kiln_shape_rows (y),
    .width = luma->width, .height = luma->height,
    .columns = y->width, .rows = y->height,
    .field_columns = field->shape.width, .field_rows = field->shape.height,
    .radius = search->radius, .iterations = search->iterations,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "flow_search", KILN_F32),
    .specs = { !has_field ? FROM_NOTHING : same ? FROM_SAME : FROM_COARSER },
    .n_specs = 1,
    .n_bindings = 3,
    .texels = kiln_texels_for (device, 1 << LUMA | 1 << FIELD),
    .push = &push,
    .push_size = sizeof push,
    .invocations = push.n,
  };

  dispatch.flops = flops (params, NULL, y);
  dispatch.bindings[0] = kiln_motion_bind (&inputs[LUMA], &push.luma_base);
  dispatch.bindings[1] = kiln_motion_bind (field, &push.field_base);
  dispatch.bindings[2] = kiln_motion_bind (output, &push.y_base);
  kiln_recorder_dispatch (recorder, &dispatch);
}

const KilnOpClass kiln_flow_search_class = {
  .name = "flow search",
  .params_size = sizeof (KilnFlowSearch),
  .infer = infer,
  .flops = flops,
  .record = record,
};
