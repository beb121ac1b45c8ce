/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attention with an online softmax (Milakov & Gimelshein 2018) in tiles that
 * a workgroup shares (as Dao et al. 2022): QUERIES queries of one head walk
 * over the keys, KEYS at a time. Scores and sums are fp32.
 *
 * Three products' worth of mappings, of which docs/kernels.md has figures:
 * for the scores an invocation takes SCORES queries and four keys, for the
 * softmax a part of a query's row, for the result four queries and some of
 * the head's vectors. The four keys are KEYS / 4 apart, so that neighbours
 * read neighbouring lines of shared memory; scores are kept in that order. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout (constant_id = 1) const uint HEAD = 16;          /* vectors */
layout (constant_id = 2) const uint QUERIES = 32;
layout (constant_id = 3) const uint KEYS = 32;

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

const uint SIZE = gl_WorkGroupSize.x;
const uint QUADS = KEYS / 4;                    /* of keys */
const uint SCORES = QUERIES * QUADS / SIZE;
const uint ACROSS = SIZE / (QUERIES / 4);       /* invocations, of the result */
const uint VECTORS = (HEAD + ACROSS - 1) / ACROSS;      /* of each */
const uint SHARES = SIZE / QUERIES;             /* parts of a row of scores */

/* Vectors of q and k that are multiplied at a time; the keys whose values
 * fit into the same memory, in quads. */
const uint DEPTH = 16;
const uint LINE = DEPTH + 1;
const uint FIT = KEYS * LINE / (4 * HEAD);
const uint V_QUADS = FIT < 1 ? 1 : FIT > QUADS ? QUADS : FIT;

shared VEC q_lines[QUERIES * LINE];
shared VEC kv_lines[KEYS * LINE];
shared vec4 score_lines[QUERIES * (QUADS + 1)];
shared float shrinks[QUERIES];
shared float row_sums[SIZE];

uint local, first_query, row0, head_at;
vec4 acc[4 * VECTORS];
float most, sum;                /* of this invocation's part of a row */

uint token_at (uint token, uint part)
{
  return qkv_base + ((row0 + min (token, length - 1) * token_step) * 3 + part)
      * heads * head + head_at;
}

void load_queries (uint channel)
{
  for (uint i = local; i < QUERIES * DEPTH; i += SIZE)
    if (channel + i % DEPTH < HEAD)
      q_lines[i / DEPTH * LINE + i % DEPTH] =
          qkv[token_at (first_query + i / DEPTH, 0) + channel + i % DEPTH];
}

void load_keys (uint first, uint channel)
{
  for (uint i = local; i < KEYS * DEPTH; i += SIZE)
    if (channel + i % DEPTH < HEAD)
      kv_lines[i / DEPTH * LINE + i % DEPTH] =
          qkv[token_at (first + i / DEPTH, 1) + channel + i % DEPTH];
}

/* Of the keys of quads from `quad` on. */
void load_values (uint first, uint quad)
{
  for (uint i = local; i < V_QUADS * 4 * HEAD; i += SIZE) {
    uint line = i / HEAD;
    if (quad + line / 4 < QUADS)
      kv_lines[i] = qkv[token_at (first + quad + line / 4
              + line % 4 * QUADS, 2) + i % HEAD];
  }
}

void find_scores (uint first)
{
  uint quad = local % QUADS, query = local / QUADS * SCORES;
  vec4 scores[SCORES];

  [[unroll]] for (uint i = 0; i < SCORES; i++)
    scores[i] = vec4 (0);
  for (uint channel = 0; channel < HEAD; channel += DEPTH) {
    barrier ();
    if (HEAD > DEPTH || first == 0)
      load_queries (channel);
    load_keys (first, channel);
    barrier ();
    for (uint c = 0; c < min (DEPTH, HEAD - channel); c++) {
      vec4 keys[4];
      [[unroll]] for (uint k = 0; k < 4; k++)
        keys[k] = unpack (kv_lines[(quad + k * QUADS) * LINE + c]);
      [[unroll]] for (uint i = 0; i < SCORES; i++) {
        vec4 q = unpack (q_lines[(query + i) * LINE + c]);
        [[unroll]] for (uint k = 0; k < 4; k++)
          scores[i][k] += dot (q, keys[k]);
      }
    }
  }
  uvec4 key = first + quad + uvec4 (0, 1, 2, 3) * QUADS;
  [[unroll]] for (uint i = 0; i < SCORES; i++)
    score_lines[(query + i) * (QUADS + 1) + quad] = mix (vec4 (NOTHING),
        scores[i] * scale, lessThan (key, uvec4 (length)));
}

/* Scores become their exponentials; each invocation finds its row's largest
 * and does its share of the row. */
void exponentiate ()
{
  uint query = local / SHARES, share = local % SHARES;
  uint line = query * (QUADS + 1);
  vec4 top = vec4 (most);
  [[unroll]] for (uint i = 0; i < QUADS; i++)
    top = max (top, score_lines[line + i]);
  float before = most;
  most = max (max (top.x, top.y), max (top.z, top.w));
  float shrink = exp2 (before - most);
  sum *= shrink;
  barrier ();
  for (uint i = share; i < QUADS; i += SHARES) {
    vec4 p = exp2 (score_lines[line + i] - most);
    score_lines[line + i] = p;
    sum += (p.x + p.y) + (p.z + p.w);
  }
  if (share == 0)
    shrinks[query] = shrink;
}

void add_values (uint first)
{
  uint across = local % ACROSS, query = local / ACROSS * 4;

  for (uint quad = 0; quad < QUADS; quad += V_QUADS) {
    barrier ();
    load_values (first, quad);
    barrier ();
    if (quad == 0)
      [[unroll]] for (uint q = 0; q < 4; q++)
        [[unroll]] for (uint c = 0; c < VECTORS; c++)
          acc[q * VECTORS + c] *= shrinks[query + q];
    for (uint i = 0; i < min (V_QUADS, QUADS - quad); i++) {
      vec4 p[4];
      [[unroll]] for (uint q = 0; q < 4; q++)
        p[q] = score_lines[(query + q) * (QUADS + 1) + quad + i];
      [[unroll]] for (uint c = 0; c < VECTORS; c++)
        [[unroll]] for (uint k = 0; k < 4; k++) {
          vec4 value = unpack (kv_lines[(i * 4 + k) * HEAD
                  + min (across + c * ACROSS, HEAD - 1)]);
          [[unroll]] for (uint q = 0; q < 4; q++)
            acc[q * VECTORS + c] += p[q][k] * value;
        }
    }
  }
}

void finish ()
{
  uint across = local % ACROSS, query = local / ACROSS * 4;

  row_sums[local] = sum;
  barrier ();
  [[unroll]] for (uint q = 0; q < 4; q++) {
    uint token = first_query + query + q;
    if (token >= length)
      continue;
    float total = 0.0;
    for (uint i = 0; i < SHARES; i++)
      total += row_sums[(query + q) * SHARES + i];
    uint to = y_base + (row0 + token * token_step) * heads * head + head_at;
    [[unroll]] for (uint c = 0; c < VECTORS; c++)
      if (across + c * ACROSS < HEAD)
        y[to + across + c * ACROSS] =
            pack (acc[q * VECTORS + c] * (1.0 / total));
  }
}

void main ()
{
  uint i = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  if (i >= n)
    return;
  local = gl_LocalInvocationIndex;
  first_query = (first_tile + i % n_tiles) * QUERIES;
  i /= n_tiles;
  head_at = i % heads * head;
  row0 = i / heads * batch_step;
  most = NOTHING;
  sum = 0.0;
  [[unroll]] for (uint a = 0; a < 4 * VECTORS; a++)
    acc[a] = vec4 (0);
  for (uint first = 0; first < length; first += KEYS) {
    find_scores (first);
    barrier ();
    exponentiate ();
    add_values (first);
  }
  finish ();
}
