/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The motion through each cell at the timestep: of what was moved there and
 * around, whatever makes the two frames agree best; where that is hidden in
 * one frame, only the other is used. Results, a cell: displacement from the
 * first to the second frame, in picture pixels, and the frames' visibility. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "grid.glsl"

INPUT (0, first);
INPUT (1, second);
INPUT (2, motion);
INPUT (3, timestep);
layout (binding = 4) readonly buffer Keys { uint keys[]; };
layout (binding = 5) writeonly buffer Y { vec4 y[]; };

layout (push_constant) uniform Push {
  uint first_base, second_base;
  int width, height;            /* of the pictures */
  int first_line, lines;        /* of the pictures that are bound */
  uint motion_base, timestep_base, keys_base, y_base;
  uint n;                       /* cells */
  int columns, rows;            /* of cells */
  int first_row;                /* of cells, in this dispatch */
  float cell;                   /* picture pixels */
};

/* Costs are mean differences of a channel. */
const float HIDDEN = 0.02, ADVANTAGE = 0.002;

float t;
vec2 middle;                    /* of the cell, in picture pixels */
vec2 low, high;                 /* places that are bound */
vec4 best, own;
float best_cost;                /* below 0: not known yet */
bool any_found;

vec3 pixel_of_first (vec2 place)
{
  ivec2 p = ivec2 (clamp (place + 0.5, low, high));
  return LOAD (first, first_base + uint ((p.y - first_line) * width + p.x)).rgb;
}

vec3 pixel_of_second (vec2 place)
{
  ivec2 p = ivec2 (clamp (place + 0.5, low, high));
  return LOAD (second, second_base + uint ((p.y - first_line) * width + p.x)).rgb;
}

/* How much the frames differ along a motion, changes of brightness apart. */
float cost (vec2 v)
{
  vec2 a = middle - t * v, b = middle + (1.0 - t) * v;
  vec3 total = vec3 (0), absolute = vec3 (0);
  float step_ = 0.5 * cell;
  for (int j = -1; j <= 1; j++)
    for (int i = -1; i <= 1; i++) {
      vec2 offset = step_ * vec2 (i, j);
      vec3 d = pixel_of_second (b + offset) - pixel_of_first (a + offset);
      total += d;
      absolute += abs (d);
    }
  return dot (absolute - 0.5 * abs (total), vec3 (1.0 / 27.0));
}

float cost_of (vec4 candidate)
{
  return candidate.z * candidate.w > 0.0 ? cost (candidate.xy) : HIDDEN;
}

bool same (vec2 a, vec2 b)
{
  vec2 d = a - b;
  return dot (d, d) < 0.25;
}

void consider (uint frame, ivec2 place)
{
  if (any (notEqual (place, clamp (place, ivec2 (0), ivec2 (columns, rows) - 1))))
    return;
  uint index = keys[keys_base + uint ((int (frame) * rows + place.y) * columns
          + place.x)] & 0xffffffu;
  if (index == 0u)
    return;
  vec4 m = LOAD (motion, motion_base + frame * uint (columns * rows) + index - 1u);
  bool seen = m.z >= 0.5;
  vec4 candidate = vec4 (frame == 0u ? m.xy : -m.xy,
      seen || frame == 0u ? 1.0 : 0.0, seen || frame == 1u ? 1.0 : 0.0);
  if (any_found && same (candidate.xy, best.xy) && candidate.zw == best.zw)
    return;
  if (any_found) {
    if (best_cost < 0.0)
      best_cost = cost_of (best);
    float found = cost_of (candidate);
    if (found + ADVANTAGE >= best_cost)
      return;
    best_cost = found;
  }
  any_found = true;
  best = candidate;
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  ivec2 place = grid_place (int (i), columns) + ivec2 (0, first_row);
  t = LOAD (timestep, timestep_base).x;
  middle = (vec2 (place) + 0.5) * cell - 0.5;
  low = vec2 (0, first_line);
  high = vec2 (width - 1, first_line + lines - 1) + 0.5;
  any_found = false;
  best = vec4 (0, 0, 1, 1);
  best_cost = -1.0;
  for (uint frame = 0u; frame < 2u; frame++)
    consider (frame, place);
  for (uint frame = 0u; frame < 2u; frame++) {
    consider (frame, place + ivec2 (1, 0));
    consider (frame, place + ivec2 (-1, 0));
    consider (frame, place + ivec2 (0, 1));
    consider (frame, place + ivec2 (0, -1));
  }
  y[y_base + i] = best;
}
