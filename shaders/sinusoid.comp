/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sinusoidal embedding [cos | sin]: one invocation makes one vector. The
 * frequencies are rounded as PyTorch's fp32 rounds them, because a value of
 * 100 makes the last bit of a frequency count. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "trigonometry.glsl"

INPUT_F32 (0, x);
layout (binding = 1) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint n;                       /* vectors of the result */
  uint vectors;                 /* of a row of it */
  uint channels;                /* of a row of it */
  uint size;                    /* of one embedding */
};

float frequency (uint i)
{
  precise float numerator = -9.210340371976184 * float (i), half_size = float (size / 2);
  return precise_exp (numerator / half_size);
}

float embed (uint flat_index)
{
  uint n_value = flat_index / size;
  float value = LOAD_F32 (x, n_value / 4)[n_value % 4];
  uint i = flat_index % size, half_size = size / 2;
  bool is_sine = i >= half_size;
  vec2 cos_sin = precise_cos_sin (value * frequency (is_sine ? i - half_size : i));
  return is_sine ? cos_sin.y : cos_sin.x;
}

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint row = i / vectors, channel = (i % vectors) * 4;
  vec4 z = vec4 (0);
  [[unroll]] for (uint c = 0; c < 4; c++)
    if (channel + c < channels)
      z[c] = embed (row * channels + channel + c);
  y[i] = pack (z);
}
