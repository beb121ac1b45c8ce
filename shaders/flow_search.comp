/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the patches of each frame are in the other one, at one level of a
 * pyramid: the best of some candidates, refined by the inverse
 * compositional search of DIS (Kroeger, Timofte, Dai & Van Gool 2016,
 * "Fast Optical Flow using Dense Inverse Search", section 2.1) with
 * mean-normalised patches, which survive changes of brightness.
 *
 * A patch is 8×8 pixels around a cell of 4×4, seen as 4×4 means of 2×2:
 * each is one quad, and so is its gradient. Results, a cell: displacement x
 * and y in this level's pixels, mean squared difference, mean luma. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "grid.glsl"
#include "quads.glsl"

const uint FROM_NOTHING = 0, FROM_COARSER = 1, FROM_SAME = 2;
layout (constant_id = 1) const uint CANDIDATES = FROM_NOTHING;

INPUT (0, luma);
INPUT (1, field);
layout (binding = 2) writeonly buffer Y { vec4 y[]; };

layout (push_constant) uniform Push {
  uint luma_base, field_base, y_base;
  uint n;                       /* cells of both frames */
  int width, height;            /* of a frame of luma */
  int columns, rows;            /* of cells */
  int field_columns, field_rows;
  int radius;                   /* of the exhaustive search */
  int iterations;
};

const int CELL = 4, SAMPLES = 4;
/* A candidate after the first must be better by so much. */
const float ADVANTAGE = 0.95, NOISE = 2e-6;
/* No other candidates are tried where the first is better than this. */
const float GOOD = 4e-6;
/* Matches are looked for around zero where they are worse than this. */
const float POOR = 4e-4;
/* Refinement may go so far from where it began: half a patch. */
const float MOST = 4.0;
/* It ends with a step of 1/64 pixel; this is its square. */
const float ENOUGH = 0.00025;

ivec2 size;
vec2 corner;                    /* of the patch's first quad */
uint first, other;              /* quads where the frames begin */
vec4 values[SAMPLES], slopes_x[SAMPLES], slopes_y[SAMPLES];
float mean;

void load_patch (ivec2 cell)
{
  ivec2 at = clamp (cell * CELL - 2, ivec2 (0), max (size - 8, ivec2 (0)));
  vec4 sum = vec4 (0);
  corner = vec2 (at);
  [[unroll]] for (int j = 0; j < SAMPLES; j++) {
    int line = min (at.y + 2 * j, size.y - 1) * size.x;
    [[unroll]] for (int i = 0; i < SAMPLES; i++) {
      vec4 quad = LOAD (luma, first + uint (line
              + min (at.x + 2 * i, size.x - 1)));
      values[j][i] = dot (quad, vec4 (0.25));
      slopes_x[j][i] = dot (quad, vec4 (-0.5, 0.5, -0.5, 0.5));
      slopes_y[j][i] = dot (quad, vec4 (-0.5, -0.5, 0.5, 0.5));
    }
    sum += values[j];
  }
  mean = dot (sum, vec4 (0.0625));
}

/* Row j of samples of the other frame less those of the patch; `seen` is 1
 * where they lie inside the picture. */
vec4 differences (int j, vec2 place, out vec4 seen)
{
  vec4 x = place.x + vec4 (0, 2, 4, 6), got;
  float row = place.y + float (2 * j), inside_y = clamp (row, 0.0, float (size.y - 1));
  vec4 inside = clamp (x, vec4 (0), vec4 (size.x - 1));
  float part = fract (inside_y);
  uint line = other + uint (int (inside_y) * size.x);
  seen = vec4 (equal (x, inside)) * float (row == inside_y);
  [[unroll]] for (int i = 0; i < SAMPLES; i++)
    got[i] = quad_luma (LOAD (luma, line + uint (int (inside[i]))),
        vec2 (fract (inside[i]), part));
  return (got - values[j]) * seen;
}

/* Samples lie in the middle of their quads. */
vec2 sample_place (vec2 displacement)
{
  return corner + 0.5 + displacement;
}

float sum (vec4 v)
{
  return dot (v, vec4 (1));
}

/* What is mostly outside cannot be compared. */
float cost_of (float squares, float total, float count)
{
  return count < 4.0 ? 1.0 : max (squares - total * total / count, 0.0) / count;
}

float cost (vec2 displacement)
{
  vec2 place = sample_place (displacement);
  vec4 total = vec4 (0), squares = vec4 (0), count = vec4 (0), seen;
  [[unroll]] for (int j = 0; j < SAMPLES; j++) {
    vec4 d = differences (j, place, seen);
    total += d;
    squares += d * d;
    count += seen;
  }
  return cost_of (sum (squares), sum (total), sum (count));
}

/* One Gauss-Newton step: also returns the cost before it. */
vec2 newton_step (vec2 displacement, out float before)
{
  vec2 place = sample_place (displacement);
  vec4 r = vec4 (0), rr = vec4 (0), count = vec4 (0);
  vec4 gx = vec4 (0), gy = vec4 (0), xx = vec4 (0), xy = vec4 (0),
      yy = vec4 (0), xr = vec4 (0), yr = vec4 (0);
  [[unroll]] for (int j = 0; j < SAMPLES; j++) {
    vec4 seen, d = differences (j, place, seen);
    vec4 sx = slopes_x[j] * seen, sy = slopes_y[j] * seen;
    r += d;
    rr += d * d;
    count += seen;
    gx += sx;
    gy += sy;
    xx += sx * sx;
    xy += sx * sy;
    yy += sy * sy;
    xr += sx * d;
    yr += sy * d;
  }
  float n = max (sum (count), 1.0), x = sum (gx), y = sum (gy), total = sum (r);
  float a = sum (xx) - x * x / n, b = sum (xy) - x * y / n,
      c = sum (yy) - y * y / n;
  vec2 slope = vec2 (sum (xr) - x * total / n, sum (yr) - y * total / n);
  before = cost_of (sum (rr), total, sum (count));
  /* Damped, so that what has no texture stays where it is. */
  float damping = 1e-3 * (a + c) + 1e-4;
  a += damping;
  c += damping;
  return -vec2 (c * slope.x - b * slope.y, a * slope.y - b * slope.x)
      / (a * c - b * b);
}

vec2 best;
float best_cost;

void try (vec2 displacement)
{
  float found = cost (displacement);
  if (found + NOISE < ADVANTAGE * best_cost) {
    best_cost = found;
    best = displacement;
  }
}

vec2 field_at (int frame, ivec2 cell)
{
  cell = clamp (cell, ivec2 (0), ivec2 (field_columns, field_rows) - 1);
  vec2 found = LOAD (field, field_base + uint (
          (frame * field_rows + cell.y) * field_columns + cell.x)).xy;
  return CANDIDATES == FROM_COARSER ? 2.0 * found : found;
}

void try_neighbours (int frame, ivec2 cell)
{
  if (CANDIDATES == FROM_COARSER) {
    ivec2 parent = cell / 2, toward = cell % 2 * 2 - 1;
    best = field_at (frame, parent);
    best_cost = cost (best);
    if (best_cost < GOOD)
      return;
    try (field_at (frame, parent + ivec2 (toward.x, 0)));
    try (field_at (frame, parent + ivec2 (0, toward.y)));
    try (field_at (frame, parent + toward));
    try (vec2 (0));
  } else if (CANDIDATES == FROM_SAME) {
    best = field_at (frame, cell);
    best_cost = cost (best);
    if (best_cost < GOOD)
      return;
    try (field_at (frame, cell + ivec2 (-1, 0)));
    try (field_at (frame, cell + ivec2 (1, 0)));
    try (field_at (frame, cell + ivec2 (0, -1)));
    try (field_at (frame, cell + ivec2 (0, 1)));
  } else {
    best = vec2 (0);
    best_cost = cost (best);
  }
}

void search_exhaustively ()
{
  for (int v = -radius; v <= radius; v++)
    for (int u = -radius; u <= radius; u++)
      try (vec2 (u, v));
}

void refine ()
{
  vec2 at = best;
  for (int i = 0; i < iterations; i++) {
    float before;
    vec2 towards = newton_step (at, before);
    if (before < best_cost) {
      best_cost = before;
      best = at;
    }
    at += towards;
    if (distance (at, best) > MOST || dot (towards, towards) < ENOUGH)
      break;
  }
  float last = cost (at);
  if (last < best_cost) {
    best_cost = last;
    best = at;
  }
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  ivec2 cell = grid_place (int (i), columns);
  int frame = cell.y < rows ? 0 : 1;
  cell.y -= frame * rows;
  size = ivec2 (width, height);
  first = luma_base + uint (frame * width * height);
  other = luma_base + uint ((1 - frame) * width * height);
  load_patch (cell);
  try_neighbours (frame, cell);
  if (radius > 0 && best_cost > POOR)
    search_exhaustively ();
  refine ();
  y[y_base + i] = vec4 (best, best_cost, mean);
}
