/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What both kernels of attention on cooperative matrices share: queries go to
 * each subgroup's matrices, keys and values to shared memory, the result back
 * to the tensor. They define LINES, how many lines of a token's channels are
 * shared, and SCORE_LINE, the vectors in a line of scores. */
#ifndef ATTENTION_MATRIX_GLSL
#define ATTENTION_MATRIX_GLSL

#include "common.glsl"

layout (constant_id = 1) const uint HEAD = 16;          /* vectors */
layout (constant_id = 2) const uint QUERIES = 64;
layout (constant_id = 3) const uint KEYS = 32;
/* Of the device's matrices. */
layout (constant_id = 4) const uint M = 16;
layout (constant_id = 5) const uint N = 16;
layout (constant_id = 6) const uint K = 16;
layout (constant_id = 7) const uint SUBGROUPS = 4;

#define A_MATRIX coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define B_MATRIX coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define SUMS coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>

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

shared f16vec4 lines[LINES * LINE];
shared vec4 score_lines[QUERIES * SCORE_LINE];

A_MATRIX q[DOWN * STEPS];
SUMS acc[DOWN * ACROSS];

uint first_query, row0, head_at, own;   /* own: the subgroup's first query */

/* Of tokens from `first` on the queries (0), keys (1) or values (2) become the
 * lines from `to` on. Tokens past the last repeat it. */
void load_lines (uint first, uint part, uint to)
{
  for (uint i = gl_LocalInvocationIndex; i < KEYS * (WIDTH / 4);
      i += gl_WorkGroupSize.x) {
    uint token = min (first + i / (WIDTH / 4), length - 1);
    uint c = i % (WIDTH / 4);
    uvec2 v = uvec2 (0);
    if (c < HEAD)
      v = qkv[qkv_base + ((row0 + token * token_step) * 3 + part) * heads * head
          + head_at + c];
    lines[(to + i / (WIDTH / 4)) * LINE + c] =
        f16vec4 (unpackFloat2x16 (v.x), unpackFloat2x16 (v.y));
  }
}

void load_queries ()
{
  for (uint first = 0; first < QUERIES; first += KEYS) {
    barrier ();
    load_lines (first_query + first, 0, 0);
    barrier ();
    if (own >= first && own < first + KEYS)
      [[unroll]] for (uint i = 0; i < DOWN; i++)
        [[unroll]] for (uint s = 0; s < STEPS; s++)
          coopMatLoad (q[i * STEPS + s], lines, (own - first + i * M) * LINE
              + s * (K / 4), LINE, gl_CooperativeMatrixLayoutRowMajor);
  }
}

/* Finds this workgroup's tile; false: there is none. */
bool begin ()
{
  uint i = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  if (i >= n)
    return false;
  own = gl_SubgroupID * OWN;
  first_query = (first_tile + i % n_tiles) * QUERIES;
  i /= n_tiles;
  head_at = i % heads * head;
  row0 = i / heads * batch_step;
  load_queries ();
  [[unroll]] for (uint a = 0; a < DOWN * ACROSS; a++)
    acc[a] = SUMS (0.0);
  return true;
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
          = pack (score_lines[query * SCORE_LINE + its]);
  }
}

/* The result: acc, with each row of i's matrices divided by totals[i]'s. */
void finish (SUMS totals[DOWN])
{
  [[unroll]] for (uint j = 0; j < ACROSS; j++) {
    subgroupBarrier ();
    [[unroll]] for (uint i = 0; i < DOWN; i++)
      coopMatStore (acc[i * ACROSS + j] / totals[i], score_lines,
          (own + i * M) * SCORE_LINE, SCORE_LINE,
          gl_CooperativeMatrixLayoutRowMajor);
    subgroupBarrier ();
    write_columns (j * (N / 4));
  }
}

#endif
