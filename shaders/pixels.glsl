/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* 8-bit pictures: the four channels of a position in one word. */
#ifndef PIXELS_GLSL
#define PIXELS_GLSL

uvec4 unpack_bytes (uint v)
{
  return uvec4 (v & 255u, v >> 8 & 255u, v >> 16 & 255u, v >> 24);
}

vec4 unpack_u8 (uint v) { return vec4 (unpack_bytes (v)); }

#endif
