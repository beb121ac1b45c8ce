/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* y = act (a_scale · a · factor + b_scale · b), each tensor of its own type:
 * A_F16, A_U8, B_F16 and TYPE_F16 (for y) say which. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "typed.glsl"
#include "activation.glsl"

#if defined (A_U8)
#define INPUT_A INPUT_U8
#define LOAD_A LOAD_U8
#elif defined (A_F16)
#define INPUT_A INPUT_F16
#define LOAD_A LOAD_F16
#else
#define INPUT_A INPUT_F32
#define LOAD_A LOAD_F32
#endif

#ifdef B_F16
#define INPUT_B INPUT_F16
#define LOAD_B LOAD_F16
#else
#define INPUT_B INPUT_F32
#define LOAD_B LOAD_F32
#endif

const uint B_NONE = 0, B_SAME = 1, B_SHARED = 2;
layout (constant_id = 1) const uint B = B_NONE;
layout (constant_id = 2) const bool FACTOR = false;
layout (constant_id = 3) const uint ACTIVATION = ACT_NONE;

INPUT_A (0, a);
INPUT_B (1, b);
INPUT_F32 (2, factor);
layout (binding = 3) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint a_base, b_base, y_base;
  uint n, invocations;          /* vectors; an invocation takes several */
  uint vectors;                 /* a row */
  uint share, first_share;      /* rows of a for each of b; done of the first */
  float a_scale, b_scale;
};

vec4 load_b (uint i)
{
  if (B == B_SAME)
    return LOAD_B (b, b_base + i);
  uint row = (i / vectors + first_share) / share;
  return LOAD_B (b, b_base + row * vectors + i % vectors);
}

void main ()
{
  uint first = invocation_index ();
  if (first >= invocations)
    return;
  float scale = FACTOR ? a_scale * LOAD_F32 (factor, 0).x : a_scale;
  for (uint i = first; i < n; i += invocations) {
    vec4 z = LOAD_A (a, a_base + i) * scale;
    if (B != B_NONE)
      z += b_scale * load_b (i);
    y[y_base + i] = pack (activate (ACTIVATION, z));
  }
}
