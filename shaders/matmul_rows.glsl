/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the factors of a row of the result lie in x, for kernels whose
 * invocations load them for each other: of each tap a run of x_stride
 * vectors, or zeros. */
#ifndef MATMUL_ROWS_GLSL
#define MATMUL_ROWS_GLSL

#include "matmul.glsl"

/* Texels come unpacked. */
#ifdef TEXEL_LOADS
#define LOADED vec4
#define LOAD_X(NAME, INDEX) LOAD (NAME, INDEX)
#else
#define LOADED VEC
#define LOAD_X(NAME, INDEX) NAME[INDEX]
#endif

/* A tap that lies outside of x. */
const uint NOWHERE = ~0u;

#if defined (KIND_LINEAR)

struct Row { uint start; };

Row row_of (uint row) { return Row (x_base + row * x_stride); }

uint n_taps () { return 1; }

/* Where the tap's run begins. It divides: once a tap, not once a load. */
uint start_of (Row row, uint tap) { return row.start; }

LOADED load_x (uint tap, uint at) { return LOAD_X (x, at); }

#elif defined (KIND_TEMPORAL)

struct Row { uint row; };

Row row_of (uint row) { return Row (row); }

uint n_taps () { return 3; }

uint start_of (Row row, uint tap)
{
  uint place = first_row + row.row;
  if (tap == 0)
    return place >= positions ? before_base + row.row * x_stride : NOWHERE;
  if (tap == 1)
    return x_base + row.row * x_stride;
  return place + positions < positions * frames
      ? after_base + row.row * x_stride : NOWHERE;
}

LOADED load_x (uint tap, uint at)
{
  return tap == 0 ? LOAD_X (x_before, at)
      : tap == 1 ? LOAD_X (x, at) : LOAD_X (x_after, at);
}

#else

struct Row { uint frame; ivec2 corner; };

LOADED load_x (uint tap, uint at) { return LOAD_X (x, at); }

#ifdef KIND_TRANSPOSED

/* Every stride-th line and column of the output, which begin with phase_y
 * and phase_x, are an ordinary convolution by the taps that meet them. */
uvec2 first_tap () { return (uvec2 (phase_x, phase_y) + pad) % stride; }

uvec2 taps_each_way () { return (kernel - first_tap () + stride - 1) / stride; }

uint n_taps () { return taps_each_way ().x * taps_each_way ().y; }

uvec2 tap_place (uint tap)
{
  uint width = taps_each_way ().x;
  return uvec2 (tap % width, tap / width);
}

Row row_of (uint row)
{
  uint place = first_row + row, line = place / phase_width;
  return Row (line / phase_height * x_height * x_width - first_position,
      ivec2 (place % phase_width, line % phase_height)
      + ivec2 ((uvec2 (phase_x, phase_y) + pad) / stride));
}

uint start_of (Row row, uint tap)
{
  ivec2 p = row.corner - ivec2 (tap_place (tap));
  if (any (lessThan (p, ivec2 (0))) || p.x >= x_width || p.y >= x_height)
    return NOWHERE;
  return x_base + (row.frame + p.y * x_width + p.x) * x_stride;
}

#else

uint n_taps () { return kernel * kernel; }

Row row_of (uint row)
{
  uint place = first_row + row, line = place / y_width;
  return Row (line / y_height * x_height * x_width - first_position,
      ivec2 (place % y_width, line % y_height) * int (stride) - pad);
}

uint start_of (Row row, uint tap)
{
  ivec2 p = row.corner + ivec2 (tap % kernel, tap / kernel);
  if (any (lessThan (p, ivec2 (0))) || p.x >= resized_width
      || p.y >= resized_height)
    return NOWHERE;
  uvec2 q = before_resizing (p);
  return x_base + (row.frame + q.y * x_width + q.x) * x_stride;
}

#endif
#endif

/* The row of a packed panel that the row-th factor of the sum goes with: a
 * transposed convolution skips taps. */
uint weight_row (uint row)
{
#ifdef KIND_TRANSPOSED
  uint length = 4 * x_stride;
  uvec2 tap = first_tap () + tap_place (row / length) * stride;
  return (tap.y * kernel + tap.x) * length + row % length;
#else
  return row;
#endif
}

/* Rows of a packed panel: all taps of all channels. */
uint panel_rows ()
{
#ifdef KIND_TRANSPOSED
  return kernel * kernel * 4 * x_stride;
#else
  return n_taps () * 4 * x_stride;
#endif
}

#endif
