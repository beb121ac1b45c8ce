/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "matmul.glsl"

/* Matrix product for CPUs whose compiler loads once what all of a subgroup
 * want alike: a workgroup, 8 invocations, makes ROWS of two panels, an
 * invocation a column of each. The rows' factors are such loads. So are the 8
 * weights of a panel's row, of which each invocation keeps its own: the
 * compiler makes one load of a vector of them. A tile's sums stay in
 * registers (docs/performance.md). */

layout (constant_id = 8) const uint DEPTH = 16;

const uint PANELS = 2;

layout (buffer_reference, std430, buffer_reference_align = 16)
readonly buffer Numbers { float at[]; };

float sums[ROWS][PANELS];

/* Number 8·row + the invocation's own. */
float load_own (Numbers numbers, uint row)
{
  float all[8], own;

  [[unroll]] for (uint i = 0; i < 8; i++)
    all[i] = numbers.at[row * 8 + i];
  own = all[0];
  [[unroll]] for (uint i = 1; i < 8; i++)
    own = mix (own, all[i], gl_SubgroupInvocationID == i);
  return own;
}

/* `depth` products more of every sum. */
void multiply (uint depth, inout uint64_t factors[ROWS],
    inout uint64_t weights[PANELS])
{
  [[unroll]] for (uint k = 0; k < depth; k++) {
    float b[PANELS];
    [[unroll]] for (uint j = 0; j < PANELS; j++)
      b[j] = load_own (Numbers (weights[j]), k);
    [[unroll]] for (uint i = 0; i < ROWS; i++) {
      float a = Numbers (factors[i]).at[k];
      [[unroll]] for (uint j = 0; j < PANELS; j++)
        sums[i][j] = fma (a, b[j], sums[i][j]);
    }
  }
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    factors[i] += depth * 4;
  [[unroll]] for (uint j = 0; j < PANELS; j++)
    weights[j] += depth * 32;
}

/* The first ROWS invocations finish a row each. */
void finish_sums (uint first, uint panel, uint j)
{
  uint own = gl_LocalInvocationIndex;
  vec4 low = vec4 (0), high = vec4 (0);

  [[unroll]] for (uint i = 0; i < ROWS; i++)
    [[unroll]] for (uint c = 0; c < 4; c++) {
      low[c] = mix (low[c], subgroupBroadcast (sums[i][j], c), own == i);
      high[c] = mix (high[c], subgroupBroadcast (sums[i][j], c + 4), own == i);
    }
  if (panel >= n_panels || own >= ROWS || first + own >= n_rows)
    return;
  panel += first_panel;
  if (has_bias != 0) {
    low += LOAD_F32 (bias, panel * 2);
    high += LOAD_F32 (bias, panel * 2 + 1);
  }
  finish_panel (first + own, panel, low, high);
}

void main ()
{
  uint tiles = (n_rows + ROWS - 1) / ROWS;
  uint index = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint first = index % tiles * ROWS;
  uint panel = index / tiles * PANELS;
  uint depth = 4 * x_stride;
  uint64_t factors[ROWS], weights[PANELS];
  if (panel >= n_panels)
    return;

  /* Rows and panels past the last repeat it: their results are not kept. */
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    factors[i] = x_address
        + uint64_t (min (first + i, n_rows - 1)) * depth * 4;
  [[unroll]] for (uint j = 0; j < PANELS; j++)
    weights[j] = weight_address
        + uint64_t (min (panel + j, n_panels - 1)) * depth * 32;
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    [[unroll]] for (uint j = 0; j < PANELS; j++)
      sums[i][j] = 0;
  for (; depth >= DEPTH; depth -= DEPTH)
    multiply (DEPTH, factors, weights);
  for (; depth > 0; depth -= 4)
    multiply (4, factors, weights);
  [[unroll]] for (uint j = 0; j < PANELS; j++)
    finish_sums (first, panel + j, j);
}
