/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading raw checkpoint elements: fp32, fp16 or bf16 in words. */
#ifndef SOURCE_GLSL
#define SOURCE_GLSL

const uint SOURCE_F32 = 0, SOURCE_F16 = 1, SOURCE_BF16 = 2;

layout (constant_id = 1) const uint SOURCE = 0;

layout (binding = 0) readonly buffer Source { uint words[]; };

float source_element (uint i)
{
  if (SOURCE == SOURCE_F32)
    return uintBitsToFloat (words[i]);
  uint bits = words[i / 2] >> (i % 2 * 16) & 0xffffu;
  return SOURCE == SOURCE_F16 ? unpackHalf2x16 (bits).x
      : uintBitsToFloat (bits << 16);
}

#endif
