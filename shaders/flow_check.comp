/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far the two directions agree: the criterion of Sundaram, Brox &
 * Keutzer 2010 ("Dense Point Trajectories by GPU-accelerated Large
 * Displacement Optical Flow", eq. 5), made soft. What agrees is smoothed
 * among neighbours of about the same motion. Results, a cell: displacement
 * in this level's pixels, confidence from 0 (occluded, out of view or not
 * found) to 1, luma. */
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
};

const float CELL = 4.0;

vec4 at (int frame, ivec2 cell)
{
  cell = clamp (cell, ivec2 (0), ivec2 (columns, rows) - 1);
  return LOAD (field, field_base + uint (
          (frame * rows + cell.y) * columns + cell.x));
}

/* How much the cell at a whole place agrees with a displacement to there. */
float agreement (int frame, ivec2 cell, vec2 displacement)
{
  vec2 back = at (frame, cell).xy, sum = displacement + back;
  float bound = 0.01 * (dot (displacement, displacement) + dot (back, back))
      + 0.5;
  return clamp (2.0 - dot (sum, sum) / bound, 0.0, 1.0);
}

/* The best of the four cells around where it leads. */
float confidence (int frame, vec2 cell, vec2 displacement)
{
  vec2 to = cell + displacement / CELL;
  if (any (lessThan (to, vec2 (-0.5)))
      || any (greaterThan (to, vec2 (columns, rows) - 0.5)))
    return 0.0;
  ivec2 corner = ivec2 (floor (to));
  int there = 1 - frame;
  return max (max (agreement (there, corner, displacement),
          agreement (there, corner + ivec2 (1, 0), displacement)),
      max (agreement (there, corner + ivec2 (0, 1), displacement),
          agreement (there, corner + ivec2 (1, 1), displacement)));
}

/* Neighbours count by how near their motion and how good their match is. */
vec2 smoothed (int frame, ivec2 cell, vec4 own)
{
  vec3 sum = vec3 (0);
  for (int j = -1; j <= 1; j++)
    for (int i = -1; i <= 1; i++) {
      vec4 other = at (frame, cell + ivec2 (i, j));
      vec2 d = other.xy - own.xy;
      float weight = max (1.0 - dot (d, d), 0.0) / (max (other.z, 0.0) + 1e-5);
      sum += weight * vec3 (other.xy, 1);
    }
  return sum.z > 0.0 ? sum.xy / sum.z : own.xy;
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
  y[y_base + i] = vec4 (smoothed (frame, cell, own),
      confidence (frame, vec2 (cell), own.xy), own.w);
}
