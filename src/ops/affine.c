/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementwise.h"

enum { A, B, FACTOR };

/* Constants of affine.comp. */
enum { B_NONE, B_SAME, B_SHARED };

#define VECTORS_AN_INVOCATION 4

static gboolean
check_b (const KilnShape *a, const KilnShape *b, GError **error)
{
  g_autofree char *a_text = NULL;
  g_autofree char *b_text = NULL;

  if (b == NULL || (b->channels == a->channels && b->type != KILN_U8
          && kiln_shape_rows (b) > 0
          && kiln_shape_rows (a) % kiln_shape_rows (b) == 0))
    return TRUE;
  a_text = kiln_shape_to_string (a);
  b_text = kiln_shape_to_string (b);
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "%s cannot be added to %s", b_text, a_text);
  return FALSE;
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnAffine *affine = params;
  const KilnShape *a = inputs[A];
  const KilnShape *factor = n_inputs > FACTOR ? inputs[FACTOR] : NULL;

  *output = *a;
  output->type = affine->type;
  if (kiln_shape_rows (a) == 0 || kiln_shape_rows (a) > G_MAXUINT32
      || a->channels == 0) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "the input is empty or too large");
    return FALSE;
  }
  if (affine->type == KILN_U8 || affine->activation > KILN_ACT_QUICK_GELU) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "neither 8-bit results nor GEGLU are supported");
    return FALSE;
  }
  if (factor != NULL && (factor->type != KILN_F32 || factor->channels != 1
          || kiln_shape_rows (factor) != 1)) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "the factor is not one fp32 number");
    return FALSE;
  }
  return check_b (a, n_inputs > B ? inputs[B] : NULL, error);
}

static double
row_flops (const KilnAffine *affine, const KilnShape *y)
{
  return (affine->activation != KILN_ACT_NONE ? 24.0 : 4.0) * y->channels;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return row_flops (params, output) * kiln_shape_rows (output);
}

static const char *
shader_name (KilnDevice *device, KilnType a, KilnType b, KilnType y)
{
  static const char *const names[][2] = {
    { "affine_f32_f32", "affine_f32_f16" },
    { "affine_f16_f32", "affine_f16_f16" },
    { "affine_u8_f32", "affine_u8_f16" },
  };

  return kiln_shader_for (device, names[a][b], y);
}

typedef struct {                /* Push in affine.comp */
  guint32 a_base, b_base, y_base, n, invocations, vectors;
  guint32 share, first_share;
  float a_scale, b_scale;
} Push;

/* The rows of b that rows [first, first + n) of a go with. */
static void
bind_b (KilnDispatch *dispatch, Push *push, const KilnView *b, guint64 first,
    guint64 n)
{
  guint64 begin = first / push->share;
  guint64 end = (first + n - 1) / push->share + 1;

  push->first_share = first % push->share;
  dispatch->bindings[1] = kiln_view_window (b, begin, end - begin,
      &push->b_base);
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnAffine *affine = params;
  const KilnView *a = &inputs[A];
  const KilnView *b = n_inputs > B && inputs[B].buffer ? &inputs[B] : NULL;
  const KilnView *factor =
      n_inputs > FACTOR && inputs[FACTOR].buffer ? &inputs[FACTOR] : NULL;
  guint64 rows = kiln_shape_rows (&a->shape);
  guint64 share = b != NULL ? rows / kiln_shape_rows (&b->shape) : 1;
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0,
      sizeof (float) * kiln_shape_stride (&a->shape),
      row_flops (affine, &output->shape));
  Push push = {
    .vectors = kiln_shape_stride (&a->shape) / 4,
    .share = share,
    .a_scale = affine->a_scale,
    .b_scale = affine->b_scale,
  };
  KilnDispatch dispatch = {
    .shader = shader_name (device, a->shape.type,
        b ? b->shape.type : KILN_F32, output->shape.type),
    .specs = {
      b == NULL ? B_NONE : share == 1 ? B_SAME : B_SHARED, factor != NULL,
      affine->activation
    },
    .n_specs = 3,
    .n_bindings = 4,
    .texels = kiln_texels_for (device, 1 << A | 1 << B | 1 << FACTOR),
    .push = &push,
    .push_size = sizeof push,
  };
  guint32 base;

  for (guint64 row = 0; row < rows; row += at_once) {
    guint64 n = MIN (at_once, rows - row);

    push.n = n * push.vectors;
    push.invocations =
        (push.n + VECTORS_AN_INVOCATION - 1) / VECTORS_AN_INVOCATION;
    dispatch.bindings[0] = kiln_view_window (a, row, n, &push.a_base);
    /* What is absent is bound to a and never read, but in one format:
     * software devices compile a shader for those that it gets. */
    dispatch.bindings[1] = dispatch.bindings[0];
    dispatch.bindings[1].format = VK_FORMAT_R32G32B32A32_SFLOAT;
    dispatch.bindings[2] = dispatch.bindings[1];
    if (b != NULL)
      bind_b (&dispatch, &push, b, row, n);
    if (factor != NULL)
      dispatch.bindings[2] = kiln_view_window (factor, 0, 1, &base);
    dispatch.bindings[3] = kiln_view_window (output, row, n, &push.y_base);
    dispatch.invocations = push.invocations;
    dispatch.flops = row_flops (affine, &output->shape) * n;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_affine_class = {
  .name = "affine",
  .params_size = sizeof (KilnAffine),
  .infer = infer,
  .flops = flops,
  .record = record,
};
