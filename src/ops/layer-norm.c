/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "normalization.h"
#include "variant.h"

gboolean
kiln_norm_check_vector (const char *what, const KilnShape *vector,
    guint32 channels, GError **error)
{
  guint32 padded = (channels + 7u) & ~7u;

  if (vector != NULL && vector->type == KILN_F32
      && kiln_shape_rows (vector) == 1 && vector->channels == padded)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "%s has %u values in memory, not %u", what,
      vector != NULL ? vector->channels : 0, padded);
  return FALSE;
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnShape *x = inputs[0];

  *output = *x;
  if (kiln_shape_rows (x) == 0 || kiln_shape_rows (x) > G_MAXUINT32
      || x->channels == 0 || x->type == KILN_U8) {
    g_autofree char *text = kiln_shape_to_string (x);

    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "an input of %s cannot be normalised", text);
    return FALSE;
  }
  return kiln_norm_check_vector ("gamma", inputs[1], x->channels, error)
      && kiln_norm_check_vector ("beta", inputs[2], x->channels, error);
}

static double
row_flops (const KilnShape *x)
{
  return 12.0 * x->channels;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return row_flops (output) * kiln_shape_rows (output);
}

#define ANY_TYPE (1u << KILN_F32 | 1u << KILN_F16)

static const KilnVariant variants[] = {
  { "cpu", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, .rows = 1 },
  { "subgroup", "subgroup", ANY_TYPE, KILN_FEATURE_SUBGROUPS,
      .group_size = 128, .rows = 4 },
  { "scalar", "scalar", ANY_TYPE, 0, .rows = 1 },
  { NULL }
};

static KilnWork
work (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return (KilnWork) { "layer_norm", kiln_shape_rows (output), output->channels };
}

/* Where neighbours read neighbouring vectors, not rows, memory is faster. */
static double
cost (const KilnVariant *variant, KilnDevice *device, const KilnWork *work)
{
  return variant->group_size > 0 ? 1 : 4;
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnLayerNorm *norm = params;
  const KilnShape *x = &inputs[0].shape;
  KilnWork its = work (params, NULL, &output->shape);
  const KilnVariant *variant = kiln_variant_choose (&kiln_layer_norm_class,
      device, x->type, &its);
  guint64 rows = kiln_shape_rows (x);
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0,
      kiln_shape_row_bytes (x), row_flops (x));
  struct
  {
    guint32 x_base, gamma_base, beta_base, y_base, channels, vectors, rows;
    float eps;
  } push = {
    .channels = x->channels,
    .vectors = kiln_shape_stride (x) / 4,
    .eps = norm->eps,
  };
  KilnDispatch dispatch = {
    .specs = { variant->rows },
    .n_specs = variant->group_size > 0 ? 1 : 0,
    .n_bindings = 4,
    .texels = kiln_texels_for (device, 1 << 0 | 1 << 1 | 1 << 2),
    .push = &push,
    .push_size = sizeof push,
  };

  kiln_variant_set_shader (variant, device, its.family, x->type, &dispatch);
  dispatch.bindings[1] = kiln_view_window (&inputs[1], 0, 1, &push.gamma_base);
  dispatch.bindings[2] = kiln_view_window (&inputs[2], 0, 1, &push.beta_base);
  for (guint64 row = 0; row < rows; row += at_once) {
    push.rows = MIN (at_once, rows - row);
    dispatch.bindings[0] = kiln_view_window (&inputs[0], row, push.rows,
        &push.x_base);
    dispatch.bindings[3] = kiln_view_window (output, row, push.rows,
        &push.y_base);
    kiln_variant_set_tiles (variant,
        (push.rows + variant->rows - 1) / variant->rows, &dispatch);
    dispatch.flops = row_flops (x) * push.rows;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_layer_norm_class = {
  .name = "layer norm",
  .params_size = sizeof (KilnLayerNorm),
  .infer = infer,
  .flops = flops,
  .record = record,
  .variants = variants,
  .work = work,
  .cost = cost,
};
