/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* y = act (a_scale · a · factor + b_scale · b), each tensor of its own type:
 * A_F16, A_U8, B_F16 and TYPE_F16 (for y) say which. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "pixels.glsl"
#include "activation.glsl"

#if defined (A_U8)
#define A_VEC uint
vec4 unpack_a (uint v) { return unpack_u8 (v); }
#elif defined (A_F16)
#define A_VEC uvec2
vec4 unpack_a (uvec2 v) { return vec4 (unpackHalf2x16 (v.x), unpackHalf2x16 (v.y)); }
#else
#define A_VEC vec4
vec4 unpack_a (vec4 v) { return v; }
#endif

#ifdef B_F16
#define B_VEC uvec2
vec4 unpack_b (uvec2 v) { return vec4 (unpackHalf2x16 (v.x), unpackHalf2x16 (v.y)); }
#else
#define B_VEC vec4
vec4 unpack_b (vec4 v) { return v; }
#endif

const uint B_NONE = 0, B_SAME = 1, B_SHARED = 2;
layout (constant_id = 1) const uint B = B_NONE;
layout (constant_id = 2) const bool FACTOR = false;
layout (constant_id = 3) const uint ACTIVATION = ACT_NONE;

layout (binding = 0) readonly buffer A { A_VEC a[]; };
layout (binding = 1) readonly buffer BBuffer { B_VEC b[]; };
layout (binding = 2) readonly buffer Factor { float factor[]; };
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
    return unpack_b (b[b_base + i]);
  uint row = (i / vectors + first_share) / share;
  return unpack_b (b[b_base + row * vectors + i % vectors]);
}

void main ()
{
  uint first = invocation_index ();
  if (first >= invocations)
    return;
  float scale = FACTOR ? a_scale * factor[0] : a_scale;
  for (uint i = first; i < n; i += invocations) {
    vec4 z = unpack_a (a[a_base + i]) * scale;
    if (B != B_NONE)
      z += b_scale * load_b (i);
    y[y_base + i] = pack (activate (ACTIVATION, z));
  }
}
