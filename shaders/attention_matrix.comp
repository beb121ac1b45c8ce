/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attention with an online softmax (Milakov & Gimelshein 2018) in tiles (as
 * Dao et al. 2022) on cooperative matrices. Each subgroup has some of the
 * tile's queries, and their part of the result, in its matrices; the workgroup
 * shares keys and values. A subgroup's scores go through shared memory, since
 * which invocation has what of a matrix is the device's business. Scores and
 * sums are fp32; a key's share of a query is rounded to a half. */
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#define LINES KEYS
#define SCORE_LINE (KEYS / 4 + 1)
#include "attention_matrix.glsl"

const uint P_LINE = KEYS / 4 + 2;

shared f16vec4 p_lines[QUERIES * P_LINE];
shared float most[QUERIES], sums[QUERIES];

void find_scores ()
{
  [[unroll]] for (uint i = 0; i < DOWN; i++)
    for (uint key = 0; key < KEYS; key += N) {
      SUMS scores = SUMS (0.0);
      [[unroll]] for (uint s = 0; s < STEPS; s++) {
        B_MATRIX k;
        coopMatLoad (k, lines, key * LINE + s * (K / 4), LINE,
            gl_CooperativeMatrixLayoutColumnMajor);
        scores = coopMatMulAdd (q[i * STEPS + s], k, scores);
      }
      coopMatStore (scores, score_lines, (own + i * M) * SCORE_LINE + key / 4,
          SCORE_LINE, gl_CooperativeMatrixLayoutRowMajor);
    }
  subgroupBarrier ();
}

/* Scores become shares, by as many invocations a row as there are; in their
 * place then stands, N times, what the row's earlier shares must shrink by. */
void exponentiate (uint first)
{
  uint shares = max (gl_SubgroupSize / OWN, 1);
  uint share = gl_SubgroupInvocationID % shares;

  for (uint i = gl_SubgroupInvocationID / shares; i < OWN;
      i += gl_SubgroupSize / shares) {
    uint line = (own + i) * SCORE_LINE;
    float before = most[own + i];
    vec4 top = vec4 (before);
    for (uint quad = share; quad < KEYS / 4; quad += shares) {
      uvec4 key = first + quad * 4 + uvec4 (0, 1, 2, 3);
      vec4 s = mix (vec4 (NOTHING), score_lines[line + quad] * scale,
          lessThan (key, uvec4 (length)));
      score_lines[line + quad] = s;
      top = max (top, s);
    }
    float now = max (max (top.x, top.y), max (top.z, top.w));
    for (uint other = 1; other < shares; other *= 2)
      now = max (now, subgroupShuffleXor (now, other));
    float shrink = exp2 (before - now), sum = 0.0;
    for (uint quad = share; quad < KEYS / 4; quad += shares) {
      f16vec4 p = f16vec4 (exp2 (score_lines[line + quad] - now));
      p_lines[(own + i) * P_LINE + quad] = p;
      sum += dot (vec4 (p), vec4 (1));
      if (quad < N / 4)
        score_lines[line + quad] = vec4 (shrink);
    }
    for (uint other = 1; other < shares; other *= 2)
      sum += subgroupShuffleXor (sum, other);
    if (share == 0) {
      most[own + i] = now;
      sums[own + i] = sums[own + i] * shrink + sum;
    }
  }
  subgroupBarrier ();
}

void add_values ()
{
  [[unroll]] for (uint i = 0; i < DOWN; i++) {
    SUMS shrink;
    coopMatLoad (shrink, score_lines, (own + i * M) * SCORE_LINE, SCORE_LINE,
        gl_CooperativeMatrixLayoutRowMajor);
    [[unroll]] for (uint j = 0; j < ACROSS; j++)
      acc[i * ACROSS + j] *= shrink;
    for (uint key = 0; key < KEYS; key += K) {
      A_MATRIX p;
      coopMatLoad (p, p_lines, (own + i * M) * P_LINE + key / 4, P_LINE,
          gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint j = 0; j < ACROSS; j++) {
        B_MATRIX v;
        coopMatLoad (v, lines, key * LINE + j * (N / 4), LINE,
            gl_CooperativeMatrixLayoutRowMajor);
        acc[i * ACROSS + j] = coopMatMulAdd (p, v, acc[i * ACROSS + j]);
      }
    }
  }
}

/* As for shrinking: in the scores' place stands, N times, a row's sum. */
void get_totals (out SUMS totals[DOWN])
{
  subgroupBarrier ();
  for (uint i = gl_SubgroupInvocationID; i < OWN * (N / 4);
      i += gl_SubgroupSize)
    score_lines[(own + i / (N / 4)) * SCORE_LINE + i % (N / 4)] =
        vec4 (sums[own + i / (N / 4)]);
  subgroupBarrier ();
  [[unroll]] for (uint i = 0; i < DOWN; i++)
    coopMatLoad (totals[i], score_lines, (own + i * M) * SCORE_LINE,
        SCORE_LINE, gl_CooperativeMatrixLayoutRowMajor);
}

void main ()
{
  SUMS totals[DOWN];

  if (!begin ())
    return;
  for (uint i = gl_SubgroupInvocationID; i < OWN; i += gl_SubgroupSize) {
    most[own + i] = NOTHING;
    sums[own + i] = 0.0;
  }
  for (uint first = 0; first < length; first += KEYS) {
    barrier ();
    load_lines (first, 1, 0);
    barrier ();
    find_scores ();
    exponentiate (first);
    barrier ();
    load_lines (first, 2, 0);
    barrier ();
    add_values ();
  }
  get_totals (totals);
  finish (totals);
}
