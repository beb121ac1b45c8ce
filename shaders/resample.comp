/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One axis of a separable filter given as a table of indices and weights.
 * FIXED: 8-bit pictures and whole-number weights with 22 fractional bits,
 * exactly as Pillow's Resample.c sums and rounds them. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "pixels.glsl"

#if defined (FIXED)
#define X_VEC uint
#define Y_VEC uint
#define SUM ivec4
#elif defined (X_U8)
#define X_VEC uint
#define Y_VEC vec4
#define SUM vec4
#else
#define X_VEC vec4
#define Y_VEC vec4
#define SUM vec4
#endif

layout (binding = 0) readonly buffer X { X_VEC x[]; };
layout (binding = 1) readonly buffer Table { uint table[]; };
layout (binding = 2) writeonly buffer Y { Y_VEC y[]; };

layout (push_constant) uniform Push {
  uint x_base, table_base, y_base;
  uint n;                       /* vectors of the result */
  uint taps, table_stride;      /* pairs a row; words a row */
  uint axis_step;               /* vectors between outputs along the axis */
  uint inputs, outputs;         /* along the axis */
};

SUM load (uint at)
{
#if defined (FIXED)
  return ivec4 (unpack_bytes (x[at]));
#elif defined (X_U8)
  return unpack_u8 (x[at]);
#else
  return x[at];
#endif
}

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
  uint entry = 4 * table_base + output_index * table_stride;
  SUM sum = START;
  for (uint tap = 0; tap < taps; tap++)
    sum += weight (table[entry + 2 * tap + 1])
        * load (from + table[entry + 2 * tap] * axis_step);
  y[y_base + i] = finish (sum);
}
