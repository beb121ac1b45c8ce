/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As many multiply-adds as a device does: sixteen chains that do not wait for
 * each other, no memory but for the result. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

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
  vec4 a = index + vec4 (0, 1, 2, 3), b = a + 4.0, c = b + 4.0, d = c + 4.0;
  vec4 f = vec4 (factor), g = vec4 (addend);
  for (uint round = 0; round < rounds; round++) {
    ROUND
  }
  if (index < y.length ())
    y[index] = dot (a + b + c + d, vec4 (1));
}
