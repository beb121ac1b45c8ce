/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "activation.glsl"

/* Matrix product with computed addresses: one invocation makes a tile of
 * ROWS positions × 8 outputs in registers. Weights come in panels of 8
 * outputs (src/ops/pack.h), so a step over 4 input channels reads 8 vectors
 * of weights and one vector a row. Neighbouring invocations take
 * neighbouring rows of the same panel: its weights stay in the cache. */

layout (constant_id = 1) const uint ACTIVATION = 0;
layout (constant_id = 2) const bool HAS_BIAS = false;
layout (constant_id = 3) const bool HAS_ROW = false;
layout (constant_id = 4) const bool HAS_RESIDUAL = false;
layout (constant_id = 5) const bool HAS_RESIDUAL2 = false;

const uint ROWS = 8;

layout (binding = 0) readonly buffer X { VEC x[]; };
layout (binding = 1) readonly buffer Weight { VEC weight[]; };
layout (binding = 2) readonly buffer Bias { vec4 bias[]; };
layout (binding = 3) readonly buffer Row { VEC row_vectors[]; };
layout (binding = 4) readonly buffer Residual { VEC residual[]; };
layout (binding = 5) readonly buffer Residual2 { VEC residual2[]; };
layout (binding = 6) writeonly buffer Y { VEC y[]; };
#ifdef KIND_TEMPORAL
layout (binding = 7) readonly buffer XBefore { VEC x_before[]; };
layout (binding = 8) readonly buffer XAfter { VEC x_after[]; };
#endif

layout (push_constant) uniform Push {
  uint first_row, n_rows;       /* of the output, this dispatch */
  uint first_panel, n_panels;
  uint x_stride, y_stride;      /* vectors a position */
  uint x_base, weight_base, residual_base, residual2_base, y_base;
  uint row_share;               /* rows that share a row vector */
  float scale, residual_scale, residual2_scale;
  /* CONV2D */
  uint x_height, x_width, y_height, y_width, resized_height, resized_width;
  uint kernel, stride;
  int pad;
  uint first_position;          /* of x in its window */
  /* TEMPORAL */
  uint positions, frames;       /* a frame has; there are */
  uint before_base, after_base;
};

vec4 sums[ROWS][2];

#define ACCUMULATE(SOURCE, START, VALID, TAP) \
  for (uint c = 0; c < x_stride; c++) { \
    uint w = weight_start + ((TAP) * x_stride + c) * 8; \
    vec4 b[8]; \
    [[unroll]] for (uint j = 0; j < 8; j++) \
      b[j] = unpack (weight[w + j]); \
    [[unroll]] for (uint i = 0; i < ROWS; i++) { \
      vec4 a = unpack (SOURCE[START[i] + c]); \
      a = VALID[i] ? a : vec4 (0); \
      [[unroll]] for (uint h = 0; h < 2; h++) \
        sums[i][h] += a.x * b[h] + a.y * b[2 + h] + a.z * b[4 + h] \
            + a.w * b[6 + h]; \
    } \
  }

#if defined (KIND_LINEAR)

void multiply (uint first, uint weight_start)
{
  uint start[ROWS];
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    start[i] = x_base + min (first + i, n_rows - 1) * x_stride;
  const bool valid[8] = bool[8] (true, true, true, true, true, true, true, true);
  ACCUMULATE (x, start, valid, 0)
}

#elif defined (KIND_TEMPORAL)

void multiply (uint first, uint weight_start)
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

#else

void multiply (uint first, uint weight_start)
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

/* Columns 4·column… of one row: everything after the product. */
void finish (uint row, uint column, vec4 value)
{
  if (HAS_RESIDUAL)
    value += residual_scale
        * unpack (residual[residual_base + row * y_stride + column]);
  if (HAS_RESIDUAL2)
    value += residual2_scale
        * unpack (residual2[residual2_base + row * y_stride + column]);
  y[y_base + row * y_stride + column] = pack (value);
}

vec4 before_activation (uint row, uint column, vec4 value, uint n_columns)
{
  if (HAS_BIAS)
    value += bias[column];
  if (HAS_ROW && column < n_columns)
    value += unpack (row_vectors[(first_row + row) / row_share * n_columns
            + column]);
  return value;
}

void main ()
{
  uint tiles = (n_rows + ROWS - 1) / ROWS;
  uint index = invocation_index ();
  if (index >= tiles * n_panels)
    return;
  uint panel = first_panel + index / tiles;
  uint first = index % tiles * ROWS;
  uint taps = 1;
#if defined (KIND_TEMPORAL)
  taps = 3;
#elif defined (KIND_CONV2D)
  taps = kernel * kernel;
#endif
  uint weight_start = weight_base
      + (panel - first_panel) * taps * x_stride * 8;

  [[unroll]] for (uint i = 0; i < ROWS; i++)
    sums[i][0] = sums[i][1] = vec4 (0);
  multiply (first, weight_start);

  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    uint row = first + i;
    if (row >= n_rows)
      break;
    if (ACTIVATION == ACT_GEGLU) {
      vec4 hidden = sums[i][0], gate = sums[i][1];
      if (HAS_BIAS) {
        hidden += bias[panel * 2];
        gate += bias[panel * 2 + 1];
      }
      finish (row, panel, scale * hidden * gelu (gate));
    } else {
      [[unroll]] for (uint h = 0; h < 2; h++) {
        uint column = panel * 2 + h;
        if (column < y_stride)
          finish (row, column, scale * activate (ACTIVATION,
                  before_activation (row, column, sums[i][h], y_stride)));
      }
    }
  }
}
