/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "matmul_rows.glsl"

/* Matrix product with computed addresses for CPUs, whose lanes load for each
 * other: a workgroup makes ROWS × COLUMNS of the result, an invocation four
 * columns of all rows. It loads the weights of its own columns, and the
 * factors of few rows, which it broadcasts to its subgroup. So each number
 * is loaded once for the whole tile, and a load is most of the work on a
 * CPU (docs/performance.md). */

/* Invocations of a subgroup that are in the same workgroup. */
layout (constant_id = 13) const uint LANES = 8;

/* Rows that an invocation loads. */
const uint LOADS = (ROWS + LANES - 1) / LANES;

Row rows[LOADS];
uint starts[LOADS];             /* of the tap's run in x */
vec4 sums[ROWS];

void multiply (uint tap, uint weights)
{
  for (uint c = 0; c < x_stride; c++) {
    vec4 a[LOADS], b[4];
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
      bool valid = starts[i] != NOWHERE;
      a[i] = load_x (tap, valid ? starts[i] + c : 0);
      a[i] = valid ? a[i] : vec4 (0);
    }
    [[unroll]] for (uint k = 0; k < 4; k++)
      b[k] = LOAD (weight, weights + (c * 4 + k) * 2);
    [[unroll]] for (uint i = 0; i < ROWS; i++)
      [[unroll]] for (uint k = 0; k < 4; k++) {
        float factor = subgroupBroadcast (a[i / LANES][k], i % LANES);
        sums[i] = fma (vec4 (factor), b[k], sums[i]);
      }
  }
}

/* Hidden columns of a panel are an invocation's, their gates the next one's. */
void finish_gated (uint first, uint panel, bool kept)
{
  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    vec4 gate = subgroupShuffleXor (sums[i], 1);
    if (kept && gl_LocalInvocationIndex % 2 == 0 && first + i < n_rows)
      finish (first + i, panel, scale * sums[i] * gelu (gate));
  }
}

void main ()
{
  uint tiles = (n_rows + ROWS - 1) / ROWS;
  uint index = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint first = index % tiles * ROWS;
  uint tile_panel = index / tiles * (COLUMNS / 8);
  if (tile_panel >= n_panels)
    return;

  /* Rows and panels past the last repeat it: their results are not kept. */
  uint panel = tile_panel + gl_LocalInvocationIndex / 2;
  bool kept = panel < n_panels;
  panel = min (panel, n_panels - 1);
  uint weights = weight_base + panel * panel_rows () * 2
      + gl_LocalInvocationIndex % 2;
  panel += first_panel;
  uint column = panel * 2 + gl_LocalInvocationIndex % 2;

  [[unroll]] for (uint i = 0; i < LOADS; i++) {
    uint row = first + i * LANES + gl_SubgroupInvocationID;
    rows[i] = row_of (min (row, n_rows - 1));
  }
  vec4 start = vec4 (0);
  if (has_bias != 0)
    start = LOAD_F32 (bias, column);
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    sums[i] = start;
  [[unroll]] for (uint tap = 0; tap < n_taps (); tap++) {
    [[unroll]] for (uint i = 0; i < LOADS; i++)
      starts[i] = start_of (rows[i], tap);
    multiply (tap, weights + weight_row (tap * 4 * x_stride) * 2);
  }

  if (ACTIVATION == ACT_GEGLU) {
    finish_gated (first, panel, kept);
    return;
  }
  if (!kept || column >= y_stride)
    return;
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    if (first + i < n_rows)
      finish (first + i, column,
          scale * activated (first + i, column, sums[i], y_stride));
}
