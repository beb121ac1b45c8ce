/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attention with an online softmax (Milakov & Gimelshein 2018) in tiles (as
 * Dao et al. 2022), as attention_matrix.comp, but where matrices can be
 * reduced, converted, and computed with element by element: scores and the
 * softmax never leave the subgroup's registers. */
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_NV_cooperative_matrix2 : require
#define LINES (2 * KEYS)
#define SCORE_LINE (N / 4 + 1)
#include "attention_matrix.glsl"

/* Keys that a step of the softmax takes; K is N here. */
const uint WIDE = 2;

SUMS scores[DOWN * WIDE];
SUMS most[DOWN], totals[DOWN];  /* of each row, in all of its columns */

float larger (const in float a, const in float b)
{
  return max (a, b);
}

float larger_element (const in uint row, const in uint column,
    const in float a, const in float b)
{
  return max (a, b);
}

float power_element (const in uint row, const in uint column, const in float a)
{
  return exp2 (a);
}

/* Nothing from column `n` on. */
float cut_element (const in uint row, const in uint column, const in float a,
    const in uint n)
{
  return column < n ? a : NOTHING;
}

void find_scores (uint first, uint key)
{
  [[unroll]] for (uint w = 0; w < WIDE; w++) {
    uint at = key + w * N;
    [[unroll]] for (uint i = 0; i < DOWN; i++)
      scores[i * WIDE + w] = SUMS (0.0);
    [[unroll]] for (uint s = 0; s < STEPS; s++) {
      B_MATRIX k;
      coopMatLoad (k, lines, at * LINE + s * (K / 4), LINE,
          gl_CooperativeMatrixLayoutColumnMajor);
      [[unroll]] for (uint i = 0; i < DOWN; i++)
        scores[i * WIDE + w] =
            coopMatMulAdd (q[i * STEPS + s], k, scores[i * WIDE + w]);
    }
    [[unroll]] for (uint i = 0; i < DOWN; i++) {
      scores[i * WIDE + w] *= scale;
      if (first + at + N > length)
        coopMatPerElementNV (scores[i * WIDE + w], scores[i * WIDE + w],
            cut_element, max (length, first + at) - (first + at));
    }
  }
}

/* Scores become shares; what there is shrinks where a row's largest grows. */
void exponentiate (uint i)
{
  SUMS now = scores[i * WIDE], shrink;

  [[unroll]] for (uint w = 1; w < WIDE; w++)
    coopMatPerElementNV (now, now, larger_element, scores[i * WIDE + w]);
  coopMatReduceNV (now, now, gl_CooperativeMatrixReduceRowNV, larger);
  coopMatPerElementNV (now, now, larger_element, most[i]);
  shrink = most[i] - now;
  coopMatPerElementNV (shrink, shrink, power_element);
  most[i] = now;
  totals[i] *= shrink;
  [[unroll]] for (uint j = 0; j < ACROSS; j++)
    acc[i * ACROSS + j] *= shrink;
  [[unroll]] for (uint w = 0; w < WIDE; w++) {
    SUMS share = scores[i * WIDE + w] - now;
    coopMatPerElementNV (scores[i * WIDE + w], share, power_element);
  }
}

/* The sum of a row's shares is a product with ones. */
void add_values (uint key)
{
  [[unroll]] for (uint w = 0; w < WIDE; w++) {
    A_MATRIX p[DOWN];
    [[unroll]] for (uint i = 0; i < DOWN; i++) {
      p[i] = A_MATRIX (scores[i * WIDE + w]);
      totals[i] = coopMatMulAdd (p[i], B_MATRIX (1.0), totals[i]);
    }
    [[unroll]] for (uint j = 0; j < ACROSS; j++) {
      B_MATRIX v;
      coopMatLoad (v, lines, (KEYS + key + w * N) * LINE + j * (N / 4), LINE,
          gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint i = 0; i < DOWN; i++)
        acc[i * ACROSS + j] = coopMatMulAdd (p[i], v, acc[i * ACROSS + j]);
    }
  }
}

void main ()
{
  if (!begin ())
    return;
  [[unroll]] for (uint i = 0; i < DOWN; i++) {
    most[i] = SUMS (NOTHING);
    totals[i] = SUMS (0.0);
  }
  for (uint first = 0; first < length; first += KEYS) {
    barrier ();
    load_lines (first, 1, 0);
    load_lines (first, 2, KEYS);
    barrier ();
    for (uint key = 0; key < KEYS; key += WIDE * N) {
      find_scores (first, key);
      [[unroll]] for (uint i = 0; i < DOWN; i++)
        exponentiate (i);
      add_values (key);
    }
  }
  finish (totals);
}
