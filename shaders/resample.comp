/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One axis of a separable filter given as a table of indices and weights.
 * FIXED: 8-bit pictures and whole-number weights with 22 fractional bits,
 * exactly as Pillow's Resample.c sums and rounds them. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "typed.glsl"

#if defined (FIXED)
#define INPUT_X INPUT_U8
#define LOAD_X(INDEX) ivec4 (LOAD_U8 (x, INDEX))
#define SUM ivec4
#define Y_VEC uint
#else
#ifdef X_U8
#define INPUT_X INPUT_U8
#define LOAD_X(INDEX) LOAD_U8 (x, INDEX)
#else
#define INPUT_X INPUT
#define LOAD_X(INDEX) LOAD (x, INDEX)
#endif
#define SUM vec4
#define Y_VEC vec4
#endif

/* Two pairs of index and weight a vector; an odd last one has weight 0. */
#ifdef TEXEL_LOADS
layout (binding = 11) uniform usamplerBuffer table;
#define LOAD_TABLE(INDEX) texelFetch (table, int (INDEX))
#else
layout (binding = 1) readonly buffer Table { uvec4 table[]; };
#define LOAD_TABLE(INDEX) table[INDEX]
#endif

INPUT_X (0, x);
layout (binding = 2) writeonly buffer Y { Y_VEC y[]; };

layout (push_constant) uniform Push {
  uint x_base, table_base, y_base;
  uint n;                       /* vectors of the result */
  uint table_vectors;           /* a row */
  uint axis_step;               /* vectors between outputs along the axis */
  uint inputs, outputs;         /* along the axis */
};

#ifdef FIXED
SUM weight (uint bits) { return ivec4 (int (bits)); }
const SUM START = ivec4 (1 << 21);      /* rounds to nearest */
Y_VEC finish (SUM sum)
{
  uvec4 v = uvec4 (clamp (sum >> 22, ivec4 (0), ivec4 (255)));
  return v.x | v.y << 8 | v.z << 16 | v.w << 24;
}
#else
SUM weight (uint bits) { return vec4 (uintBitsToFloat (bits)); }
const SUM START = vec4 (0);
Y_VEC finish (SUM sum) { return sum; }
#endif

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint inside = i % axis_step, output_index = i / axis_step % outputs,
      line = i / axis_step / outputs;
  uint from = x_base + line * inputs * axis_step + inside;
  uint entry = table_base + output_index * table_vectors;
  SUM sum = START;
  for (uint pair = 0; pair < table_vectors; pair++) {
    uvec4 taps = LOAD_TABLE (entry + pair);
    sum += weight (taps.y) * LOAD_X (from + taps.x * axis_step);
    sum += weight (taps.w) * LOAD_X (from + taps.z * axis_step);
  }
  y[y_base + i] = finish (sum);
}
