/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* R, G, B, A as floats to the bytes of a frame: 8 pixels of two rows. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "pixels.glsl"

INPUT (0, picture);
layout (binding = 1) writeonly buffer Plane0 { uint plane0[]; };
layout (binding = 2) writeonly buffer Plane1 { uint plane1[]; };
layout (binding = 3) writeonly buffer Plane2 { uint plane2[]; };

/* Words of a plane's block. */
uint words[8];

void put_byte (uint i, uint value) { words[i / 4] |= value << i % 4 * 8; }

void put_sample (uint i, uint value)
{
  if (SAMPLE_BYTES == 1)
    put_byte (i, value);
  else
    words[i / 2] |= value << SHIFT << i % 2 * 16;
}

#define CLEAR(N) \
  [[unroll]] for (uint w = 0; w < (N); w++) \
    words[w] = 0

#define STORE(PLANE, INDEX, ROW, BLOCK, N) \
  [[unroll]] for (uint w = 0; w < (N); w++) \
    PLANE[plane_base[INDEX] + (ROW) * plane_stride[INDEX] + (BLOCK) * (N) \
        + w] = words[w]

uint quantize (float value)
{
  return uint (clamp (floor (value + 0.5), 0.0,
      SAMPLE_BYTES == 1 ? 255.0 : 1023.0));
}

uint quantize_luma (float value)
{
  return quantize (value * luma_scale + luma_offset);
}

uint quantize_chroma (float value)
{
  return quantize (value * chroma_scale + chroma_offset);
}

/* The last ones repeated past the edge. */
vec4 pixel (uint x, uint row)
{
  return LOAD (picture, picture_base + min (row, height - 1) * width
      + min (x, width - 1));
}

void write_packed (uint row, uint block)
{
  CLEAR (2 * CHANNELS);
  [[unroll]] for (uint i = 0; i < 8; i++) {
    vec4 rgba = pixel (block * 8 + i, row);
    vec3 first = BLUE_FIRST ? rgba.bgr : rgba.rgb;
    [[unroll]] for (uint c = 0; c < 3; c++)
      put_byte (i * CHANNELS + c, quantize_luma (first[c]));
    if (CHANNELS == 4)
      put_byte (i * 4 + 3, ALPHA ? quantize (rgba.a * 255.0) : 255);
  }
  STORE (plane0, 0, row, block, 2 * CHANNELS);
}

/* Of a row's block. */
float luma[8];
vec2 chroma[4];

void convert (uint row, uint block)
{
  [[unroll]] for (uint i = 0; i < 4; i++) {
    vec3 a = to_yuv (pixel (block * 8 + 2 * i, row).rgb);
    vec3 b = to_yuv (pixel (block * 8 + 2 * i + 1, row).rgb);
    luma[2 * i] = a.x;
    luma[2 * i + 1] = b.x;
    /* An odd width ends with a pixel that has its chroma for itself. */
    chroma[i] = (a.yz + b.yz) * 0.5;
  }
}

void write_yuy2 (uint row, uint block)
{
  CLEAR (4);
  [[unroll]] for (uint i = 0; i < 8; i++)
    put_byte (2 * i, quantize_luma (luma[i]));
  [[unroll]] for (uint i = 0; i < 4; i++) {
    put_byte (4 * i + 1, quantize_chroma (chroma[i].x));
    put_byte (4 * i + 3, quantize_chroma (chroma[i].y));
  }
  STORE (plane0, 0, row, block, 4);
}

void write_luma (uint row, uint block)
{
  CLEAR (2 * SAMPLE_BYTES);
  [[unroll]] for (uint i = 0; i < 8; i++)
    put_sample (i, quantize_luma (luma[i]));
  STORE (plane0, 0, row, block, 2 * SAMPLE_BYTES);
}

void write_chroma (uint row, uint block)
{
  if (LAYOUT == SEMIPLANAR) {
    CLEAR (2 * SAMPLE_BYTES);
    [[unroll]] for (uint i = 0; i < 8; i++)
      put_sample (i, quantize_chroma (chroma[i / 2][i % 2]));
    STORE (plane1, 1, row, block, 2 * SAMPLE_BYTES);
    return;
  }
  CLEAR (SAMPLE_BYTES);
  [[unroll]] for (uint i = 0; i < 4; i++)
    put_sample (i, quantize_chroma (chroma[i].x));
  STORE (plane1, 1, row, block, SAMPLE_BYTES);
  CLEAR (SAMPLE_BYTES);
  [[unroll]] for (uint i = 0; i < 4; i++)
    put_sample (i, quantize_chroma (chroma[i].y));
  STORE (plane2, 2, row, block, SAMPLE_BYTES);
}

void main ()
{
  uint i = invocation_index ();
  if (i >= blocks * ((height + 1) / 2))
    return;
  uint pair = i / blocks, block = i % blocks;
  vec2 sum[4];
  [[unroll]] for (uint r = 0; r < 2; r++) {
    uint row = 2 * pair + r;
    if (LAYOUT == PACKED) {
      if (row < height)
        write_packed (row, block);
      continue;
    }
    /* An odd height ends with a row that has its chroma for itself. */
    convert (row, block);
    if (LAYOUT == YUY2) {
      if (row < height)
        write_yuy2 (row, block);
      continue;
    }
    if (row < height)
      write_luma (row, block);
    [[unroll]] for (uint c = 0; c < 4; c++)
      sum[c] = r == 0 ? chroma[c] : sum[c] + chroma[c];
  }
  if (LAYOUT == PLANAR || LAYOUT == SEMIPLANAR) {
    [[unroll]] for (uint c = 0; c < 4; c++)
      chroma[c] = sum[c] * 0.5;
    write_chroma (pair, block);
  }
}
