/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Read-only tensors of a type that is not the shader's own: see INPUT and
 * LOAD in common.glsl. LOAD_U8 gives whole numbers from 0 to 255. */
#ifndef TYPED_GLSL
#define TYPED_GLSL

#ifdef TEXEL_LOADS
#define INPUT_F16(BINDING, NAME) INPUT (BINDING, NAME)
#define INPUT_U8(BINDING, NAME) INPUT (BINDING, NAME)
#define LOAD_F16(NAME, INDEX) LOAD (NAME, INDEX)
#define LOAD_U8(NAME, INDEX) round (LOAD (NAME, INDEX) * 255.0)
#else
#define INPUT_F16(BINDING, NAME) \
  layout (binding = BINDING) readonly buffer Buffer_##NAME { uvec2 NAME[]; }
#define INPUT_U8(BINDING, NAME) \
  layout (binding = BINDING) readonly buffer Buffer_##NAME { uint NAME[]; }
#define LOAD_F16(NAME, INDEX) unpack_halves (NAME[INDEX])
#define LOAD_U8(NAME, INDEX) unpack_bytes (NAME[INDEX])
#endif

vec4 unpack_halves (uvec2 v)
{
  return vec4 (unpackHalf2x16 (v.x), unpackHalf2x16 (v.y));
}

vec4 unpack_bytes (uint v)
{
  return vec4 (v & 255u, v >> 8 & 255u, v >> 16 & 255u, v >> 24);
}

#endif
