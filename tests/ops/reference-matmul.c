/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"
#include "ops/matmul.h"

#include <math.h>

static double
sigmoid (double x)
{
  return 1 / (1 + exp (-x));
}

static double
gelu (double x)
{
  return 0.5 * x * (1 + erf (x * G_SQRT2 / 2));
}

double
reference_activate (guint activation, double x)
{
  switch (activation) {
    case KILN_ACT_SILU:
      return x * sigmoid (x);
    case KILN_ACT_GELU:
      return gelu (x);
    case KILN_ACT_QUICK_GELU:
      return x * sigmoid (1.702 * x);
    case KILN_ACT_SIGMOID:
      return sigmoid (x);
    case KILN_ACT_UNIT:
      return CLAMP (x, 0, 1);
    default:
      return x;
  }
}

/* The row of x that a tap of an output row reads; FALSE: padding. */
static gboolean
find_row (const KilnMatmul *matmul, const KilnShape *x, const KilnShape *y,
    guint64 row, guint32 tap, guint64 *from)
{
  gint64 area = (gint64) y->height * y->width;
  gint64 frame = row / area, line = row % area / y->width,
      column = row % y->width;
  gint64 height = matmul->resize_height ? matmul->resize_height : x->height;
  gint64 width = matmul->resize_width ? matmul->resize_width : x->width;

  switch (matmul->kind) {
    case KILN_MATMUL_LINEAR:
      break;
    case KILN_MATMUL_TEMPORAL:
      frame += (gint64) tap - 1;
      break;
    case KILN_MATMUL_CONV2D:
      line = line * matmul->stride - matmul->pad + tap / matmul->kernel;
      column = column * matmul->stride - matmul->pad + tap % matmul->kernel;
      if (line < 0 || line >= height || column < 0 || column >= width)
        return FALSE;
      line = line * x->height / height;
      column = column * x->width / width;
      break;
    case KILN_MATMUL_TRANSPOSED:
      line = line + matmul->pad - tap / matmul->kernel;
      column = column + matmul->pad - tap % matmul->kernel;
      if (line < 0 || column < 0 || line % matmul->stride != 0
          || column % matmul->stride != 0)
        return FALSE;
      line /= matmul->stride;
      column /= matmul->stride;
      if (line >= height || column >= width)
        return FALSE;
      break;
  }
  if (frame < 0 || frame >= x->frames)
    return FALSE;
  *from = (frame * x->height + line) * x->width + column;
  return TRUE;
}

/* Σ x·W + bias for one output of the weight. */
static double
sum_products (const KilnMatmul *matmul, const CheckInput *inputs,
    const KilnShape *y, guint64 row, guint32 n)
{
  const CheckInput *x = &inputs[KILN_MATMUL_X];
  const KilnPack *pack = &inputs[KILN_MATMUL_WEIGHT].pack;
  const float *weight = inputs[KILN_MATMUL_WEIGHT].data
      + (gsize) n * pack->inputs * pack->taps;
  double sum = inputs[KILN_MATMUL_BIAS].kind != CHECK_ABSENT
      ? inputs[KILN_MATMUL_BIAS].data[n] : 0;
  guint64 from;

  for (guint32 c = 0; matmul->each_frame && c < pack->inputs; c++)
    sum += check_at (x, row, c) * reference_winograd_kernel (
        weight + c * pack->taps, row / y->width / y->height);
  for (guint32 tap = 0; !matmul->each_frame && tap < pack->taps; tap++) {
    if (!find_row (matmul, &x->shape, y, row, tap, &from))
      continue;
    for (guint32 c = 0; c < pack->inputs; c++)
      sum += check_at (x, from, c) * weight[c * pack->taps + tap];
  }
  return sum;
}

static double
activate (const KilnMatmul *matmul, const float *factor, double sum)
{
  switch (matmul->activation) {
    case KILN_ACT_LEAKY_RELU:
      return sum < 0 ? matmul->slope * sum : sum;
    case KILN_ACT_PRELU:
      return sum < 0 ? *factor * sum : sum;
    default:
      return reference_activate (matmul->activation, sum);
  }
}

static double
epilogue (const KilnMatmul *matmul, const CheckInput *inputs,
    const KilnShape *y, guint64 row, guint32 n)
{
  const CheckInput *vectors = &inputs[KILN_MATMUL_ROW];
  const float *factor = inputs[KILN_MATMUL_FACTOR].kind != CHECK_ABSENT
      ? &inputs[KILN_MATMUL_FACTOR].data[n] : NULL;
  double sum = sum_products (matmul, inputs, y, row, n);

  if (factor != NULL && matmul->activation != KILN_ACT_PRELU)
    sum *= *factor;
  if (vectors->kind != CHECK_ABSENT)
    sum += check_at (vectors, row / (kiln_shape_rows (y)
            / kiln_shape_rows (&vectors->shape)), n);
  if (matmul->activation == KILN_ACT_GEGLU)
    sum *= gelu (sum_products (matmul, inputs, y, row, n + matmul->outputs));
  else
    sum = activate (matmul, factor, sum);
  sum *= matmul->scale;
  if (inputs[KILN_MATMUL_RESIDUAL].kind != CHECK_ABSENT)
    sum += matmul->residual_scale
        * check_at (&inputs[KILN_MATMUL_RESIDUAL], row, n);
  if (inputs[KILN_MATMUL_RESIDUAL2].kind != CHECK_ABSENT)
    sum += matmul->residual2_scale
        * check_at (&inputs[KILN_MATMUL_RESIDUAL2], row, n);
  return sum;
}

REFERENCE (reference_matmul)
{
  const KilnMatmul *matmul = params;

  for (guint i = 0; i < n_rows; i++)
    for (guint32 n = 0; n < output->channels; n++)
      values[(gsize) i * output->channels + n] =
          epilogue (matmul, inputs, output, rows[i], n);
}
