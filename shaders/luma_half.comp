/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The next level of a pyramid of quads: means of 2×2. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "grid.glsl"

INPUT (0, x);
layout (binding = 1) writeonly buffer Y { vec4 y[]; };

layout (push_constant) uniform Push {
  uint x_base, y_base;
  uint n;
  int width, height;            /* of a frame of x */
  int columns, rows;            /* of a frame of y */
};

float mean (int frame, ivec2 place)
{
  ivec2 at = 2 * min (place, ivec2 (columns - 1, rows - 1));
  return dot (LOAD (x, x_base + uint ((frame * height + at.y) * width + at.x)),
      vec4 (0.25));
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  ivec2 place = grid_place (int (i), columns);
  int frame = place.y < rows ? 0 : 1;
  place.y -= frame * rows;
  y[y_base + i] = vec4 (mean (frame, place), mean (frame, place + ivec2 (1, 0)),
      mean (frame, place + ivec2 (0, 1)), mean (frame, place + ivec2 (1, 1)));
}
