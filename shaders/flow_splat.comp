/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moves the cells of both frames to where they are at the timestep: each
 * place keeps the cell of the highest key, which is its confidence, then
 * its nearness, then its index. With RESET the keys are reset first. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "grid.glsl"

layout (constant_id = 1) const bool RESET = false;

INPUT (0, motion);
INPUT (1, timestep);
layout (binding = 2) buffer Keys { uint keys[]; };

layout (push_constant) uniform Push {
  uint motion_base, timestep_base, keys_base;
  uint n;                       /* cells of both frames */
  int columns, rows;
  float cell;                   /* picture pixels */
};

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  if (RESET) {
    keys[keys_base + i] = 0u;
    return;
  }
  ivec2 at = grid_place (int (i), columns);
  uint frame = at.y < rows ? 0u : 1u;
  float t = LOAD (timestep, timestep_base).x;
  vec4 own = LOAD (motion, motion_base + i);
  vec2 place = vec2 (at.x, at.y - int (frame) * rows)
      + own.xy * ((frame == 0u ? t : 1.0 - t) / cell);
  ivec2 from = ivec2 (floor (place + 0.001));
  uint index = i - frame * uint (columns * rows) + 1u;
  for (int v = 0; v <= 1; v++)
    for (int u = 0; u <= 1; u++) {
      ivec2 to = from + ivec2 (u, v);
      vec2 away = abs (place - vec2 (to));
      float near = (1.0 - away.x) * (1.0 - away.y);
      if (near < 0.02 || any (lessThan (to, ivec2 (0)))
          || any (greaterThanEqual (to, ivec2 (columns, rows))))
        continue;
      uint rank = uint (clamp (own.z * 3.0, 0.0, 3.0) + 0.5) * 16u
          + uint (clamp (near * 15.0, 0.0, 15.0));
      atomicMax (keys[keys_base + frame * uint (columns * rows)
              + uint (to.y * columns + to.x)], rank << 24 | index);
    }
}
