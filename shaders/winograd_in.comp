/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

/* Tiles of 6×6 positions, every 4, to Bᵀ·tile·B (src/ops/winograd.h); one
 * invocation transforms four channels of a tile. */

layout (constant_id = 1) const bool RESIZED = false;

INPUT (0, x);
layout (binding = 1) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint x_base, y_base, n;       /* tiles · vectors */
  uint vectors;                 /* a position */
  uint first_tile;              /* of this dispatch */
  uint first_position;          /* of x in its window */
  uint height, width;           /* to which x is resized */
  uint tiles_y, tiles_x;        /* a frame has */
  uint x_height, x_width;
};

/* Bᵀ·d for a line of six. */
#define TRANSFORM(A, B, C, D, E, F) { \
    vec4 a = A, b = B, c = C, d = D, e = E, f = F; \
    A = 4.0 * a - 5.0 * c + e; \
    B = d + e - 4.0 * (b + c); \
    C = e - d + 4.0 * (b - c); \
    D = e - c + 2.0 * (d - b); \
    E = e - c - 2.0 * (d - b); \
    F = 4.0 * b - 5.0 * d + f; \
  }

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint tile = first_tile + i / vectors, v = i % vectors;
  uint frame = tile / tiles_x / tiles_y;
  ivec2 corner = ivec2 (tile % tiles_x, tile / tiles_x % tiles_y) * 4 - 1;
  uint line[6], column[6];
  vec4 t[6][6];

  /* nearest neighbour, as torch's interpolate */
  [[unroll]] for (int j = 0; j < 6; j++) {
    uvec2 p = uvec2 (clamp (corner + j, ivec2 (0), ivec2 (width, height) - 1));
    if (RESIZED)
      p = p * uvec2 (x_width, x_height) / uvec2 (width, height);
    column[j] = x_base + p.x * vectors + v;
    line[j] = ((frame * x_height + p.y) * x_width - first_position) * vectors;
  }
  [[unroll]] for (int j = 0; j < 6; j++)
    [[unroll]] for (int k = 0; k < 6; k++) {
      ivec2 p = corner + ivec2 (k, j);
      bool inside = all (greaterThanEqual (p, ivec2 (0)))
          && p.x < width && p.y < height;
      vec4 value = LOAD (x, line[j] + column[k]);
      t[j][k] = inside ? value : vec4 (0);
    }
  [[unroll]] for (int j = 0; j < 6; j++)
    TRANSFORM (t[j][0], t[j][1], t[j][2], t[j][3], t[j][4], t[j][5])
  [[unroll]] for (int k = 0; k < 6; k++)
    TRANSFORM (t[0][k], t[1][k], t[2][k], t[3][k], t[4][k], t[5][k])
  [[unroll]] for (int j = 0; j < 6; j++)
    [[unroll]] for (int k = 0; k < 6; k++)
      y[y_base + (j * 6 + k) * n + i] = t[j][k];
}
