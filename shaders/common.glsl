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

/* Read-only tensors. LOAD gives four channels as floats. With TEXEL_LOADS
 * they are bound as texel buffers, 10 bindings further on: Mesa's llvmpipe
 * loads a storage buffer lane by lane, component by component, and a texel
 * as one vector (ten times faster in matrix products; docs/performance.md).
 * INPUT_F32: fp32 whatever the shader's type. */
#ifdef TEXEL_LOADS
#define INPUT(BINDING, NAME) \
  layout (binding = 10 + BINDING) uniform samplerBuffer NAME
#define INPUT_F32(BINDING, NAME) INPUT (BINDING, NAME)
#define LOAD(NAME, INDEX) texelFetch (NAME, int (INDEX))
#define LOAD_F32(NAME, INDEX) LOAD (NAME, INDEX)
#else
#define INPUT(BINDING, NAME) \
  layout (binding = BINDING) readonly buffer Buffer_##NAME { VEC NAME[]; }
#define INPUT_F32(BINDING, NAME) \
  layout (binding = BINDING) readonly buffer Buffer_##NAME { vec4 NAME[]; }
#define LOAD(NAME, INDEX) unpack (NAME[INDEX])
#define LOAD_F32(NAME, INDEX) NAME[INDEX]
#endif

layout (local_size_x_id = 0) in;

/* The 1-D index of this invocation: the recorder folds large grids into y. */
uint invocation_index ()
{
  return gl_GlobalInvocationID.y * (gl_NumWorkGroups.x * gl_WorkGroupSize.x)
      + gl_GlobalInvocationID.x;
}

#endif
