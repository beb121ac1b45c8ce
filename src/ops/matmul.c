/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matmul-private.h"

guint32
kiln_matmul_taps (const KilnMatmul *matmul)
{
  switch (matmul->kind) {
    case KILN_MATMUL_LINEAR:
      return 1;
    case KILN_MATMUL_TEMPORAL:
      return 3;
    case KILN_MATMUL_CONV2D:
    case KILN_MATMUL_TRANSPOSED:
      return matmul->kernel * matmul->kernel;
  }
  g_assert_not_reached ();
}

guint32
kiln_matmul_resized_height (const KilnMatmul *matmul, const KilnShape *x)
{
  return matmul->resize_height ? matmul->resize_height : x->height;
}

guint32
kiln_matmul_resized_width (const KilnMatmul *matmul, const KilnShape *x)
{
  return matmul->resize_width ? matmul->resize_width : x->width;
}

guint32
kiln_matmul_panels (const KilnMatmul *matmul)
{
  guint a_panel = matmul->activation == KILN_ACT_GEGLU ? 4 : 8;

  return (matmul->outputs + a_panel - 1) / a_panel;
}

/* 0: the kernel does not fit. */
static guint32
convolved (const KilnMatmul *matmul, guint32 size)
{
  guint32 padded = size + matmul->pad + matmul->pad_end;

  if (padded < matmul->kernel)
    return 0;
  return (padded - matmul->kernel) / matmul->stride + 1;
}

/* 0: nothing is left. */
static guint32
transposed (const KilnMatmul *matmul, guint32 size)
{
  guint64 whole = (guint64) (size - 1) * matmul->stride + matmul->kernel;
  guint64 cut = (guint64) matmul->pad + matmul->pad_end;

  return whole > cut && whole - cut <= G_MAXUINT32 ? whole - cut : 0;
}

static gboolean
check_weight (const KilnMatmul *matmul, const KilnShape *x,
    const KilnShape *weight, KilnType type, GError **error)
{
  guint32 depth = kiln_matmul_taps (matmul) * kiln_shape_stride (x);
  guint32 weights = matmul->each_frame ? x->frames : 1;
  guint32 panels = kiln_matmul_panels (matmul);

  if (weight->frames == weights && weight->height == panels
      && weight->width == depth && weight->channels == 8
      && weight->type == type)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "the packed weight is %u of %u panels of %u rows, not %u of %u of %u",
      weight->frames, weight->height, weight->width, weights, panels, depth);
  return FALSE;
}

static gboolean
check_same (const char *what, const KilnShape *shape,
    const KilnShape *output, GError **error)
{
  g_autofree char *is = NULL;
  g_autofree char *wanted = NULL;

  if (shape == NULL || (kiln_shape_rows (shape) == kiln_shape_rows (output)
          && shape->channels == output->channels
          && shape->type == output->type))
    return TRUE;
  is = kiln_shape_to_string (shape);
  wanted = kiln_shape_to_string (output);
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE, "the %s is %s, not %s",
      what, is, wanted);
  return FALSE;
}

static gboolean
check_row (const KilnShape *row, const KilnShape *output, GError **error)
{
  if (row == NULL || (row->channels == output->channels
          && row->type == output->type
          && kiln_shape_rows (output) % kiln_shape_rows (row) == 0))
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "%" G_GUINT64_FORMAT " vectors of %u channels cannot be added to %"
      G_GUINT64_FORMAT " rows of %u", kiln_shape_rows (row), row->channels,
      kiln_shape_rows (output), output->channels);
  return FALSE;
}

static gboolean
check_epilogue (const KilnMatmul *matmul, const KilnShape *const *inputs,
    GError **error)
{
  const KilnShape *factor = inputs[KILN_MATMUL_FACTOR];

  if (matmul->kind == KILN_MATMUL_TRANSPOSED && (inputs[KILN_MATMUL_ROW]
          || inputs[KILN_MATMUL_RESIDUAL] || inputs[KILN_MATMUL_RESIDUAL2])) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "nothing can be added to a transposed convolution");
    return FALSE;
  }
  if (factor == NULL ? matmul->activation != KILN_ACT_PRELU
      : factor->type == KILN_F32 && factor->channels >= matmul->outputs
      && matmul->activation != KILN_ACT_GEGLU)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "the factors or slopes are not fp32 numbers for %u outputs",
      matmul->outputs);
  return FALSE;
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnMatmul *matmul = params;
  const KilnShape *x = inputs[KILN_MATMUL_X];
  KilnType type = output->type;

  *output = *x;
  output->type = type;
  output->channels = matmul->outputs;
  if (matmul->kind == KILN_MATMUL_CONV2D) {
    output->height = convolved (matmul, kiln_matmul_resized_height (matmul, x));
    output->width = convolved (matmul, kiln_matmul_resized_width (matmul, x));
  }
  if (matmul->kind == KILN_MATMUL_TRANSPOSED) {
    output->height = transposed (matmul, x->height);
    output->width = transposed (matmul, x->width);
  }
  if (x->type != type || matmul->outputs == 0
      || kiln_shape_rows (output) == 0 || x->channels == 0) {
    g_autofree char *text = kiln_shape_to_string (x);

    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "an input of %s cannot be multiplied", text);
    return FALSE;
  }
  if (kiln_shape_rows (output) > G_MAXUINT32) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "the result has more than 2^32 positions");
    return FALSE;
  }
  return check_weight (matmul, x, inputs[KILN_MATMUL_WEIGHT], type, error)
      && check_epilogue (matmul, inputs, error)
      && check_row (inputs[KILN_MATMUL_ROW], output, error)
      && check_same ("residual", inputs[KILN_MATMUL_RESIDUAL], output, error)
      && check_same ("second residual", inputs[KILN_MATMUL_RESIDUAL2], output,
      error);
}

double
kiln_matmul_row_flops (const KilnMatmul *matmul, const KilnShape *x)
{
  double flops =
      2.0 * kiln_matmul_taps (matmul) * x->channels * matmul->outputs;

  if (matmul->kind == KILN_MATMUL_TRANSPOSED)
    return flops / (matmul->stride * matmul->stride);
  return matmul->activation == KILN_ACT_GEGLU ? 2 * flops : flops;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return kiln_matmul_row_flops (params, inputs[KILN_MATMUL_X])
      * kiln_shape_rows (output);
}

const KilnOpClass kiln_matmul_class = {
  .name = "matmul",
  .params_size = sizeof (KilnMatmul),
  .infer = infer,
  .flops = flops,
  .record = kiln_matmul_record,
  .variants = kiln_matmul_variants,
  .work = kiln_matmul_work,
  .cost = kiln_matmul_cost,
};
