/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

/* Moves pixels by a flow (src/ops/image.h); one invocation makes four
 * channels of a position. Any line of x may be needed, but not all may be
 * bound: an invocation leaves alone what begins in lines of another
 * dispatch. */

layout (constant_id = 1) const uint FLOW_FIRST = 0;

INPUT (0, x);
INPUT (1, flow);
layout (binding = 2) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint x_base, flow_base, y_base, n;    /* vectors of the result */
  uint vectors, flow_stride;    /* a position */
  uint height, width;
  uint first_line;              /* of the result, in its frame */
  uint begin_x_line, end_x_line;/* that this dispatch is for */
  float flow_scale;
};

float flow_at (uint position, uint channel)
{
  return flow_scale * LOAD (flow,
      flow_base + position * flow_stride + channel / 4)[channel % 4];
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint position = i / vectors;
  vec2 last = vec2 (width - 1, height - 1);
  vec2 place = vec2 (position % width, first_line + position / width)
      + vec2 (flow_at (position, FLOW_FIRST), flow_at (position, FLOW_FIRST + 1));
  place = clamp (place, vec2 (0), last);
  uvec2 low = uvec2 (place), high = min (low + 1, uvec2 (last));
  vec2 share = place - vec2 (low);
  if (low.y < begin_x_line || low.y >= end_x_line)
    return;

  uvec2 lines = x_base + (uvec2 (low.y, high.y) - begin_x_line) * width * vectors
      + i % vectors;
  uvec2 columns = uvec2 (low.x, high.x) * vectors;
  vec4 above = mix (LOAD (x, lines.x + columns.x),
      LOAD (x, lines.x + columns.y), share.x);
  vec4 below = mix (LOAD (x, lines.y + columns.x),
      LOAD (x, lines.y + columns.y), share.x);
  y[y_base + i] = pack (mix (above, below, share.y));
}
