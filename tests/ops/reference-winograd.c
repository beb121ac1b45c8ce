/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"

/* G of F(4×4, 3×3). */
static const double kernel_matrix[6][3] = {
  { 1 / 4.0, 0, 0 }, { -1 / 6.0, -1 / 6.0, -1 / 6.0 },
  { -1 / 6.0, 1 / 6.0, -1 / 6.0 }, { 1 / 24.0, 1 / 12.0, 1 / 6.0 },
  { 1 / 24.0, -1 / 12.0, 1 / 6.0 }, { 0, 0, 1 }
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
