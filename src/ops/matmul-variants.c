/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matmul-private.h"

#include <math.h>

#define ANY_TYPE (1u << KILN_F32 | 1u << KILN_F16)

const KilnVariant kiln_matmul_variants[] = {
  { "cpu", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, 0, 4, 16, 4 },
  { "cpu-narrow", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, 0, 8, 8, 4 },
#ifdef KILN_COOPERATIVE_MATRIX
  { "matrix-large", "matrix", 1u << KILN_F16, KILN_FEATURE_MATRIX, 0, 128, 128,
      32, 27136, .subgroups = 8 },
  { "matrix", "matrix", 1u << KILN_F16, KILN_FEATURE_MATRIX, 0, 64, 64,
      32, 13824, .subgroups = 4 },
#endif
  { "half", "half", 1u << KILN_F16, KILN_FEATURE_FLOAT16, 128, 128, 64, 16,
      7424, .on_request = TRUE, .error = 1.3e-3 },
  { "tile", "tile", ANY_TYPE, 0, 128, 128, 64, 16, 14848 },
  { "tile-small", "tile", ANY_TYPE, 0, 64, 64, 64, 16, 9728 },
  { "scalar", "scalar", ANY_TYPE, 0, 0, 8, 8, 4 },
  { NULL }
};

/* A number that is loaded counts as so many that are multiplied; matrix units
 * multiply so many times faster; and so many invocations keep a graphics card
 * busy. Guesses, until a card is at hand: docs/kernels.md. */
#define LOAD_COST 16
#define MATRIX_SPEED 8
#define BUSY 32768

/* Numbers that are multiplied, those that only fill tiles up too, and loads;
 * where there are few tiles, as if there were enough. */
static double
cost (const KilnVariant *variant, KilnDevice *device, gconstpointer shape)
{
  const guint64 *rows_and_columns = shape;
  gboolean software = (variant->needs & KILN_FEATURE_SOFTWARE) != 0;
  guint64 rows = (rows_and_columns[0] + variant->rows - 1) / variant->rows;
  guint64 columns = (rows_and_columns[1] + variant->columns - 1)
      / variant->columns;
  double tiles = (double) rows * columns;
  double products = (double) variant->rows * variant->columns
      / (variant->needs & KILN_FEATURE_MATRIX ? MATRIX_SPEED : 1);
  double tile = products + LOAD_COST * (variant->rows + variant->columns);
  guint32 invocations = kiln_variant_group_size (variant, device);

  /* A CPU's first cache holds few rows: more only for a single panel. */
  if (software && variant->rows > 4 && rows_and_columns[1] > 8)
    return HUGE_VAL;
  return tile * MAX (tiles, BUSY / MAX (invocations, 1));
}

const KilnVariant *
kiln_matmul_choose (KilnDevice *device, const KilnMatmul *matmul,
    KilnType type, guint64 rows)
{
  guint64 shape[] = { rows, 8 * kiln_matmul_panels (matmul) };

  return kiln_variant_choose (kiln_matmul_variants, device, type, cost, shape);
}
