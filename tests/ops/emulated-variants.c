/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of matrix products for check-emulated: matmul_matrix2.comp with
 * what it takes of a driver in plain loops, in a tile that fits into 32 KiB. */
#include "ops/matmul-private.h"

const KilnVariant kiln_matmul_variants[] = {
  { "emulated", "emulated", 1u << KILN_F16, 0, 16, 32, 16, 8, 2048,
      .slices = TRUE },
  { "scalar", "scalar", 1u << KILN_F16, 0, 0, 8, 8, 4 },
  { NULL }
};
