/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RGBA → luma (Rec. 601, times alpha), shrunk by whole numbers with a box,
 * as quads (see quads.glsl). A dispatch takes rows of one frame, an
 * invocation a column of some of them: neighbours share their sums. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "grid.glsl"

INPUT (0, x);
layout (binding = 1) writeonly buffer Y { vec4 y[]; };

layout (push_constant) uniform Push {
  uint x_base, y_base;
  uint n;                       /* invocations */
  int width, height;            /* of the picture */
  int columns, rows;            /* of the result */
  int first_row, end_row;       /* of the result, in this dispatch */
  int first_line;               /* of the picture that is bound */
  int shrink;
};

const int ROWS = 8;             /* an invocation */

float luma_at (ivec2 place)
{
  vec4 p = LOAD (x, x_base + uint (
          (min (place.y, height - 1) - first_line) * width
          + min (place.x, width - 1)));
  return dot (p.rgb, vec3 (0.299, 0.587, 0.114)) * p.a;
}

float box (ivec2 place)
{
  ivec2 corner = min (place, ivec2 (columns - 1, rows - 1)) * shrink;
  float sum = 0.0;
  for (int j = 0; j < shrink; j++)
    for (int i = 0; i < shrink; i++)
      sum += luma_at (corner + ivec2 (i, j));
  return sum / float (shrink * shrink);
}

vec2 pair (ivec2 place)
{
  return vec2 (box (place), box (place + ivec2 (1, 0)));
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  ivec2 place = grid_place (int (i), columns);
  place.y = first_row + place.y * ROWS;
  int end = min (place.y + ROWS, end_row);
  vec2 above = pair (place);
  while (place.y < end) {
    vec2 below = pair (place + ivec2 (0, 1));
    y[y_base + uint ((place.y - first_row) * columns + place.x)] =
        vec4 (above, below);
    above = below;
    place.y++;
  }
}
