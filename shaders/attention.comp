/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attention with an online softmax (Milakov & Gimelshein 2018): scores live
 * in registers only. One invocation takes a few queries of one head and a
 * chunk of the result's channels, and walks over the keys a few at a time,
 * so that every loaded vector serves several products. Where a head is
 * wider than a chunk the scores are computed again for each chunk. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout (constant_id = 1) const uint CHUNK = 16;         /* vectors */
layout (constant_id = 2) const uint QUERIES = 4;
layout (constant_id = 3) const uint KEYS = 4;

INPUT (0, qkv);
layout (binding = 1) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint qkv_base, y_base;
  uint n;                       /* tiles */
  uint first_tile, n_tiles;     /* of the queries, in this dispatch */
  uint chunks;                  /* of a head's channels */
  uint heads, head;             /* how many; vectors of one */
  uint length;                  /* of a sequence */
  uint batch_step, token_step;  /* rows between sequences, between tokens */
  float scale;                  /* 1/√d · log2 e */
};

const float NOTHING = -1e38;

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  uint first = (first_tile + i % n_tiles) * QUERIES;
  i /= n_tiles;
  uint channel = (i % chunks) * CHUNK;
  i /= chunks;
  uint head_at = (i % heads) * head, row0 = (i / heads) * batch_step;
  uint inner = heads * head;

  uint q_at[QUERIES];
  float most[QUERIES], sum[QUERIES];
  vec4 acc[QUERIES * CHUNK];
  [[unroll]] for (uint q = 0; q < QUERIES; q++) {
    uint token = min (first + q, length - 1);
    q_at[q] = qkv_base + (row0 + token * token_step) * 3 * inner + head_at;
    most[q] = NOTHING;
    sum[q] = 0.0;
    [[unroll]] for (uint c = 0; c < CHUNK; c++)
      acc[q * CHUNK + c] = vec4 (0);
  }

  for (uint first_key = 0; first_key < length; first_key += KEYS) {
    uint k_at[KEYS];
    [[unroll]] for (uint k = 0; k < KEYS; k++)
      k_at[k] = qkv_base + head_at + inner
          + (row0 + min (first_key + k, length - 1) * token_step) * 3 * inner;

    float p[QUERIES * KEYS];
    [[unroll]] for (uint s = 0; s < QUERIES * KEYS; s++)
      p[s] = 0.0;
    for (uint c = 0; c < head; c++) {
      vec4 query[QUERIES];
      [[unroll]] for (uint q = 0; q < QUERIES; q++)
        query[q] = LOAD (qkv, q_at[q] + c);
      [[unroll]] for (uint k = 0; k < KEYS; k++) {
        vec4 key = LOAD (qkv, k_at[k] + c);
        [[unroll]] for (uint q = 0; q < QUERIES; q++)
          p[q * KEYS + k] += dot (query[q], key);
      }
    }

    float shrink[QUERIES];
    [[unroll]] for (uint q = 0; q < QUERIES; q++) {
      float before = most[q];
      [[unroll]] for (uint k = 0; k < KEYS; k++) {
        uint s = q * KEYS + k;
        p[s] = first_key + k < length ? p[s] * scale : NOTHING;
        most[q] = max (most[q], p[s]);
      }
      shrink[q] = exp2 (before - most[q]);
      sum[q] *= shrink[q];
      [[unroll]] for (uint k = 0; k < KEYS; k++) {
        uint s = q * KEYS + k;
        p[s] = exp2 (p[s] - most[q]);
        sum[q] += p[s];
      }
    }

    [[unroll]] for (uint c = 0; c < CHUNK; c++) {
      [[unroll]] for (uint q = 0; q < QUERIES; q++)
        acc[q * CHUNK + c] *= shrink[q];
      [[unroll]] for (uint k = 0; k < KEYS; k++) {
        vec4 value = LOAD (qkv, k_at[k] + inner + min (channel + c, head - 1));
        [[unroll]] for (uint q = 0; q < QUERIES; q++)
          acc[q * CHUNK + c] += p[q * KEYS + k] * value;
      }
    }
  }

  [[unroll]] for (uint q = 0; q < QUERIES; q++) {
    if (first + q < length) {
      uint to = y_base + (row0 + (first + q) * token_step) * inner + head_at
          + channel;
      float share = 1.0 / sum[q];
      [[unroll]] for (uint c = 0; c < CHUNK; c++)
        if (channel + c < head)
          y[to + c] = pack (acc[q * CHUNK + c] * share);
    }
  }
}
