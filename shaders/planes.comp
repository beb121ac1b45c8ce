/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between planes (NCHW, fp32) and channels-last, with y = x · scale + offset.
 * One invocation takes one vector of the channels-last side. TO_PLANES says
 * which way. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "typed.glsl"

#ifdef X_U8
#define INPUT_X INPUT_U8
#define LOAD_X LOAD_U8
#else
#define INPUT_X INPUT
#define LOAD_X LOAD
#endif

#ifdef TO_PLANES
INPUT_X (0, x);
layout (binding = 1) writeonly buffer Planes { float planes[]; };
#else
layout (binding = 0) writeonly buffer X { VEC x[]; };
INPUT_FLOAT (1, planes);
#endif

layout (push_constant) uniform Push {
  uint x_base, planes_base;     /* planes_base in floats */
  uint n;                       /* frames · positions · vectors */
  uint positions;               /* of one frame */
  uint channels, vectors;
  uint padding;                 /* zeros after the last plane */
  float scale, offset;
};

void main ()
{
  /* Neighbours in a plane are neighbours in the grid. */
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint position = i % positions, v = i / positions % vectors,
      frame = i / positions / vectors;
  uint at = x_base + (frame * positions + position) * vectors + v;
  uint plane = planes_base + (frame * channels + 4 * v) * positions + position;
  uint last = min (4, channels - 4 * v);
#ifdef TO_PLANES
  vec4 z = LOAD_X (x, at) * scale + offset;
  [[unroll]] for (uint c = 0; c < 4; c++)
    if (c < last)
      planes[plane + c * positions] = z[c];
  if (i + 1 == n)
    for (uint c = 0; c < padding; c++)
      planes[plane + (last - 1) * positions + 1 + c] = 0.0;
#else
  vec4 z = vec4 (0);
  [[unroll]] for (uint c = 0; c < 4; c++)
    if (c < last)
      z[c] = LOAD_FLOAT (planes, plane + c * positions) * scale + offset;
  x[at] = pack (z);
#endif
}
