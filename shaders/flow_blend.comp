/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The picture at the timestep: each pixel from where its motion comes from
 * and goes to, by Catmull-Rom (Keys 1981, a = −1/2). Where the cells around
 * a pixel move apart it takes the one for which the frames agree best. */
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
  uint n;                       /* pixels */
  int columns, rows;            /* of cells */
  int first_row;                /* of pixels, in this dispatch */
  float cell;                   /* picture pixels */
};

/* Cells whose motions are within a pixel are interpolated. */
const float TOGETHER = 1.0;
/* Costs are sums of differences of a channel. */
const float HIDDEN = 0.3, FAR_AWAY = 0.03;

float t;
vec2 pixel;
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

#define SAMPLE(LOAD_IT) \
  vec2 whole = floor (place); \
  vec4 wx = catmull_rom (place.x - whole.x), wy = catmull_rom (place.y - whole.y); \
  ivec2 p = ivec2 (whole) - 1; \
  vec4 sum = vec4 (0); \
  [[unroll]] for (int j = 0; j < 4; j++) { \
    vec4 line = vec4 (0); \
    [[unroll]] for (int i = 0; i < 4; i++) \
      line += wx[i] * LOAD_IT (inside (p + ivec2 (i, j))); \
    sum += wy[j] * line; \
  } \
  return sum;

vec4 sample_first (vec2 place) { SAMPLE (load_first) }
vec4 sample_second (vec2 place) { SAMPLE (load_second) }

float cost (vec4 m)
{
  if (m.z * m.w == 0.0)
    return HIDDEN;
  ivec2 a = ivec2 (floor (pixel - t * m.xy + 0.5)),
      b = ivec2 (floor (pixel + (1.0 - t) * m.xy + 0.5));
  vec4 sum = vec4 (0);
  for (int j = -1; j <= 1; j++)
    for (int i = -1; i <= 1; i++)
      sum += abs (load_first (inside (a + ivec2 (i, j)))
          - load_second (inside (b + ivec2 (i, j))));
  return dot (sum, vec4 (1.0 / 3.0));
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

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  pixel = vec2 (grid_place (int (i), width) + ivec2 (0, first_row));
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
  vec4 result = vec4 (0);
  if (weights.x > 1e-4)
    result += weights.x * sample_first (from);
  if (weights.y > 1e-4)
    result += weights.y * sample_second (to);
  y[y_base + i] = clamp (result, 0.0, 1.0);
}
