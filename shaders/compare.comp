/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two pictures, cell by cell: mean luma of each and mean difference. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

INPUT (0, a);
INPUT (1, b);
layout (binding = 2) writeonly buffer Y { vec4 y[]; };

layout (push_constant) uniform Push {
  uint a_base, b_base, y_base;
  uint width, height;           /* of the rows of this dispatch */
  uint cell;                    /* pixels a side */
  uint columns, n;              /* cells */
};

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint left = i % columns * cell, top = i / columns * cell;
  uint right = min (left + cell, width), bottom = min (top + cell, height);
  vec4 sum_a = vec4 (0), sum_b = vec4 (0), difference = vec4 (0);
  for (uint row = top; row < bottom; row++)
    for (uint x = left; x < right; x++) {
      vec4 p = LOAD (a, a_base + row * width + x);
      vec4 q = LOAD (b, b_base + row * width + x);
      sum_a += p;
      sum_b += q;
      difference += abs (p - q);
    }
  /* Rec. ITU-R BT.709; alpha counts as much as the colour. */
  const vec4 luma = vec4 (0.2126, 0.7152, 0.0722, 0);
  vec3 sums = vec3 (dot (sum_a, luma), dot (sum_b, luma),
      dot (difference, vec4 (vec3 (1.0 / 3.0), 1)));
  y[y_base + i] = vec4 (sums / float ((right - left) * (bottom - top)), 0);
}
