/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As many multiply-adds as a device does, of floats or, with ARITHMETIC_F16,
 * of halves in pairs: sixteen chains that do not wait for each other, no
 * memory but for the result. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

#ifdef ARITHMETIC_F16
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define NUMBERS f16vec4
#else
#define NUMBERS vec4
#endif

layout (binding = 0) writeonly buffer Y { float y[]; };

layout (push_constant) uniform Push {
  uint rounds;
  float factor, addend;
};

/* Written out, since loops cost something where lanes are masked, but not
 * far: compilers bring the operations of a chain together, and a processor
 * sees so many at once. src/bench/peak.c counts with it. */
#define ONCE \
  a = fma (a, f, g); b = fma (b, f, g); c = fma (c, f, g); d = fma (d, f, g);
#define ROUND ONCE ONCE ONCE ONCE

void main ()
{
  uint index = invocation_index ();
  NUMBERS f = NUMBERS (factor), g = NUMBERS (addend);
  NUMBERS a = NUMBERS (index % 64 + vec4 (0, 1, 2, 3));
  NUMBERS b = a + g, c = b + g, d = c + g;
  for (uint round = 0; round < rounds; round++) {
    ROUND
  }
  if (index < y.length ())
    y[index] = dot (vec4 (a + b + c + d), vec4 (1));
}
