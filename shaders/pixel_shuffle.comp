/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

/* Channels to blocks of pixels (src/ops/image.h); one invocation makes four
 * channels of a position. */

layout (constant_id = 1) const uint FACTOR = 2;

INPUT (0, x);
layout (binding = 1) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint x_base, y_base, n;       /* vectors of the result, this dispatch */
  uint x_stride, y_stride;      /* vectors a position */
  uint channels;                /* of the result */
  uint x_width, y_width;
};

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint position = i / y_stride, first = i % y_stride * 4;
  uint line = position / y_width, column = position % y_width;
  uint from = x_base
      + (line / FACTOR * x_width + column / FACTOR) * x_stride;
  uint part = line % FACTOR * FACTOR + column % FACTOR;
  vec4 value = vec4 (0);
  [[unroll]] for (uint j = 0; j < 4; j++) {
    uint channel = min (first + j, channels - 1) * FACTOR * FACTOR + part;
    vec4 v = LOAD (x, from + channel / 4);
    value[j] = first + j < channels ? v[channel % 4] : 0.0;
  }
  y[y_base + i] = pack (value);
}
