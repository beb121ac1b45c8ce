/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "compare.h"

static gboolean
is_picture (const KilnShape *shape)
{
  guint64 rows = kiln_shape_rows (shape);

  return shape->type == KILN_F32 && shape->frames == 1 && shape->channels == 4
      && rows > 0 && rows <= G_MAXINT32;
}

static guint32
cells (guint32 size, guint32 cell)
{
  return size / cell + (size % cell > 0);
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnCompare *compare = params;
  const KilnShape *a = inputs[0], *b = inputs[1];

  if (compare->cell == 0 || !is_picture (a) || !is_picture (b)
      || a->height != b->height || a->width != b->width) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "these are not two fp32 pictures of one size, in cells");
    return FALSE;
  }
  *output = (KilnShape) {
    KILN_F32, 1, cells (a->height, compare->cell),
    cells (a->width, compare->cell), 3
  };
  return TRUE;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return 20.0 * kiln_shape_rows (inputs[0]);
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnCompare *compare = params;
  guint32 cell = compare->cell, width = inputs[0].shape.width;
  guint32 height = inputs[0].shape.height, columns = output->shape.width;
  double row_flops = 20.0 * width;
  guint64 at_once = kiln_rows_per_dispatch (device, cell, 0,
      16 * (guint64) width, row_flops);
  struct
  {
    guint32 a_base, b_base, y_base, width, height, cell, columns, n;
  } push = { .width = width, .cell = cell, .columns = columns };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "compare", KILN_F32),
    .n_bindings = 3,
    .texels = kiln_texels_for (device, 1 << 0 | 1 << 1),
    .push = &push,
    .push_size = sizeof push,
  };

  for (guint32 row = 0; row < height; row += at_once) {
    guint32 n = MIN (at_once, height - row);
    guint64 first = (guint64) row * width, pixels = (guint64) n * width;

    push.height = n;
    push.n = cells (n, cell) * columns;
    dispatch.bindings[0] = kiln_view_window (&inputs[0], first, pixels,
        &push.a_base);
    dispatch.bindings[1] = kiln_view_window (&inputs[1], first, pixels,
        &push.b_base);
    dispatch.bindings[2] = kiln_view_window (output,
        (guint64) row / cell * columns, push.n, &push.y_base);
    dispatch.invocations = push.n;
    dispatch.flops = row_flops * n;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_compare_class = {
  .name = "compare",
  .params_size = sizeof (KilnCompare),
  .infer = infer,
  .flops = flops,
  .record = record,
};
