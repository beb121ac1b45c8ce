/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all kernels of matrix products share: the result's tile, the tensors,
 * and all that follows the product (KilnMatmul in src/ops/matmul.h). */
#ifndef MATMUL_GLSL
#define MATMUL_GLSL

/* With ADDRESSES x and weight are read by address, not from their bindings. */
#ifdef ADDRESSES
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#endif

#include "common.glsl"
#include "activation.glsl"

layout (constant_id = 1) const uint ACTIVATION = 0;
layout (constant_id = 2) const bool HAS_ROW = false;
layout (constant_id = 3) const bool HAS_RESIDUAL = false;
layout (constant_id = 4) const bool HAS_RESIDUAL2 = false;
layout (constant_id = 5) const bool HAS_FACTOR = false;
layout (constant_id = 6) const uint ROWS = 8;
layout (constant_id = 7) const uint COLUMNS = 8;
/* CONV2D: whether x is upsampled, which takes divisions for each tap. */
layout (constant_id = 14) const bool RESIZED = true;
/* Channels of a vector of x: where there are fewer than 4 in all, the others
 * are zero. */
layout (constant_id = 15) const uint X_CHANNELS = 4;

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
#ifdef ADDRESSES
  uint64_t weight_address;
#else
  uint x_base, weight_base;
#endif
  uint residual_base, residual2_base, y_base;
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
#ifdef ADDRESSES
  uint64_t x_address;
#else
  uint before_base, after_base;
#endif
#endif
};

#ifdef KIND_CONV2D
/* Where x has what stands at p of its resized picture: the nearest neighbour,
 * as torch's interpolate. */
uvec2 before_resizing (ivec2 p)
{
  return RESIZED ? uvec2 (p) * uvec2 (x_width, x_height)
      / uvec2 (resized_width, resized_height) : uvec2 (p);
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

/* Columns 4·column… of one row: what is added at last. */
vec4 complete (uint row, uint column, vec4 value)
{
  if (HAS_RESIDUAL)
    value += residual_scale
        * LOAD (residual, residual_base + row * y_stride + column);
  if (HAS_RESIDUAL2)
    value += residual2_scale
        * LOAD (residual2, residual2_base + row * y_stride + column);
  return value;
}

void finish (uint row, uint column, vec4 value)
{
  y[y_base + output_row (row) * y_stride + column] =
      pack (complete (row, column, value));
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

#endif
