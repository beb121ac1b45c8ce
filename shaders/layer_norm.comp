/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layer norm over the channels of a row: one invocation, one row. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "moments.glsl"

INPUT (0, x);
INPUT_F32 (1, gamma);
INPUT_F32 (2, beta);
layout (binding = 3) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint x_base, gamma_base, beta_base, y_base;
  uint channels, vectors, rows;
  float eps;
};

/* The row's moments, all in the first component. */
Moments row_moments (uint at)
{
  uint full = channels / 4, v = 0;
  Moments m = NO_MOMENTS;
  for (; v + 4 <= full; v += 4)
    m = merge_four (m, LOAD (x, at + v), LOAD (x, at + v + 1),
        LOAD (x, at + v + 2), LOAD (x, at + v + 3));
  for (; v < full; v++)
    m = merge (m, LOAD (x, at + v), vec4 (0), 1.0);

  Moments sum = NO_MOMENTS;
  if (full > 0) {
    sum = Moments (m.mean, m.m2, m.n);
    [[unroll]] for (uint c = 1; c < 4; c++)
      sum = merge (sum, vec4 (m.mean[c]), vec4 (m.m2[c]), m.n);
  }
  if (full < vectors) {
    vec4 tail = LOAD (x, at + full);
    [[unroll]] for (uint c = 0; c < 3; c++)
      if (full * 4 + c < channels)
        sum = merge (sum, vec4 (tail[c]), vec4 (0), 1.0);
  }
  return sum;
}

void main ()
{
  uint row = invocation_index ();
  if (row >= rows)
    return;
  uint from = x_base + row * vectors, to = y_base + row * vectors;
  Moments m = row_moments (from);
  float mean = m.mean.x;
  float factor = 1.0 / sqrt (m.m2.x / float (channels) + eps);
  /* gamma and beta are zero where channels are padding. */
  for (uint v = 0; v < vectors; v++)
    y[to + v] = pack ((LOAD (x, from + v) - mean) * factor
        * LOAD_F32 (gamma, gamma_base + v) + LOAD_F32 (beta, beta_base + v));
}
