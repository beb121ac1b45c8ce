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
double
kiln_matmul_cost (const KilnVariant *variant, KilnDevice *device,
    const KilnWork *work)
{
  gboolean software = (variant->needs & KILN_FEATURE_SOFTWARE) != 0;
  guint64 rows = (work->rows + variant->rows - 1) / variant->rows;
  guint64 columns = (work->columns + variant->columns - 1) / variant->columns;
  double tiles = (double) rows * columns;
  double products = (double) variant->rows * variant->columns
      / (variant->needs & KILN_FEATURE_MATRIX ? MATRIX_SPEED : 1);
  double tile = products + LOAD_COST * (variant->rows + variant->columns);
  guint32 invocations = kiln_variant_group_size (variant, device);

  /* A CPU's first cache holds few rows: more only for a single panel. */
  if (software && variant->rows > 4 && work->columns > 8)
    return HUGE_VAL;
  return tile * MAX (tiles, BUSY / MAX (invocations, 1));
}

/* With a weight for each frame, of one frame. */
KilnWork
kiln_matmul_work (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  static const char *const families[] = {
    "matmul_linear", "matmul_conv2d", "matmul_temporal", "matmul_transposed"
  };
  const KilnMatmul *matmul = params;
  guint64 rows = kiln_shape_rows (output);

  return (KilnWork) {
    .family = families[matmul->kind],
    .rows = matmul->each_frame ? rows / output->frames : rows,
    .columns = 8 * kiln_matmul_panels (matmul),
    .depth = kiln_matmul_taps (matmul)
        * kiln_shape_stride (inputs[KILN_MATMUL_X]),
  };
}
