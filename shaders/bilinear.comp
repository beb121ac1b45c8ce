/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

/* Bilinear resizing (src/ops/image.h); one invocation makes four channels
 * of a position. */

INPUT (0, x);
layout (binding = 1) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint x_base, y_base, n;       /* vectors of the result, this dispatch */
  uint vectors;                 /* a position */
  uint x_height, x_width, y_height, y_width;
  uint first_line, first_x_line;
  float step_y, step_x;         /* of x for one of y */
};

/* The position before, the one after, and the share of the latter. */
void locate (uint i, float scale, uint size, out uint low, out uint high,
    out float share)
{
  float place = clamp ((float (i) + 0.5) * scale - 0.5, 0.0, float (size - 1));
  low = uint (place);
  high = min (low + 1, size - 1);
  share = place - float (low);
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint position = i / vectors;
  uint line = first_line + position / y_width;
  uint top, bottom, left, right;
  float down, across;
  locate (line % y_height, step_y, x_height, top, bottom, down);
  locate (position % y_width, step_x, x_width, left, right, across);

  uint frame = line / y_height * x_height - first_x_line;
  uint upper = x_base + (frame + top) * x_width * vectors + i % vectors;
  uint lower = x_base + (frame + bottom) * x_width * vectors + i % vectors;
  left *= vectors;
  right *= vectors;
  vec4 above = mix (LOAD (x, upper + left), LOAD (x, upper + right), across);
  vec4 below = mix (LOAD (x, lower + left), LOAD (x, lower + right), across);
  y[y_base + i] = pack (mix (above, below, down));
}
