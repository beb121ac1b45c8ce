/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where an index lies in rows of a width. Integer division is done lane by
 * lane on software devices. The quotient in floats is off by one at most,
 * as long as there are fewer than 2^23 rows, and is put right. */
#ifndef GRID_GLSL
#define GRID_GLSL

/* (column, row) */
ivec2 grid_place (int i, int width)
{
  int row = int (float (i) / float (width));
  int column = i - row * width;
  int off = int (column >= width) - int (column < 0);
  return ivec2 (column - off * width, row + off);
}

#endif
