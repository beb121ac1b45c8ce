/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cells without confidence take the motion of the confident cell that is
 * near and of about their luma: what is hidden in the other frame moves
 * with what it belongs to. Displacements become picture pixels. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "grid.glsl"

INPUT (0, field);
layout (binding = 1) writeonly buffer Y { vec4 y[]; };

layout (push_constant) uniform Push {
  uint field_base, y_base;
  uint n;                       /* cells of both frames */
  int columns, rows;
  float scale;                  /* picture pixels a pixel of the level */
};

const int FAR = 24;
/* A difference of luma that weighs as much as a cell's distance. */
const float LUMA_A_CELL = 0.1;

const ivec2 directions[8] = ivec2[] (ivec2 (1, 0), ivec2 (-1, 0),
    ivec2 (0, 1), ivec2 (0, -1), ivec2 (1, 1), ivec2 (-1, 1), ivec2 (1, -1),
    ivec2 (-1, -1));

vec4 at (int frame, ivec2 cell)
{
  return LOAD (field, field_base + uint (
          (frame * rows + cell.y) * columns + cell.x));
}

vec2 found_near (int frame, ivec2 cell, vec4 own)
{
  vec2 best = own.xy;
  float least = 1e9;
  for (int k = 0; k < 8; k++)
    for (int far = 1; far <= FAR; far++) {
      ivec2 place = cell + far * directions[k];
      if (any (notEqual (place, clamp (place, ivec2 (0),
                      ivec2 (columns, rows) - 1))))
        break;
      vec4 other = at (frame, place);
      if (other.z < 0.5)
        continue;
      float distance = float (far) * (k < 4 ? 1.0 : 1.414)
          + abs (other.w - own.w) / LUMA_A_CELL;
      if (distance < least) {
        least = distance;
        best = other.xy;
      }
      break;
    }
  return best;
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  ivec2 cell = grid_place (int (i), columns);
  int frame = cell.y < rows ? 0 : 1;
  cell.y -= frame * rows;
  vec4 own = at (frame, cell);
  vec2 motion = own.xy;
  if (own.z < 0.5)
    motion = found_near (frame, cell, own);
  y[y_base + i] = vec4 (motion * scale, own.zw);
}
