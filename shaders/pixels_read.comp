/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes of a frame to R, G, B, A as floats: 8 pixels of a row. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "pixels.glsl"

#ifdef TEXEL_LOADS
#define WORDS(BINDING, NAME) \
  layout (binding = 10 + BINDING) uniform usamplerBuffer NAME
#define WORD(NAME, INDEX) texelFetch (NAME, int (INDEX)).x
#else
#define WORDS(BINDING, NAME) \
  layout (binding = BINDING) readonly buffer Buffer_##NAME { uint NAME[]; }
#define WORD(NAME, INDEX) NAME[INDEX]
#endif

layout (binding = 0) writeonly buffer Picture { vec4 picture[]; };
WORDS (1, plane0);
WORDS (2, plane1);
WORDS (3, plane2);

/* Words of a plane's block. */
uint words[8];

uint byte_at (uint i) { return words[i / 4] >> i % 4 * 8 & 255u; }

uint sample_at (uint i)
{
  return SAMPLE_BYTES == 1 ? byte_at (i)
      : (words[i / 2] >> i % 2 * 16 & 0xffffu) >> SHIFT;
}

#define FETCH(PLANE, INDEX, ROW, BLOCK, N) \
  [[unroll]] for (uint w = 0; w < (N); w++) \
    words[w] = WORD (PLANE, plane_base[INDEX] + (ROW) * plane_stride[INDEX] \
        + (BLOCK) * (N) + w)

vec4 packed_pixel (uint i)
{
  uint at = i * CHANNELS;
  vec3 first = vec3 (byte_at (at), byte_at (at + 1), byte_at (at + 2));
  vec3 rgb = BLUE_FIRST ? first.bgr : first;
  return vec4 ((rgb - luma_offset) / luma_scale,
      ALPHA ? float (byte_at (at + 3)) / 255.0 : 1.0);
}

float luma[8];
vec2 chroma[4];

void fetch_yuv (uint row, uint block)
{
  if (LAYOUT == YUY2) {
    FETCH (plane0, 0, row, block, 4);
    [[unroll]] for (uint i = 0; i < 8; i++)
      luma[i] = byte_at (2 * i);
    [[unroll]] for (uint i = 0; i < 4; i++)
      chroma[i] = vec2 (byte_at (4 * i + 1), byte_at (4 * i + 3));
    return;
  }
  FETCH (plane0, 0, row, block, 2 * SAMPLE_BYTES);
  [[unroll]] for (uint i = 0; i < 8; i++)
    luma[i] = sample_at (i);
  if (LAYOUT == SEMIPLANAR) {
    FETCH (plane1, 1, row / 2, block, 2 * SAMPLE_BYTES);
    [[unroll]] for (uint i = 0; i < 4; i++)
      chroma[i] = vec2 (sample_at (2 * i), sample_at (2 * i + 1));
  } else {
    FETCH (plane1, 1, row / 2, block, SAMPLE_BYTES);
    [[unroll]] for (uint i = 0; i < 4; i++)
      chroma[i].x = sample_at (i);
    FETCH (plane2, 2, row / 2, block, SAMPLE_BYTES);
    [[unroll]] for (uint i = 0; i < 4; i++)
      chroma[i].y = sample_at (i);
  }
}

vec4 yuv_pixel (uint i)
{
  vec3 yuv = vec3 ((luma[i] - luma_offset) / luma_scale,
      (chroma[i / 2] - chroma_offset) / chroma_scale);
  return vec4 (to_rgb (yuv), 1.0);
}

void main ()
{
  uint i = invocation_index ();
  if (i >= blocks * height)
    return;
  uint row = i / blocks, block = i % blocks;
  if (LAYOUT == PACKED)
    FETCH (plane0, 0, row, block, 2 * CHANNELS);
  else
    fetch_yuv (row, block);
  [[unroll]] for (uint p = 0; p < 8; p++)
    if (block * 8 + p < width)
      picture[picture_base + row * width + block * 8 + p] =
          LAYOUT == PACKED ? packed_pixel (p) : yuv_pixel (p);
}
