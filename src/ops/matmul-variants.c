/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matmul-private.h"

#include <math.h>
#include <string.h>

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
  { "cpu-narrow", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, 0, 8, 8, 4 },
  { "cpu-quad", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, 0, 8, 4, 4 },
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

/* A number that is loaded counts as so many that are multiplied; matrix units
 * multiply so many times faster; and so many invocations keep a graphics card
 * busy. Guesses, until a card is at hand: docs/kernels.md. */
#define LOAD_COST 16
#define MATRIX_SPEED 8
#define BUSY 32768

/* What is slower on software devices than the numbers say, as measured. */
static double
software_cost (const KilnVariant *variant, KilnDevice *device,
    const KilnWork *work)
{
  const KilnDeviceInfo *info = kiln_device_get_info (device);
  gboolean calls = (info->features & KILN_FEATURE_DESCRIPTOR_BUFFER) != 0;

  /* Each of a subgroup of 8 has a column of a panel. Convolutions, which go
   * from one run of factors to the next, were slower than by lanes. */
  if ((variant->needs & KILN_FEATURE_ADDRESSES) != 0)
    return info->subgroup_size == 8
        && strcmp (work->family, "matmul_linear") == 0 ? 0.25 : HUGE_VAL;
  if (variant->group_size > 0)
    /* Loading again is faster than broadcasting, unless a load is a call. */
    return variant->rows > 1 && !calls ? 3 : 1;
  /* The first cache holds few rows: more only for a single panel. */
  return variant->rows > 4 && work->columns > 8 ? 2 : 1;
}

/* Numbers that are multiplied, those that only fill tiles up too, and loads;
 * where there are few tiles, as if there were enough. */
double
kiln_matmul_cost (const KilnVariant *variant, KilnDevice *device,
    const KilnWork *work)
{
  guint64 rows = (work->rows + variant->rows - 1) / variant->rows;
  guint64 columns = (work->columns + variant->columns - 1) / variant->columns;
  double tiles = (double) rows * columns;
  double products = (double) variant->rows * variant->columns
      / (variant->needs & KILN_FEATURE_MATRIX ? MATRIX_SPEED : 1);
  double tile = products + LOAD_COST * (variant->rows + variant->columns);
  guint32 invocations = kiln_variant_group_size (variant, device);

  /* Half a panel is all that there may be. */
  if (variant->columns < 8 && work->columns >= 8)
    return HUGE_VAL;
  if (variant->needs & KILN_FEATURE_SOFTWARE)
    return tile * tiles * software_cost (variant, device, work);
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
    .columns = matmul->outputs <= 4 && matmul->activation != KILN_ACT_GEGLU
        ? 4 : 8 * kiln_matmul_panels (matmul),
    .depth = kiln_matmul_taps (matmul)
        * kiln_shape_stride (inputs[KILN_MATMUL_X]),
  };
}
