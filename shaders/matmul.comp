/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "matmul.glsl"

/* Matrix product with computed addresses: one invocation makes a tile of
 * ROWS positions × 8·PANELS outputs in registers. Weights come in panels of
 * 8 outputs (src/ops/pack.h), so a step over 4 input channels reads 8
 * vectors of weights a panel and one vector a row. Neighbouring invocations
 * take neighbouring rows of the same panels, whose weights then stay in the
 * cache. */

const uint QUADS = COLUMNS / 4;
const uint PANELS = (COLUMNS + 7) / 8;

vec4 sums[ROWS][2 * PANELS];    /* the first QUADS */
uint weight_start[PANELS];

#define ACCUMULATE(SOURCE, START, VALID, TAP) \
  for (uint c = 0; c < x_stride; c++) { \
    vec4 a[ROWS]; \
    [[unroll]] for (uint i = 0; i < ROWS; i++) { \
      a[i] = LOAD (SOURCE, START[i] + c); \
      a[i] = VALID[i] ? a[i] : vec4 (0); \
    } \
    uint w = ((TAP) * x_stride + c) * 8; \
    [[unroll]] for (uint p = 0; p < PANELS; p++) \
      [[unroll]] for (uint k = 0; k < X_CHANNELS; k++) \
        [[unroll]] for (uint h = 0; h < min (QUADS, 2); h++) { \
          vec4 b = LOAD (weight, weight_start[p] + w + k * 2 + h); \
          [[unroll]] for (uint i = 0; i < ROWS; i++) \
            sums[i][p * 2 + h] = fma (vec4 (a[i][k]), b, sums[i][p * 2 + h]); \
        } \
  }

#if defined (KIND_LINEAR)

void multiply (uint first)
{
  uint start[ROWS];
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    start[i] = x_base + min (first + i, n_rows - 1) * x_stride;
  bool valid[ROWS];
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    valid[i] = true;
  ACCUMULATE (x, start, valid, 0)
}

#elif defined (KIND_TEMPORAL)

void multiply (uint first)
{
  uint start[ROWS];
  bool valid[ROWS];

  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    uint row = min (first + i, n_rows - 1);
    start[i] = before_base + row * x_stride;
    valid[i] = first_row + row >= positions;
    start[i] = valid[i] ? start[i] : 0;
  }
  ACCUMULATE (x_before, start, valid, 0)

  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    start[i] = x_base + min (first + i, n_rows - 1) * x_stride;
    valid[i] = true;
  }
  ACCUMULATE (x, start, valid, 1)

  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    uint row = min (first + i, n_rows - 1);
    start[i] = after_base + row * x_stride;
    valid[i] = first_row + row + positions < positions * frames;
    start[i] = valid[i] ? start[i] : 0;
  }
  ACCUMULATE (x_after, start, valid, 2)
}

#elif defined (KIND_TRANSPOSED)

/* Every stride-th line and column of the output, which begin with phase_y
 * and phase_x, are an ordinary convolution by the taps that meet them. */
void multiply (uint first)
{
  uvec2 tap0 = (uvec2 (phase_x, phase_y) + pad) % stride;
  ivec2 shift = ivec2 ((uvec2 (phase_x, phase_y) + pad) / stride);
  uint frame_start[ROWS];
  ivec2 corner[ROWS];

  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    uint row = first_row + min (first + i, n_rows - 1);
    uint line = row / phase_width;
    corner[i] = ivec2 (row % phase_width, line % phase_height) + shift;
    frame_start[i] = line / phase_height * x_height * x_width - first_position;
  }
  for (uint ky = tap0.y, dy = 0; ky < kernel; ky += stride, dy++)
    for (uint kx = tap0.x, dx = 0; kx < kernel; kx += stride, dx++) {
      uint start[ROWS];
      bool valid[ROWS];

      [[unroll]] for (uint i = 0; i < ROWS; i++) {
        ivec2 p = corner[i] - ivec2 (dx, dy);
        valid[i] = all (greaterThanEqual (p, ivec2 (0)))
            && p.x < x_width && p.y < x_height;
        start[i] = x_base + (frame_start[i] + p.y * x_width + p.x) * x_stride;
        start[i] = valid[i] ? start[i] : x_base;
      }
      ACCUMULATE (x, start, valid, ky * kernel + kx)
    }
}

#else

void multiply (uint first)
{
  uint frame_start[ROWS];
  ivec2 corner[ROWS];

  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    uint row = first_row + min (first + i, n_rows - 1);
    uint line = row / y_width;
    corner[i] = ivec2 (row % y_width, line % y_height) * int (stride) - pad;
    frame_start[i] = line / y_height * x_height * x_width - first_position;
  }
  for (uint ky = 0; ky < kernel; ky++)
    for (uint kx = 0; kx < kernel; kx++) {
      uint start[ROWS];
      bool valid[ROWS];

      [[unroll]] for (uint i = 0; i < ROWS; i++) {
        ivec2 p = corner[i] + ivec2 (kx, ky);
        valid[i] = all (greaterThanEqual (p, ivec2 (0)))
            && p.x < resized_width && p.y < resized_height;
        uvec2 q = before_resizing (p);
        start[i] = x_base + (frame_start[i] + q.y * x_width + q.x) * x_stride;
        start[i] = valid[i] ? start[i] : x_base;
      }
      ACCUMULATE (x, start, valid, ky * kernel + kx)
    }
}

#endif

void main ()
{
  uint tiles = (n_rows + ROWS - 1) / ROWS;
  uint index = invocation_index ();
  uint panels = index / tiles * PANELS;
  if (panels >= n_panels)
    return;
  uint first = index % tiles * ROWS;
  uint taps = 1;
#if defined (KIND_TEMPORAL)
  taps = 3;
#elif !defined (KIND_LINEAR)
  taps = kernel * kernel;
#endif
  [[unroll]] for (uint p = 0; p < PANELS; p++)
    weight_start[p] = weight_base + min (panels + p, n_panels - 1)
        * taps * x_stride * 8;

  /* Sums start from the bias: one load for all rows. */
  [[unroll]] for (uint j = 0; j < 2 * PANELS; j++) {
    vec4 start = vec4 (0);
    if (has_bias != 0 && panels + j / 2 < n_panels)
      start = LOAD_F32 (bias, (first_panel + panels) * 2 + j);
    [[unroll]] for (uint i = 0; i < ROWS; i++)
      sums[i][j] = start;
  }
  multiply (first);

  [[unroll]] for (uint i = 0; i < ROWS; i++)
    [[unroll]] for (uint p = 0; p < PANELS; p++)
      if (first + i < n_rows && panels + p < n_panels)
        finish_panel (first + i, first_panel + panels + p, sums[i][p * 2],
            sums[i][p * 2 + 1]);
}
