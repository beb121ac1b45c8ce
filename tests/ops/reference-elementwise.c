/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"
#include "ops/elementwise.h"

#include <math.h>

REFERENCE (reference_affine)
{
  const KilnAffine *affine = params;
  const CheckInput *a = &inputs[0], *b = &inputs[1], *factor = &inputs[2];
  double scale = affine->a_scale;
  guint64 share = b->kind != CHECK_ABSENT
      ? kiln_shape_rows (&a->shape) / kiln_shape_rows (&b->shape) : 1;

  if (factor->kind != CHECK_ABSENT)
    scale *= factor->data[0];
  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++) {
      double y = scale * check_at (a, rows[i], c);

      if (b->kind != CHECK_ABSENT)
        y += affine->b_scale * check_at (b, rows[i] / share, c);
      values[(gsize) i * output->channels + c] =
          reference_activate (affine->activation, y);
    }
}

REFERENCE (reference_concat)
{
  for (guint i = 0; i < n_rows; i++) {
    double *to = values + (gsize) i * output->channels;

    for (guint part = 0; part < KILN_OP_MAX_INPUTS; part++) {
      const CheckInput *x = &inputs[part];

      if (part >= 4 || x->kind == CHECK_ABSENT)
        break;
      for (guint32 c = 0; c < x->shape.channels; c++)
        *to++ = check_at (x, rows[i] % kiln_shape_rows (&x->shape), c);
    }
  }
}

REFERENCE (reference_join)
{
  const KilnShape *first = &inputs[0].shape, *second = &inputs[1].shape;
  guint32 n0 = first->height * first->width;
  guint32 n1 = second->height * second->width;

  for (guint i = 0; i < n_rows; i++) {
    guint64 frame = rows[i] / (n0 + n1), token = rows[i] % (n0 + n1);
    const CheckInput *x = &inputs[token < n0 ? 0 : 1];
    guint64 row = token < n0 ? frame * n0 + token : frame * n1 + token - n0;

    for (guint32 c = 0; c < output->channels; c++)
      values[(gsize) i * output->channels + c] =
          check_at (x, row % kiln_shape_rows (&x->shape), c);
  }
}

REFERENCE (reference_first)
{
  const KilnFirst *first = params;
  const KilnShape *x = &inputs[0].shape;
  guint64 positions = (guint64) x->height * x->width;

  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++)
      values[(gsize) i * output->channels + c] = check_at (&inputs[0],
          rows[i] / first->rows * positions + rows[i] % first->rows, c);
}

/* The frequencies are rounded as PyTorch does in fp32: then values of a
 * hundred can be compared to seven digits. */
REFERENCE (reference_sinusoid)
{
  const KilnSinusoid *sinusoid = params;
  guint32 half = sinusoid->size / 2;

  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++) {
      guint64 flat = rows[i] * output->channels + c;
      guint32 k = flat % sinusoid->size;
      float exponent = -(float) log (10000.0) * (float) (k % half) / half;
      float frequency = exp (exponent);
      float angle = inputs[0].data[flat / sinusoid->size] * frequency;

      values[(gsize) i * output->channels + c] =
          k < half ? cos (angle) : sin (angle);
    }
}

REFERENCE (reference_euler)
{
  double sigma = inputs[4].data[0], next = inputs[4].data[1];
  guint64 positions = (guint64) output->height * output->width;

  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++) {
      double x = check_at (&inputs[0], rows[i], c);
      double v = check_at (&inputs[1], rows[i], c), denoised, slope;

      if (inputs[2].kind != CHECK_ABSENT) {
        double u = check_at (&inputs[2], rows[i], c);

        v = u + inputs[3].data[rows[i] / positions] * (v - u);
      }
      denoised = v * (-sigma / sqrt (sigma * sigma + 1))
          + x / (sigma * sigma + 1);
      slope = sigma > 0 ? (x - denoised) / sigma : 0;
      values[(gsize) i * output->channels + c] = x + slope * (next - sigma);
    }
}

/* scale · x + offset of a term's channel c. */
static double
term (const KilnTerm *term, const CheckInput *x, guint64 row, guint32 c)
{
  return term->scale * check_at (x, kiln_shape_rows (&x->shape) > 1 ? row : 0,
      term->first + c) + term->offset;
}

REFERENCE (reference_pointwise)
{
  const KilnPointwise *pointwise = params;

  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++) {
      double y = term (&pointwise->a, &inputs[0], rows[i], c);

      if (inputs[1].kind != CHECK_ABSENT) {
        double b = term (&pointwise->b, &inputs[1], rows[i],
            pointwise->spread ? 0 : c);

        y = pointwise->product ? y * b : y + b;
      }
      if (pointwise->activation == KILN_ACT_LEAKY_RELU)
        y *= y < 0 ? pointwise->slope : 1;
      else if (pointwise->activation == KILN_ACT_PRELU)
        y *= y < 0 ? inputs[2].data[c] : 1;
      else
        y = reference_activate (pointwise->activation, y);
      values[(gsize) i * output->channels + c] = y;
    }
}
