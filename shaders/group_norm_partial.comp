/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Group norm, first pass: the moments of each channel over a chunk of rows.
 * One invocation takes four channels of one chunk. A set is what one
 * statistic spans: the rows of a frame, or of all frames. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "moments.glsl"

INPUT (0, x);
layout (binding = 1) writeonly buffer Partial { vec4 partial[]; };

layout (push_constant) uniform Push {
  uint x_base, partial_base;
  uint vectors;                 /* a row */
  uint first_chunk, n_chunks;   /* of this dispatch */
  uint first_row;               /* where the window of x starts */
  uint chunks_per_set, rows_per_set, rows_per_chunk;
};

vec4 load (uint at, uint row) { return LOAD (x, at + row * vectors); }

void main ()
{
  uint i = invocation_index ();
  if (i >= n_chunks * vectors)
    return;
  uint v = i % vectors, chunk = first_chunk + i / vectors;
  uint set = chunk / chunks_per_set;
  uint start = (chunk % chunks_per_set) * rows_per_chunk;
  uint n = min (rows_per_chunk, rows_per_set - start);
  uint at = x_base + (set * rows_per_set + start - first_row) * vectors + v;

  Moments m = NO_MOMENTS;
  uint row = 0;
  for (; row + 4 <= n; row += 4)
    m = merge_four (m, load (at, row), load (at, row + 1), load (at, row + 2),
        load (at, row + 3));
  for (; row < n; row++)
    m = merge (m, load (at, row), vec4 (0), 1.0);

  uint to = partial_base + (i / vectors) * 2 * vectors + v;
  partial[to] = m.mean;
  partial[to + vectors] = m.m2;
}
