/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The picture at the timestep: each pixel from where its motion comes from
 * and goes to, by Catmull-Rom (Keys 1981, a = −1/2). Where the cells around
 * a pixel move apart it takes the one for which the frames agree best.
 *
 * An invocation makes 2×2 pixels of one motion: their samples share most of
 * what they read. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "grid.glsl"

INPUT (0, first);
INPUT (1, second);
INPUT (2, motion);
INPUT (3, timestep);
layout (binding = 4) writeonly buffer Y { vec4 y[]; };

layout (push_constant) uniform Push {
  uint first_base, second_base;
  int width, height;            /* of the pictures */
  int first_line, lines;        /* of the pictures that are bound */
  uint motion_base, timestep_base, y_base;
  uint n;                       /* invocations */
  int columns, rows;            /* of cells */
  int first_row, end_row;       /* of pixels, in this dispatch */
  float cell;                   /* picture pixels */
};

/* Cells whose motions are within a pixel are interpolated. */
const float TOGETHER = 1.0;
/* Costs are sums of differences of a channel. */
const float HIDDEN = 0.3, FAR_AWAY = 0.03;

float t;
vec2 pixel;                     /* the middle of the four */
vec2 low, high;                 /* places that are bound */

vec4 load_first (ivec2 p)
{
  return LOAD (first, first_base + uint ((p.y - first_line) * width + p.x));
}

vec4 load_second (ivec2 p)
{
  return LOAD (second, second_base + uint ((p.y - first_line) * width + p.x));
}

ivec2 inside (ivec2 p)
{
  return clamp (p, ivec2 (low), ivec2 (high));
}

vec4 catmull_rom (float x)
{
  return vec4 (((-0.5 * x + 1.0) * x - 0.5) * x,
      (1.5 * x - 2.5) * x * x + 1.0,
      ((-1.5 * x + 2.0) * x + 0.5) * x,
      (0.5 * x - 0.5) * x * x);
}

/* The four pixels in reading order; `place` is that of the first. */
#define ADD_SAMPLES(LOAD_IT) \
  vec2 whole = floor (place); \
  vec4 wx = catmull_rom (place.x - whole.x), wy = catmull_rom (place.y - whole.y); \
  ivec2 p = ivec2 (whole) - 1; \
  [[unroll]] for (int j = 0; j < 5; j++) { \
    vec4 left = vec4 (0), right = vec4 (0); \
    [[unroll]] for (int i = 0; i < 5; i++) { \
      vec4 value = LOAD_IT (inside (p + ivec2 (i, j))); \
      if (i < 4) \
        left += wx[min (i, 3)] * value; \
      if (i > 0) \
        right += wx[max (i - 1, 0)] * value; \
    } \
    if (j < 4) { \
      result[0] += weight * wy[min (j, 3)] * left; \
      result[1] += weight * wy[min (j, 3)] * right; \
    } \
    if (j > 0) { \
      result[2] += weight * wy[max (j - 1, 0)] * left; \
      result[3] += weight * wy[max (j - 1, 0)] * right; \
    } \
  }

vec4 result[4];

void add_first (vec2 place, float weight) { ADD_SAMPLES (load_first) }
void add_second (vec2 place, float weight) { ADD_SAMPLES (load_second) }

float cost (vec4 m)
{
  if (m.z * m.w == 0.0)
    return HIDDEN;
  ivec2 a = ivec2 (floor (pixel - t * m.xy)),
      b = ivec2 (floor (pixel + (1.0 - t) * m.xy));
  vec4 sum = vec4 (0);
  for (int j = -1; j <= 2; j++)
    for (int i = -1; i <= 2; i++)
      sum += abs (load_first (inside (a + ivec2 (i, j)))
          - load_second (inside (b + ivec2 (i, j))));
  return dot (sum, vec4 (9.0 / 16.0 / 3.0));
}

bool apart (vec4 a, vec4 b)
{
  vec2 d = a.xy - b.xy;
  return dot (d, d) > TOGETHER * TOGETHER || a.zw != b.zw;
}

vec4 cell_motion (ivec2 at)
{
  at = clamp (at, ivec2 (0), ivec2 (columns, rows) - 1);
  return LOAD (motion, motion_base + uint (at.y * columns + at.x));
}

vec4 motion_here ()
{
  vec2 place = (pixel + 0.5) / cell - 0.5, whole = floor (place),
      part = place - whole;
  ivec2 at = ivec2 (whole);
  vec4 m00 = cell_motion (at), m10 = cell_motion (at + ivec2 (1, 0)),
      m01 = cell_motion (at + ivec2 (0, 1)), m11 = cell_motion (at + ivec2 (1, 1));
  if (!apart (m00, m10) && !apart (m00, m01) && !apart (m00, m11))
    return mix (mix (m00, m10, part.x), mix (m01, m11, part.x), part.y);
  vec4 best = m00;
  float least = cost (m00) + FAR_AWAY * (part.x + part.y), c;
  c = cost (m10) + FAR_AWAY * (1.0 - part.x + part.y);
  if (c < least) { least = c; best = m10; }
  c = cost (m01) + FAR_AWAY * (part.x + 1.0 - part.y);
  if (c < least) { least = c; best = m01; }
  c = cost (m11) + FAR_AWAY * (2.0 - part.x - part.y);
  if (c < least) best = m11;
  return best;
}

/* 1 inside the picture, 0 from a pixel outside on. */
float visible (vec2 place)
{
  vec2 away = max (max (-place, place - vec2 (width - 1, height - 1)), 0.0);
  return clamp (1.0 - max (away.x, away.y), 0.0, 1.0);
}

void store (ivec2 at, vec4 value)
{
  if (at.x < width && at.y < end_row)
    y[y_base + uint ((at.y - first_row) * width + at.x)] =
        clamp (value, 0.0, 1.0);
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  ivec2 at = 2 * grid_place (int (i), (width + 1) / 2) + ivec2 (0, first_row);
  pixel = vec2 (at) + 0.5;
  t = LOAD (timestep, timestep_base).x;
  low = vec2 (0, first_line);
  high = vec2 (width - 1, first_line + lines - 1);
  vec4 m = motion_here ();
  vec2 from = pixel - t * m.xy, to = pixel + (1.0 - t) * m.xy;
  vec2 weights = vec2 (1.0 - t, t), seen = m.zw;
  vec2 viewed = seen * vec2 (visible (from), visible (to));
  if (viewed.x + viewed.y < 0.01)
    viewed = seen;
  weights *= viewed + 1e-6;
  weights /= weights.x + weights.y;
  [[unroll]] for (int k = 0; k < 4; k++)
    result[k] = vec4 (0);
  if (weights.x > 1e-4)
    add_first (from - 0.5, weights.x);
  if (weights.y > 1e-4)
    add_second (to - 0.5, weights.y);
  store (at, result[0]);
  store (at + ivec2 (1, 0), result[1]);
  store (at + ivec2 (0, 1), result[2]);
  store (at + ivec2 (1, 1), result[3]);
}
