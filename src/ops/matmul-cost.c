/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matmul-private.h"

#include <math.h>
#include <string.h>

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
  /* The first cache holds few rows: more only of halves, or for a single
   * panel. */
  return variant->types != 1u << KILN_F16 && variant->rows > 4
      && work->columns > 8 ? 2 : 1;
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
  if (variant->slices
      && (work->slices == 0 || work->slices % variant->depth != 0))
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
    .slices = kiln_matmul_slices (matmul, inputs[KILN_MATMUL_X], output),
  };
}
