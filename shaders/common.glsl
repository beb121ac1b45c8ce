/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every shader shares: element types, addressing, mathematics.
 *
 * Tensors are arrays of vectors of four channels. With TYPE_F16 defined an
 * activation vector is two words of packed halves and arithmetic is fp32 all
 * the same: no device feature is needed for it. */
#ifndef COMMON_GLSL
#define COMMON_GLSL

#extension GL_EXT_control_flow_attributes : require

#ifdef TYPE_F16
#define VEC uvec2
vec4 unpack (uvec2 v) { return vec4 (unpackHalf2x16 (v.x), unpackHalf2x16 (v.y)); }
uvec2 pack (vec4 v) { return uvec2 (packHalf2x16 (v.xy), packHalf2x16 (v.zw)); }
#else
#define VEC vec4
vec4 unpack (vec4 v) { return v; }
vec4 pack (vec4 v) { return v; }
#endif

layout (local_size_x_id = 0) in;

/* The 1-D index of this invocation: the recorder folds large grids into y. */
uint invocation_index ()
{
  return gl_GlobalInvocationID.y * (gl_NumWorkGroups.x * gl_WorkGroupSize.x)
      + gl_GlobalInvocationID.x;
}

#endif
