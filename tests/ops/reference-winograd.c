/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"
#include "ops/winograd.h"

/* Bᵀ, G and Aᵀ of F(4×4, 3×3). */
static const double input_matrix[6][6] = {
  { 4, 0, -5, 0, 1, 0 }, { 0, -4, -4, 1, 1, 0 }, { 0, 4, -4, -1, 1, 0 },
  { 0, -2, -1, 2, 1, 0 }, { 0, 2, -1, -2, 1, 0 }, { 0, 4, 0, -5, 0, 1 }
};
static const double kernel_matrix[6][3] = {
  { 1 / 4.0, 0, 0 }, { -1 / 6.0, -1 / 6.0, -1 / 6.0 },
  { -1 / 6.0, 1 / 6.0, -1 / 6.0 }, { 1 / 24.0, 1 / 12.0, 1 / 6.0 },
  { 1 / 24.0, -1 / 12.0, 1 / 6.0 }, { 0, 0, 1 }
};
static const double output_matrix[4][6] = {
  { 1, 1, 1, 1, 1, 0 }, { 0, 1, -1, 2, -2, 0 }, { 0, 1, 1, 4, 4, 0 },
  { 0, 1, -1, 8, -8, 1 }
};

double
reference_winograd_kernel (const float *kernel, guint place)
{
  double sum = 0;

  for (guint y = 0; y < 3; y++)
    for (guint x = 0; x < 3; x++)
      sum += kernel_matrix[place / 6][y] * kernel_matrix[place % 6][x]
          * kernel[y * 3 + x];
  return sum;
}

/* x at a position, zero beyond the frame. */
static double
at (const CheckInput *x, guint64 frame, gint64 py, gint64 px, guint32 c)
{
  const KilnShape *shape = &x->shape;

  if (py < 0 || px < 0 || py >= shape->height || px >= shape->width)
    return 0;
  return check_at (x, (frame * shape->height + py) * shape->width + px, c);
}

static double
transformed (const CheckInput *x, guint64 tile, guint place, guint32 c)
{
  guint64 across = (x->shape.width + 3) / 4, down = (x->shape.height + 3) / 4;
  gint64 top = tile / across % down * 4, left = tile % across * 4;
  double sum = 0;

  for (gint64 i = 0; i < 6; i++)
    for (gint64 j = 0; j < 6; j++)
      sum += input_matrix[place / 6][i] * input_matrix[place % 6][j]
          * at (x, tile / across / down, top + i - 1, left + j - 1, c);
  return sum;
}

REFERENCE (reference_winograd_in)
{
  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++)
      values[(gsize) i * output->channels + c] = transformed (&inputs[0],
          rows[i] % output->width, rows[i] / output->width, c);
}

static double
transformed_back (const CheckInput *x, const KilnShape *y, guint64 row,
    guint32 c)
{
  guint64 px = row % y->width, py = row / y->width % y->height;
  guint64 across = (y->width + 3) / 4, down = (y->height + 3) / 4;
  guint64 tile = (row / y->width / y->height * down + py / 4) * across
      + px / 4;
  double sum = 0;

  for (guint place = 0; place < KILN_WINOGRAD_PLACES; place++)
    sum += output_matrix[py % 4][place / 6] * output_matrix[px % 4][place % 6]
        * check_at (x, place * x->shape.width + tile, c);
  return sum;
}

REFERENCE (reference_winograd_out)
{
  const KilnWinogradOut *out = params;
  const CheckInput *row = &inputs[KILN_WINOGRAD_ROW];
  const CheckInput *residual = &inputs[KILN_WINOGRAD_RESIDUAL];
  const float *bias = inputs[KILN_WINOGRAD_BIAS].data;
  const float *factor = inputs[KILN_WINOGRAD_FACTOR].data;
  gboolean prelu = out->activation == KILN_ACT_PRELU;

  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++) {
      double y = transformed_back (&inputs[0], output, rows[i], c);

      y += bias != NULL ? bias[c] : 0;
      y *= factor != NULL && !prelu ? factor[c] : 1;
      y += row->data != NULL ? check_at (row, rows[i], c) : 0;
      if (out->activation == KILN_ACT_LEAKY_RELU || prelu)
        y *= y >= 0 ? 1 : prelu ? factor[c] : out->slope;
      y += residual->data != NULL ? check_at (residual, rows[i], c) : 0;
      values[(gsize) i * output->channels + c] = y;
    }
}
