/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Group norm, second pass: moments of many small runs of rows become those
 * of fewer, longer runs, until one is left for each set. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "moments.glsl"

INPUT (0, runs);
layout (binding = 1) writeonly buffer Merged { vec4 merged[]; };

layout (push_constant) uniform Push {
  uint runs_base, merged_base;
  uint vectors;                 /* a row */
  uint first_chunk, n_chunks;   /* of this dispatch; a chunk of runs becomes one */
  uint first_run;               /* where the window of runs starts */
  uint chunks_per_set, runs_per_set, runs_per_chunk;
  uint rows_per_run, rows_per_set;      /* a set's last run may be shorter */
};

void main ()
{
  uint i = invocation_index ();
  if (i >= n_chunks * vectors)
    return;
  uint v = i % vectors, chunk = first_chunk + i / vectors;
  uint set = chunk / chunks_per_set;
  uint start = (chunk % chunks_per_set) * runs_per_chunk;
  uint end = min (start + runs_per_chunk, runs_per_set);
  uint at = runs_base + v
      + (set * runs_per_set + start - first_run) * 2 * vectors;

  Moments m = NO_MOMENTS;
  for (uint run = start; run < end; run++, at += 2 * vectors)
    m = merge (m, LOAD (runs, at), LOAD (runs, at + vectors),
        float (min (rows_per_run, rows_per_set - run * rows_per_run)));

  uint to = merged_base + (i / vectors) * 2 * vectors + v;
  merged[to] = m.mean;
  merged[to + vectors] = m.m2;
}
