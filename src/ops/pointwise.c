/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementwise.h"

enum { A, B, SLOPES };

/* Constants of pointwise.comp. */
enum { B_NONE, B_SUM, B_PRODUCT };

static gboolean
has_channels (const KilnShape *x, guint32 first, guint32 channels)
{
  return first < x->channels && channels > 0
      && channels <= x->channels - first;
}

static gboolean
fits (const KilnPointwise *pointwise, const KilnShape *a, const KilnShape *b)
{
  guint32 channels = pointwise->spread ? 1 : pointwise->channels;

  return b == NULL || (b->type == a->type
          && has_channels (b, pointwise->b.first, channels)
          && (kiln_shape_rows (b) == 1 || (b->frames == a->frames
                  && b->height == a->height && b->width == a->width)));
}

static gboolean
has_slopes (const KilnPointwise *pointwise, const KilnShape *slopes)
{
  return pointwise->activation != KILN_ACT_PRELU || (slopes != NULL
      && slopes->type == KILN_F32 && slopes->channels >= pointwise->channels);
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnPointwise *pointwise = params;
  const KilnShape *a = inputs[A];

  *output = *a;
  output->channels = pointwise->channels;
  if (a->type != KILN_U8 && has_channels (a, pointwise->a.first,
          pointwise->channels)
      && fits (pointwise, a, n_inputs > B ? inputs[B] : NULL)
      && has_slopes (pointwise, n_inputs > SLOPES ? inputs[SLOPES] : NULL)
      && pointwise->activation != KILN_ACT_GEGLU
      && kiln_shape_rows (a) > 0 && kiln_shape_rows (a) <= G_MAXUINT32)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "there are no %u channels of one size to put together",
      pointwise->channels);
  return FALSE;
}

static double
row_flops (const KilnPointwise *pointwise)
{
  return (pointwise->activation != KILN_ACT_NONE ? 24.0 : 4.0)
      * pointwise->channels;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return row_flops (params) * kiln_shape_rows (output);
}

typedef struct {                /* Push in pointwise.comp */
  guint32 a_base, b_base, y_base, n;
  guint32 a_stride, b_stride, vectors, a_last, b_last, channels;
  float a_scale, a_offset, b_scale, b_offset, slope;
} Push;

static void
set_push (Push *push, const KilnPointwise *pointwise, const KilnView *a,
    const KilnView *b, const KilnView *output)
{
  guint32 b_stride = b != NULL ? kiln_shape_stride (&b->shape) / 4 : 0;

  push->a_stride = kiln_shape_stride (&a->shape) / 4;
  push->a_last = push->a_stride - 1 - pointwise->a.first / 4;
  push->vectors = kiln_shape_stride (&output->shape) / 4;
  push->channels = pointwise->channels;
  push->a_scale = pointwise->a.scale;
  push->a_offset = pointwise->a.offset;
  push->b_scale = pointwise->b.scale;
  push->b_offset = pointwise->b.offset;
  push->slope = pointwise->slope;
  if (b == NULL)
    return;
  push->b_last = b_stride - 1 - pointwise->b.first / 4;
  push->b_stride = kiln_shape_rows (&b->shape) > 1
      || kiln_shape_rows (&a->shape) == 1 ? b_stride : 0;
}

/* What is absent is bound to a and never read, but in one format: software
 * devices compile a shader for those that it gets. */
static void
bind (KilnDispatch *dispatch, Push *push, const KilnPointwise *pointwise,
    const KilnView *inputs, guint n_inputs, guint64 row, guint64 n)
{
  const KilnView *b = n_inputs > B && inputs[B].buffer ? &inputs[B] : NULL;
  guint32 base;

  dispatch->bindings[0] = kiln_view_window (&inputs[A], row, n,
      &push->a_base);
  push->a_base += pointwise->a.first / 4;
  dispatch->bindings[1] = dispatch->bindings[0];
  dispatch->bindings[2] = dispatch->bindings[0];
  dispatch->bindings[2].format = VK_FORMAT_R32G32B32A32_SFLOAT;
  if (b != NULL) {
    gboolean single = kiln_shape_rows (&b->shape) == 1;

    dispatch->bindings[1] = kiln_view_window (b, single ? 0 : row,
        single ? 1 : n, &push->b_base);
    push->b_base += pointwise->b.first / 4;
  }
  if (n_inputs > SLOPES && inputs[SLOPES].buffer != NULL)
    dispatch->bindings[2] = kiln_view_window (&inputs[SLOPES], 0, 1, &base);
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnPointwise *pointwise = params;
  const KilnView *b = n_inputs > B && inputs[B].buffer ? &inputs[B] : NULL;
  guint64 rows = kiln_shape_rows (&output->shape);
  guint64 row_bytes = MAX (kiln_shape_row_bytes (&inputs[A].shape),
      b != NULL ? kiln_shape_row_bytes (&b->shape) : 0);
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0, row_bytes,
      row_flops (pointwise));
  Push push = { 0 };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "pointwise", output->shape.type),
    .specs = {
      b == NULL ? B_NONE : pointwise->product ? B_PRODUCT : B_SUM,
      pointwise->a.first % 4, pointwise->b.first % 4, pointwise->spread,
      pointwise->activation
    },
    .n_specs = 5,
    .n_bindings = 4,
    .texels = kiln_texels_for (device, 1 << A | 1 << B | 1 << SLOPES),
    .push = &push,
    .push_size = sizeof push,
  };

  set_push (&push, pointwise, &inputs[A], b, output);
  for (guint64 row = 0; row < rows; row += at_once) {
    guint64 n = MIN (at_once, rows - row);

    bind (&dispatch, &push, pointwise, inputs, n_inputs, row, n);
    dispatch.bindings[3] = kiln_view_window (output, row, n, &push.y_base);
    push.n = n * push.vectors;
    dispatch.invocations = push.n;
    dispatch.flops = row_flops (pointwise) * n;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_pointwise_class = {
  .name = "pointwise",
  .params_size = sizeof (KilnPointwise),
  .infer = infer,
  .flops = flops,
  .record = record,
};
