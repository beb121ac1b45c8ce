/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As many multiplications as a device's matrix units do: eight sums that do
 * not wait for each other, of factors that stay in registers. */
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#include "common.glsl"

/* Of the device's matrices. */
layout (constant_id = 1) const uint M = 16;
layout (constant_id = 2) const uint N = 16;
layout (constant_id = 3) const uint K = 16;

/* src/bench/peak.c counts with it. */
const uint SUMS = 8;

layout (binding = 0) writeonly buffer Y { float y[]; };

layout (push_constant) uniform Push {
  uint rounds;
  float factor, addend;
};

void main ()
{
  coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a =
      coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> (
      float16_t (factor));
  coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b =
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> (
      float16_t (addend));
  coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[SUMS];
  uint subgroup = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x)
      * gl_NumSubgroups + gl_SubgroupID;

  [[unroll]] for (uint i = 0; i < SUMS; i++)
    sums[i] = coopmat<float, gl_ScopeSubgroup, M, N,
        gl_MatrixUseAccumulator> (float (i));
  /* A factor that may change: a software device would take the products of
   * constant ones out of the loop. It is 1. */
  float16_t change = float16_t (factor + 2 * addend);
  for (uint round = 0; round < rounds; round++) {
    [[unroll]] for (uint i = 0; i < SUMS; i++)
      sums[i] = coopMatMulAdd (a, b, sums[i]);
    a = a * change;
  }
  [[unroll]] for (uint i = 1; i < SUMS; i++)
    sums[0] = sums[0] + sums[i];
  if ((subgroup + 1) * M * N <= y.length ())
    coopMatStore (sums[0], y, subgroup * M * N, N,
        gl_CooperativeMatrixLayoutRowMajor);
}
