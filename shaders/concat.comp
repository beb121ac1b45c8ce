/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Up to four tensors' channels side by side. One invocation makes one
 * vector of the result. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

/* Whether every tensor but the last fills its vectors. */
layout (constant_id = 1) const bool ALIGNED = true;

INPUT (0, x0);
INPUT (1, x1);
INPUT (2, x2);
INPUT (3, x3);
layout (binding = 4) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uvec4 base;
  uvec4 end;                    /* in the result's channels */
  uint y_base;
  uint vectors;                 /* a row of the result */
  uint n;                       /* rows · vectors */
};

/* The vector of the tensor around a channel of the result. */
vec4 load (uint row, uint channel)
{
  if (channel < end.x)
    return LOAD (x0, base.x + row * ((end.x + 3) / 4) + channel / 4);
  if (channel < end.y)
    return LOAD (x1, base.y + row * ((end.y - end.x + 3) / 4)
        + (channel - end.x) / 4);
  if (channel < end.z)
    return LOAD (x2, base.z + row * ((end.z - end.y + 3) / 4)
        + (channel - end.y) / 4);
  return LOAD (x3, base.w + row * ((end.w - end.z + 3) / 4)
      + (channel - end.z) / 4);
}

uint start (uint channel)
{
  return channel < end.x ? 0 : channel < end.y ? end.x
      : channel < end.z ? end.y : end.z;
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint row = i / vectors, channel = (i % vectors) * 4;
  if (ALIGNED) {
    y[y_base + i] = pack (load (row, channel));
    return;
  }
  vec4 z = vec4 (0);
  [[unroll]] for (uint c = 0; c < 4; c++)
    if (channel + c < end.w)
      z[c] = load (row, channel + c)[(channel + c - start (channel + c)) % 4];
  y[y_base + i] = pack (z);
}
