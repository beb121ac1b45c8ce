/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#include "matmul_rows.glsl"

/* Matrix product with computed addresses on cooperative matrices: halves
 * multiplied, sums in fp32. A workgroup makes ROWS × COLUMNS of the result,
 * its subgroups, two high, equal parts of that. DEPTH factors at a time are
 * copied to shared memory; the next ones are on their way meanwhile. */

layout (constant_id = 8) const uint DEPTH = 32;
/* Of the device's matrices. */
layout (constant_id = 9) const uint M = 16;
layout (constant_id = 10) const uint N = 16;
layout (constant_id = 11) const uint K = 16;
layout (constant_id = 12) const uint SUBGROUPS = 4;

const uint THREADS = gl_WorkGroupSize.x;
const uint QUADS = DEPTH / 4;
/* A subgroup's matrices, down and across. */
const uint DOWN = ROWS / 2 / M;
const uint ACROSS = COLUMNS * 2 / SUBGROUPS / N;
/* Vectors of a line in shared memory: its own, and some that keep lines from
 * beginning in the same bank. */
const uint A_LINE = QUADS + 2;
const uint B_LINE = COLUMNS / 4 + 2;
/* Vectors that an invocation copies of a step. */
const uint A_LOADS = ROWS * QUADS / THREADS;
const uint B_LOADS = COLUMNS * QUADS / THREADS;

shared f16vec4 a_lines[ROWS * A_LINE];
shared f16vec4 b_lines[DEPTH * B_LINE];
shared vec4 results[SUBGROUPS * M * N / 4];

coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
    sums[DOWN * ACROSS];
Row rows[A_LOADS];
uint starts[A_LOADS];           /* of the tap's run in x */
uint tap, quad;                 /* that this invocation loads next */
uint panels[B_LOADS];           /* where those begin in the weight */
uvec2 a_next[A_LOADS], b_next[B_LOADS];

f16vec4 halves (uvec2 v)
{
  return f16vec4 (unpackFloat2x16 (v.x), unpackFloat2x16 (v.y));
}

/* Rows and panels past the last repeat it: their results are not kept. */
void begin (uint first, uint panel)
{
  tap = 0;
  quad = gl_LocalInvocationIndex % QUADS;
  [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
    uint row = (i * THREADS + gl_LocalInvocationIndex) / QUADS;
    rows[i] = row_of (min (first + row, n_rows - 1));
    starts[i] = start_of (rows[i], 0);
  }
  [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
    uint at = (i * THREADS + gl_LocalInvocationIndex) / (2 * DEPTH);
    panels[i] = weight_base + min (panel + at, n_panels - 1)
        * panel_rows () * 2;
  }
  [[unroll]] for (uint i = 0; i < DOWN * ACROSS; i++)
    sums[i] = coopmat<float, gl_ScopeSubgroup, M, N,
        gl_MatrixUseAccumulator> (0.0);
}

void find_tap ()
{
  if (quad < x_stride)
    return;
  for (; quad >= x_stride; quad -= x_stride)
    tap++;
  if (tap < n_taps ())
    [[unroll]] for (uint i = 0; i < A_LOADS; i++)
      starts[i] = start_of (rows[i], tap);
}

void fetch (uint step, uint depth)
{
  find_tap ();
  [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
    a_next[i] = uvec2 (0);
    if (tap < n_taps () && starts[i] != NOWHERE)
      a_next[i] = load_x (tap, starts[i] + quad);
  }
  quad += QUADS;
  /* A panel's two vectors of every factor follow each other. */
  [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationIndex;
    uint row = step * DEPTH + at / 2 % DEPTH;
    b_next[i] = uvec2 (0);
    if (row < depth)
      b_next[i] = weight[panels[i] + weight_row (row) * 2 + at % 2];
  }
}

void share ()
{
  [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationIndex;
    a_lines[at / QUADS * A_LINE + at % QUADS] = halves (a_next[i]);
  }
  [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationIndex;
    b_lines[at / 2 % DEPTH * B_LINE + at / (2 * DEPTH) * 2 + at % 2] =
        halves (b_next[i]);
  }
}

void multiply (uvec2 corner)
{
  for (uint k = 0; k < DEPTH / K; k++) {
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[DOWN];
    [[unroll]] for (uint i = 0; i < DOWN; i++)
      coopMatLoad (a[i], a_lines, (corner.y + i * M) * A_LINE + k * (K / 4),
          A_LINE, gl_CooperativeMatrixLayoutRowMajor);
    [[unroll]] for (uint j = 0; j < ACROSS; j++) {
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
      coopMatLoad (b, b_lines, k * K * B_LINE + (corner.x + j * N) / 4,
          B_LINE, gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint i = 0; i < DOWN; i++)
        sums[i * ACROSS + j] = coopMatMulAdd (a[i], b, sums[i * ACROSS + j]);
    }
  }
}

/* One matrix of the result, by way of shared memory: which invocation has
 * what of it is the device's business. */
void finish_matrix (uint first, uint panel, uint slot)
{
  for (uint i = gl_SubgroupInvocationID; i < M * N / 8; i += gl_SubgroupSize) {
    uint row = first + i / (N / 8), its = panel + i % (N / 8);
    if (row >= n_rows || its >= n_panels)
      continue;
    its += first_panel;
    vec4 low = results[slot + i * 2], high = results[slot + i * 2 + 1];
    if (has_bias != 0) {
      low += bias[its * 2];
      high += bias[its * 2 + 1];
    }
    finish_panel (row, its, low, high);
  }
}

void finish_tile (uint first, uint panel, uvec2 corner)
{
  uint slot = gl_SubgroupID * (M * N / 4);
  [[unroll]] for (uint i = 0; i < DOWN; i++)
    [[unroll]] for (uint j = 0; j < ACROSS; j++) {
      coopMatStore (sums[i * ACROSS + j], results, slot, N / 4,
          gl_CooperativeMatrixLayoutRowMajor);
      subgroupBarrier ();
      finish_matrix (first + corner.y + i * M,
          panel + (corner.x + j * N) / 8, slot);
      subgroupBarrier ();
    }
}

void main ()
{
  uint tiles_down = (n_rows + ROWS - 1) / ROWS;
  uint tile = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint first = tile % tiles_down * ROWS;
  uint panel = tile / tiles_down * (COLUMNS / 8);
  if (panel >= n_panels)
    return;

  uint depth = n_taps () * x_stride * 4;
  uvec2 corner = uvec2 (gl_SubgroupID / 2 * (ACROSS * N),
      gl_SubgroupID % 2 * (DOWN * M));
  begin (first, panel);
  fetch (0, depth);
  for (uint step = 0; step * DEPTH < depth; step++) {
    barrier ();
    share ();
    barrier ();
    fetch (step + 1, depth);
    multiply (corner);
  }
  finish_tile (first, panel, corner);
}
