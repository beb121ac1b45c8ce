/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "activation.glsl"

/* Sums and products of channels (src/ops/elementwise.h); one invocation
 * makes a vector. */

const uint B_NONE = 0, B_SUM = 1, B_PRODUCT = 2;
layout (constant_id = 1) const uint B = B_NONE;
layout (constant_id = 2) const uint A_SHIFT = 0;        /* channels into a vector */
layout (constant_id = 3) const uint B_SHIFT = 0;
layout (constant_id = 4) const bool SPREAD = false;
layout (constant_id = 5) const uint ACTIVATION = ACT_NONE;

INPUT (0, a);
INPUT (1, b);
INPUT_F32 (2, slopes);
layout (binding = 3) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint a_base, b_base, y_base, n;       /* vectors of the result */
  uint a_stride, b_stride, vectors;     /* a position; b_stride 0: one for all */
  uint a_last, b_last;          /* vectors that may be read */
  uint channels;
  float a_scale, a_offset, b_scale, b_offset, slope;
};

/* Four channels from `shift` on, which begin in one vector and end in the
 * next. */
vec4 shifted (vec4 low, vec4 high, uint shift)
{
  if (shift == 1)
    return vec4 (low.yzw, high.x);
  if (shift == 2)
    return vec4 (low.zw, high.xy);
  if (shift == 3)
    return vec4 (low.w, high.xyz);
  return low;
}

vec4 load_a (uint row, uint v)
{
  uint start = a_base + row * a_stride;
  vec4 low = LOAD (a, start + v);
  /* Past the end there is nothing that is kept. */
  return A_SHIFT == 0 ? low
      : shifted (low, LOAD (a, start + min (v + 1, a_last)), A_SHIFT);
}

vec4 load_b (uint row, uint v)
{
  uint start = b_base + row * b_stride;
  if (SPREAD)
    return vec4 (LOAD (b, start)[B_SHIFT]);
  vec4 low = LOAD (b, start + v);
  return B_SHIFT == 0 ? low
      : shifted (low, LOAD (b, start + min (v + 1, b_last)), B_SHIFT);
}

vec4 combine (uint row, uint v)
{
  vec4 first = a_scale * load_a (row, v) + a_offset;
  if (B == B_NONE)
    return first;
  vec4 second = b_scale * load_b (row, v) + b_offset;
  return B == B_PRODUCT ? first * second : first + second;
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint v = i % vectors;
  vec4 value = combine (i / vectors, v);
  if (ACTIVATION == ACT_LEAKY_RELU)
    value = leaky (vec4 (slope), value);
  else if (ACTIVATION == ACT_PRELU)
    value = leaky (LOAD_F32 (slopes, v), value);
  else
    value = activate (ACTIVATION, value);
  uvec4 c = v * 4 + uvec4 (0, 1, 2, 3);
  y[y_base + i] = pack (mix (vec4 (0), value, lessThan (c, uvec4 (channels))));
}
