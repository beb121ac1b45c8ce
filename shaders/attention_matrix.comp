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
#include "common.glsl"

layout (constant_id = 1) const uint HEAD = 16;          /* vectors */
layout (constant_id = 2) const uint QUERIES = 64;
layout (constant_id = 3) const uint KEYS = 32;
/* Of the device's matrices. */
layout (constant_id = 4) const uint M = 16;
layout (constant_id = 5) const uint N = 16;
layout (constant_id = 6) const uint K = 16;
layout (constant_id = 7) const uint SUBGROUPS = 4;

INPUT (0, qkv);
layout (binding = 1) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint qkv_base, y_base;
  uint n;                       /* tiles */
  uint first_tile, n_tiles;     /* of the queries, in this dispatch */
  uint chunks;                  /* 1 */
  uint heads, head;             /* how many; vectors of one */
  uint length;                  /* of a sequence */
  uint batch_step, token_step;  /* rows between sequences, between tokens */
  float scale;                  /* 1/√d · log2 e */
};

const float NOTHING = -1e38;

const uint WIDTH = (HEAD + 7) / 8 * 32;         /* channels, with zeros */
const uint OWN = QUERIES / SUBGROUPS;           /* queries of a subgroup */
const uint DOWN = OWN / M;
const uint STEPS = WIDTH / K;
const uint ACROSS = WIDTH / N;

/* Lines of shared memory are longer than their content, so that they do not
 * begin in the same bank. */
const uint LINE = WIDTH / 4 + 2;
const uint P_LINE = KEYS / 4 + 2;
const uint SCORE_LINE = KEYS / 4 + 1;

shared f16vec4 lines[KEYS * LINE];      /* of q, then of k and v in turn */
shared f16vec4 p_lines[QUERIES * P_LINE];
shared vec4 score_lines[QUERIES * SCORE_LINE];
shared float most[QUERIES], sums[QUERIES];

coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> q[DOWN * STEPS];
coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
    acc[DOWN * ACROSS];

uint first_query, row0, head_at, own;   /* own: the subgroup's first query */

/* Tokens from `first` on: their queries (0), keys (1) or values (2). Tokens
 * past the last repeat it. */
void load_lines (uint first, uint part)
{
  barrier ();
  for (uint i = gl_LocalInvocationIndex; i < KEYS * (WIDTH / 4);
      i += gl_WorkGroupSize.x) {
    uint token = min (first + i / (WIDTH / 4), length - 1);
    uint c = i % (WIDTH / 4);
    uvec2 v = uvec2 (0);
    if (c < HEAD)
      v = qkv[qkv_base + ((row0 + token * token_step) * 3 + part) * heads * head
          + head_at + c];
    lines[i / (WIDTH / 4) * LINE + c] =
        f16vec4 (unpackFloat2x16 (v.x), unpackFloat2x16 (v.y));
  }
  barrier ();
}

void begin ()
{
  for (uint first = 0; first < QUERIES; first += KEYS) {
    load_lines (first_query + first, 0);
    if (own >= first && own < first + KEYS)
      [[unroll]] for (uint i = 0; i < DOWN; i++)
        [[unroll]] for (uint s = 0; s < STEPS; s++)
          coopMatLoad (q[i * STEPS + s], lines, (own - first + i * M) * LINE
              + s * (K / 4), LINE, gl_CooperativeMatrixLayoutRowMajor);
  }
  [[unroll]] for (uint i = 0; i < DOWN * ACROSS; i++)
    acc[i] = coopmat<float, gl_ScopeSubgroup, M, N,
        gl_MatrixUseAccumulator> (0.0);
  for (uint i = gl_SubgroupInvocationID; i < OWN; i += gl_SubgroupSize) {
    most[own + i] = NOTHING;
    sums[own + i] = 0.0;
  }
}

void find_scores ()
{
  [[unroll]] for (uint i = 0; i < DOWN; i++)
    for (uint key = 0; key < KEYS; key += N) {
      coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> scores =
          coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> (0.0);
      [[unroll]] for (uint s = 0; s < STEPS; s++) {
        coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> k;
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
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> shrink;
    coopMatLoad (shrink, score_lines, (own + i * M) * SCORE_LINE, SCORE_LINE,
        gl_CooperativeMatrixLayoutRowMajor);
    [[unroll]] for (uint j = 0; j < ACROSS; j++)
      acc[i * ACROSS + j] *= shrink;
    for (uint key = 0; key < KEYS; key += K) {
      coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> p;
      coopMatLoad (p, p_lines, (own + i * M) * P_LINE + key / 4, P_LINE,
          gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint j = 0; j < ACROSS; j++) {
        coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> v;
        coopMatLoad (v, lines, key * LINE + j * (N / 4), LINE,
            gl_CooperativeMatrixLayoutRowMajor);
        acc[i * ACROSS + j] = coopMatMulAdd (p, v, acc[i * ACROSS + j]);
      }
    }
  }
}

/* Columns from 4·c on of the matrices that stand in score_lines. */
void write_columns (uint c)
{
  for (uint i = gl_SubgroupInvocationID; i < OWN * (N / 4);
      i += gl_SubgroupSize) {
    uint query = own + i / (N / 4), its = i % (N / 4);
    uint token = first_query + query;
    if (token < length && c + its < HEAD)
      y[y_base + (row0 + token * token_step) * heads * head + head_at + c + its]
          = pack (score_lines[query * SCORE_LINE + its] * (1.0 / sums[query]));
  }
}

void finish ()
{
  [[unroll]] for (uint j = 0; j < ACROSS; j++) {
    subgroupBarrier ();
    [[unroll]] for (uint i = 0; i < DOWN; i++)
      coopMatStore (acc[i * ACROSS + j], score_lines,
          (own + i * M) * SCORE_LINE, SCORE_LINE,
          gl_CooperativeMatrixLayoutRowMajor);
    subgroupBarrier ();
    write_columns (j * (N / 4));
  }
}

void main ()
{
  uint i = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  if (i >= n)
    return;
  own = gl_SubgroupID * OWN;
  first_query = (first_tile + i % n_tiles) * QUERIES;
  i /= n_tiles;
  head_at = i % heads * head;
  row0 = i / heads * batch_step;
  begin ();
  for (uint first = 0; first < length; first += KEYS) {
    load_lines (first, 1);
    find_scores ();
    exponentiate (first);
    load_lines (first, 2);
    add_values ();
  }
  finish ();
}
