/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matmul-private.h"

#include <math.h>

#define ANY_TYPE (1u << KILN_F32 | 1u << KILN_F16)

const KilnVariant kiln_matmul_variants[] = {
  { "cpu", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, 0, 4, 16, 4 },
  { "scalar", "scalar", ANY_TYPE, 0, 0, 8, 8, 4 },
  { NULL }
};

/* Numbers that are multiplied, with those that only fill tiles up. */
static double
cost (const KilnVariant *variant, KilnDevice *device, gconstpointer shape)
{
  const guint64 *rows_and_columns = shape;
  guint64 rows = (rows_and_columns[0] + variant->rows - 1) / variant->rows;
  guint64 columns = (rows_and_columns[1] + variant->columns - 1)
      / variant->columns;

  return (double) rows * variant->rows * columns * variant->columns;
}

const KilnVariant *
kiln_matmul_choose (KilnDevice *device, const KilnMatmul *matmul,
    KilnType type, guint64 rows)
{
  guint64 shape[] = { rows, 8 * kiln_matmul_panels (matmul) };

  return kiln_variant_choose (kiln_matmul_variants, device, type, cost, shape);
}
