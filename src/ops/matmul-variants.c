/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matmul-private.h"

#define ANY_TYPE (1u << KILN_F32 | 1u << KILN_F16)

#define LANES (KILN_FEATURE_SOFTWARE | KILN_FEATURE_SUBGROUPS)
/* Compilers that call for a texel load a number once where a whole subgroup
 * wants the same; others load it for each invocation, a hundred times slower. */
#define UNIFORM \
  (LANES | KILN_FEATURE_ADDRESSES | KILN_FEATURE_DESCRIPTOR_BUFFER)

#ifdef KILN_COOPERATIVE_MATRIX

/* The factors of a step, in lines of halves two vectors longer than they need
 * be, and a matrix of results for each subgroup: matmul_matrix.comp. */
static guint32
find_matrix_bytes (const KilnVariant *variant, const KilnDeviceInfo *info)
{
  guint32 lines = variant->rows * (variant->depth / 4 + 2)
      + variant->depth * (variant->columns / 4 + 2);

  return 8 * lines
      + 4 * variant->subgroups * info->matrix_rows * info->matrix_columns;
}

#endif

const KilnVariant kiln_matmul_variants[] = {
  { "uniform", "uniform", 1u << KILN_F32, UNIFORM, 8, 6, 16, 16 },
  { "lanes", "lanes", ANY_TYPE, LANES, 8, 16, 32, 4 },
  { "lanes-row", "lanes", ANY_TYPE, LANES, 8, 1, 32, 4 },
  { "cpu", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, 0, 4, 16, 4 },
  { "cpu-tall", "cpu", 1u << KILN_F16, KILN_FEATURE_SOFTWARE, 0, 8, 16, 4 },
  { "cpu-narrow", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, 0, 8, 8, 4 },
  { "cpu-quad", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, 0, 8, 4, 4 },
#ifdef KILN_COOPERATIVE_MATRIX2
  { "matrix2", "matrix2", 1u << KILN_F16,
      KILN_FEATURE_MATRIX | KILN_FEATURE_TENSORS, 256, 256, 128, 64,
      .slices = TRUE, .only_measured = TRUE },
#endif
#ifdef KILN_COOPERATIVE_MATRIX
  /* 64 × 64 sums a subgroup: 128 registers of an invocation where there are
   * 32, too many for some devices. */
  { "matrix-wide", "matrix", 1u << KILN_F16, KILN_FEATURE_MATRIX, 0, 128, 256,
      32, .subgroups = 8, .find_shared_bytes = find_matrix_bytes,
      .only_measured = TRUE },
  { "matrix-large", "matrix", 1u << KILN_F16, KILN_FEATURE_MATRIX, 0, 128, 128,
      32, .subgroups = 8, .find_shared_bytes = find_matrix_bytes },
  { "matrix", "matrix", 1u << KILN_F16, KILN_FEATURE_MATRIX, 0, 64, 64,
      32, .subgroups = 4, .find_shared_bytes = find_matrix_bytes },
#endif
  { "half", "half", 1u << KILN_F16, KILN_FEATURE_FLOAT16, 128, 128, 64, 16,
      7424, .on_request = TRUE, .error = 1.3e-3 },
  { "tile", "tile", ANY_TYPE, 0, 128, 128, 64, 16, 14848 },
  { "tile-small", "tile", ANY_TYPE, 0, 64, 64, 64, 16, 9728 },
  { "scalar", "scalar", ANY_TYPE, 0, 0, 8, 8, 4 },
  { NULL }
};
