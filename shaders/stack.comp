/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

/* Channels of several inputs side by side (src/ops/image.h); one invocation
 * makes VECTORS vectors of a position. Which channel comes from where is
 * known when the shader is compiled, so that a vector costs a load or two. */

layout (constant_id = 1) const uint PART0 = 0;  /* first << 16 | channels */
layout (constant_id = 2) const uint PART1 = 0;
layout (constant_id = 3) const uint PART2 = 0;
layout (constant_id = 4) const uint PART3 = 0;
layout (constant_id = 5) const uint PART4 = 0;
layout (constant_id = 6) const uint PART5 = 0;
layout (constant_id = 7) const uint PART6 = 0;
layout (constant_id = 8) const uint PART7 = 0;
layout (constant_id = 9) const uint EVERYWHERE = 0;     /* bits: one vector */
layout (constant_id = 10) const uint FIRST_VECTOR = 0;
layout (constant_id = 11) const uint VECTORS = 1;

INPUT (0, x0);
INPUT (1, x1);
INPUT (2, x2);
INPUT (3, x3);
INPUT (4, x4);
INPUT (5, x5);
INPUT (6, x6);
INPUT (7, x7);
layout (binding = 8) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint x_base[8], x_stride[8];
  uint y_base, y_stride, n;     /* positions of the result, this dispatch */
  uint x_height, x_width, y_height, y_width;
  uint first_line, first_x_line;
};

#define FROM(K, NAME) \
  if (c >= begin && c < begin + (PART##K & 0xffffu)) { \
    uint source = (PART##K >> 16) + c - begin; \
    uint start = (EVERYWHERE >> K & 1u) != 0 ? 0 : position * x_stride[K]; \
    value = LOAD (NAME, x_base[K] + start + source / 4)[source % 4]; \
  } \
  begin += PART##K & 0xffffu;

float channel (uint c, uint position)
{
  float value = 0.0;
  uint begin = 0;
  FROM (0, x0)
  FROM (1, x1)
  FROM (2, x2)
  FROM (3, x3)
  FROM (4, x4)
  FROM (5, x5)
  FROM (6, x6)
  FROM (7, x7)
  return value;
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint line = first_line + i / y_width;
  uvec2 p = uvec2 (i % y_width, line % y_height);
  bool inside = p.x < x_width && p.y < x_height;
  uint position =
      (line / y_height * x_height + p.y - first_x_line) * x_width + p.x;
  position = inside ? position : 0;
  [[unroll]] for (uint v = 0; v < VECTORS; v++) {
    vec4 value;
    [[unroll]] for (uint j = 0; j < 4; j++)
      value[j] = channel ((FIRST_VECTOR + v) * 4 + j, position);
    y[y_base + i * y_stride + FIRST_VECTOR + v] =
        pack (inside ? value : vec4 (0));
  }
}
