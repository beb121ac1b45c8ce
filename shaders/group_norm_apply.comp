/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Group norm, last pass: y = act ((x − mean) · scale + beta). One invocation
 * takes four channels of a few rows of one set. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "activation.glsl"

layout (constant_id = 1) const bool SILU = false;

INPUT (0, x);
layout (binding = 1) writeonly buffer Y { VEC y[]; };
INPUT_F32 (2, scale);
INPUT_F32 (3, beta);

layout (push_constant) uniform Push {
  uint x_base, y_base;
  uint vectors;                 /* a row */
  uint first_chunk, n_chunks;   /* of this dispatch */
  uint first_row;               /* where the windows of x and y start */
  uint chunks_per_set, rows_per_set, rows_per_chunk;
  uint scale_base, beta_base;
};

void main ()
{
  uint i = invocation_index ();
  if (i >= n_chunks * vectors)
    return;
  uint v = i % vectors, chunk = first_chunk + i / vectors;
  uint set = chunk / chunks_per_set;
  uint start = (chunk % chunks_per_set) * rows_per_chunk;
  uint n = min (rows_per_chunk, rows_per_set - start);
  uint at = (set * rows_per_set + start - first_row) * vectors + v;

  vec4 mean = LOAD_F32 (scale, scale_base + set * 2 * vectors + v);
  vec4 factor = LOAD_F32 (scale, scale_base + (set * 2 + 1) * vectors + v);
  vec4 offset = LOAD_F32 (beta, beta_base + v);
  for (uint row = 0; row < n; row++, at += vectors) {
    vec4 z = (LOAD (x, x_base + at) - mean) * factor + offset;
    y[y_base + at] = pack (SILU ? z * sigmoid (z) : z);
  }
}
