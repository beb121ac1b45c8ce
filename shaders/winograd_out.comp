/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "activation.glsl"

/* Products of tiles to Aᵀ·tile·A, 4×4 positions, and the epilogue
 * (src/ops/winograd.h); one invocation makes four channels of a tile. */

layout (constant_id = 1) const uint ACTIVATION = 0;
layout (constant_id = 2) const bool HAS_BIAS = false;
layout (constant_id = 3) const bool HAS_ROW = false;
layout (constant_id = 4) const bool HAS_RESIDUAL = false;
layout (constant_id = 5) const bool HAS_RESIDUAL2 = false;
layout (constant_id = 6) const bool HAS_FACTOR = false;

INPUT (0, x);
INPUT (1, bias);
INPUT (2, row_vectors);
INPUT (3, residual);
INPUT (4, residual2);
INPUT (5, factors);
layout (binding = 6) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint x_base, row_base, residual_base, residual2_base, y_base;
  uint n;                       /* tiles · vectors */
  uint vectors;                 /* a position */
  uint first_tile;              /* of this dispatch */
  uint first_position;          /* of y in its window */
  uint row_share;               /* positions that share a row vector */
  uint height, width;
  uint tiles_y, tiles_x;        /* a frame has */
  float slope, scale, residual_scale, residual2_scale;
};

/* Aᵀ·m for a line of six: the first four hold it. */
#define TRANSFORM(A, B, C, D, E, F) { \
    vec4 sum = B + C, difference = B - C, sum2 = D + E, difference2 = D - E; \
    A = A + sum + sum2; \
    B = difference + 2.0 * difference2; \
    C = sum + 4.0 * sum2; \
    D = difference + 8.0 * difference2 + F; \
  }

/* Everything after the product, of a position of all frames. */
void finish (uint position, uint v, vec4 value)
{
  uint place = (position - first_position) * vectors + v;
  vec4 factor = vec4 (1);

  if (HAS_BIAS)
    value += LOAD (bias, v);
  if (HAS_FACTOR)
    factor = LOAD (factors, v);
  if (HAS_FACTOR && ACTIVATION != ACT_PRELU)
    value *= factor;
  if (HAS_ROW)
    value += LOAD (row_vectors, row_base + position / row_share * vectors + v);
  if (ACTIVATION == ACT_LEAKY_RELU)
    value = leaky (vec4 (slope), value);
  else if (ACTIVATION == ACT_PRELU)
    value = leaky (factor, value);
  else
    value = activate (ACTIVATION, value);
  value *= scale;
  if (HAS_RESIDUAL)
    value += residual_scale * LOAD (residual, residual_base + place);
  if (HAS_RESIDUAL2)
    value += residual2_scale * LOAD (residual2, residual2_base + place);
  y[y_base + place] = value;
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint tile = first_tile + i / vectors, v = i % vectors;
  uint frame = tile / tiles_x / tiles_y;
  uvec2 corner = uvec2 (tile % tiles_x, tile / tiles_x % tiles_y) * 4;
  vec4 t[6][6];

  [[unroll]] for (uint j = 0; j < 6; j++)
    [[unroll]] for (uint k = 0; k < 6; k++)
      t[j][k] = LOAD (x, x_base + (j * 6 + k) * n + i);
  [[unroll]] for (uint j = 0; j < 6; j++)
    TRANSFORM (t[j][0], t[j][1], t[j][2], t[j][3], t[j][4], t[j][5])
  [[unroll]] for (uint k = 0; k < 4; k++)
    TRANSFORM (t[0][k], t[1][k], t[2][k], t[3][k], t[4][k], t[5][k])
  [[unroll]] for (uint j = 0; j < 4; j++)
    [[unroll]] for (uint k = 0; k < 4; k++) {
      uvec2 p = corner + uvec2 (k, j);
      if (p.x < width && p.y < height)
        finish ((frame * height + p.y) * width + p.x, v, t[j][k]);
    }
}
