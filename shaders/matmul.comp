/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "activation.glsl"

/* Matrix product with computed addresses: one invocation makes a tile of
 * ROWS positions × 8·PANELS outputs in registers. Weights come in panels of
 * 8 outputs (src/ops/pack.h), so a step over 4 input channels reads 8
 * vectors of weights a panel and one vector a row. Neighbouring invocations
 * take neighbouring rows of the same panels, whose weights then stay in the
 * cache. */

layout (constant_id = 1) const uint ACTIVATION = 0;
layout (constant_id = 2) const bool HAS_ROW = false;
layout (constant_id = 3) const bool HAS_RESIDUAL = false;
layout (constant_id = 4) const bool HAS_RESIDUAL2 = false;
layout (constant_id = 5) const bool HAS_FACTOR = false;
layout (constant_id = 6) const uint ROWS = 8;
layout (constant_id = 7) const uint COLUMNS = 8;

const uint PANELS = COLUMNS / 8;

INPUT (0, x);
INPUT (1, weight);
INPUT_F32 (2, bias);
INPUT (3, row_vectors);
INPUT (4, residual);
INPUT (5, residual2);
layout (binding = 6) writeonly buffer Y { VEC y[]; };
INPUT_F32 (7, factors);
#ifdef KIND_TEMPORAL
INPUT (8, x_before);
INPUT (9, x_after);
#endif

layout (push_constant) uniform Push {
  uint first_row, n_rows;       /* of the output, this dispatch */
  uint first_panel, n_panels;
  uint x_stride, y_stride;      /* vectors a position */
  uint x_base, weight_base, residual_base, residual2_base, y_base;
  uint row_base, row_share;     /* rows that share a row vector */
  uint has_bias;
  float slope, scale, residual_scale, residual2_scale;
  /* CONV2D, TRANSPOSED */
  uint x_height, x_width, y_height, y_width, resized_height, resized_width;
  uint kernel, stride;
  int pad;
  uint first_position;          /* of x in its window */
#ifdef KIND_TRANSPOSED
  uint phase_y, phase_x;        /* of the outputs of this dispatch */
  uint phase_height, phase_width;       /* how many of them a frame has */
#else
  /* TEMPORAL */
  uint positions, frames;       /* a frame has; there are */
  uint before_base, after_base;
#endif
};

vec4 sums[ROWS][2 * PANELS];
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
      [[unroll]] for (uint h = 0; h < 2; h++) { \
        vec4 b[4]; \
        [[unroll]] for (uint k = 0; k < 4; k++) \
          b[k] = LOAD (weight, weight_start[p] + w + k * 2 + h); \
        [[unroll]] for (uint i = 0; i < ROWS; i++) \
          [[unroll]] for (uint k = 0; k < 4; k++) \
            sums[i][p * 2 + h] = fma (vec4 (a[i][k]), b[k], sums[i][p * 2 + h]); \
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
        /* nearest neighbour, as torch's interpolate */
        uvec2 q = uvec2 (p) * uvec2 (x_width, x_height)
            / uvec2 (resized_width, resized_height);
        start[i] = x_base + (frame_start[i] + q.y * x_width + q.x) * x_stride;
        start[i] = valid[i] ? start[i] : x_base;
      }
      ACCUMULATE (x, start, valid, ky * kernel + kx)
    }
}

#endif

/* Where a row of this dispatch stands in its part of the output. */
uint output_row (uint row)
{
#ifdef KIND_TRANSPOSED
  uint line = (first_row + row) / phase_width;
  uvec2 p = uvec2 ((first_row + row) % phase_width, line % phase_height)
      * stride + uvec2 (phase_x, phase_y);
  return (line / phase_height * y_height + p.y) * y_width + p.x;
#else
  return row;
#endif
}

/* Columns 4·column… of one row: everything after the product. */
void finish (uint row, uint column, vec4 value)
{
  if (HAS_RESIDUAL)
    value += residual_scale
        * LOAD (residual, residual_base + row * y_stride + column);
  if (HAS_RESIDUAL2)
    value += residual2_scale
        * LOAD (residual2, residual2_base + row * y_stride + column);
  y[y_base + output_row (row) * y_stride + column] = pack (value);
}

vec4 activated (uint row, uint column, vec4 value, uint n_columns)
{
  vec4 factor = vec4 (1);

  if (HAS_FACTOR)
    factor = LOAD_F32 (factors, column);
  if (HAS_FACTOR && ACTIVATION != ACT_PRELU)
    value *= factor;
  if (HAS_ROW && column < n_columns)
    value += LOAD (row_vectors,
        row_base + (first_row + row) / row_share * n_columns + column);
  if (ACTIVATION == ACT_LEAKY_RELU)
    return leaky (vec4 (slope), value);
  if (ACTIVATION == ACT_PRELU)
    return leaky (factor, value);
  return activate (ACTIVATION, value);
}

/* The 8 outputs of a panel (4 with GEGLU) in row i of the tile. */
void finish_panel (uint row, uint panel, vec4 low, vec4 high)
{
  if (ACTIVATION == ACT_GEGLU) {
    finish (row, panel, scale * low * gelu (high));
    return;
  }
  finish (row, panel * 2, scale * activated (row, panel * 2, low, y_stride));
  if (panel * 2 + 1 < y_stride)
    finish (row, panel * 2 + 1,
        scale * activated (row, panel * 2 + 1, high, y_stride));
}

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
