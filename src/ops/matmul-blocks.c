/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matmul-private.h"

/* Variants that take tensors in slices make blocks of positions, each in one
 * frame: what a tap needs of x is the block moved. */

static guint64
fill_up (guint64 size, guint32 unit)
{
  return (size + unit - 1) / unit * unit;
}

/* 0: they cannot do it. A slice begins at a multiple of 16 bytes. */
guint32
kiln_matmul_slices (const KilnMatmul *matmul, const KilnShape *x,
    const KilnShape *output)
{
  gboolean plain = matmul->kind == KILN_MATMUL_LINEAR
      || (matmul->kind == KILN_MATMUL_CONV2D && matmul->resize_height == 0
      && matmul->resize_width == 0);

  return plain && x->channels % 8 == 0 && output->channels % 8 == 0
      ? x->channels : 0;
}

/* The widest of those that fill up the fewest positions. */
guint32
kiln_matmul_block_width (const KilnVariant *variant, const KilnMatmul *matmul,
    const KilnShape *output)
{
  guint64 least = G_MAXUINT64;
  guint32 best = variant->rows;

  if (matmul->kind != KILN_MATMUL_CONV2D)
    return best;
  for (guint32 width = variant->rows; width > 0; width /= 2) {
    guint64 positions = fill_up (output->width, width)
        * fill_up (output->height, variant->rows / width);

    if (positions >= least)
      continue;
    least = positions;
    best = width;
  }
  return best;
}

/* All of each frame that the dispatch's rows have a part of. */
guint64
kiln_matmul_count_blocks (const KilnVariant *variant,
    const KilnMatmulPush *push, guint32 block_width)
{
  guint64 frame = (guint64) push->y_height * push->y_width;
  guint64 first = push->first_row / frame;
  guint64 last = ((guint64) push->first_row + push->n_rows - 1) / frame;

  return (last - first + 1) * fill_up (push->y_width, block_width)
      * fill_up (push->y_height, variant->rows / block_width) / variant->rows;
}
