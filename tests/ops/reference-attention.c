/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"
#include "ops/attention.h"

#include <math.h>

/* Which rows a token's sequence has: row, row + step, … */
typedef struct {
  guint64 first, step, length;
} Sequence;

static Sequence
find_sequence (const KilnShape *x, gboolean temporal, guint64 row)
{
  guint64 positions = (guint64) x->height * x->width;

  if (temporal)
    return (Sequence) { row % positions, positions, x->frames };
  return (Sequence) { row - row % positions, 1, positions };
}

static void
softmax (double *scores, guint64 n)
{
  double most = -HUGE_VAL, sum = 0;

  for (guint64 i = 0; i < n; i++)
    most = MAX (most, scores[i]);
  for (guint64 i = 0; i < n; i++)
    sum += scores[i] = exp (scores[i] - most);
  for (guint64 i = 0; i < n; i++)
    scores[i] /= sum;
}

static void
attend (const CheckInput *qkv, const Sequence *sequence, guint64 row,
    guint32 inner, guint32 first, guint32 d, double *scores, double *values)
{
  for (guint64 k = 0; k < sequence->length; k++) {
    guint64 key = sequence->first + k * sequence->step;

    scores[k] = 0;
    for (guint32 c = first; c < first + d; c++)
      scores[k] += check_at (qkv, row, c) * check_at (qkv, key, inner + c);
    scores[k] /= sqrt (d);
  }
  softmax (scores, sequence->length);
  for (guint32 c = first; c < first + d; c++) {
    values[c] = 0;
    for (guint64 k = 0; k < sequence->length; k++)
      values[c] += scores[k] * check_at (qkv,
          sequence->first + k * sequence->step, 2 * inner + c);
  }
}

REFERENCE (reference_attention)
{
  const KilnAttention *attention = params;
  guint32 inner = output->channels, d = inner / attention->heads;

  for (guint i = 0; i < n_rows; i++) {
    Sequence sequence = find_sequence (&inputs[0].shape, attention->temporal,
        rows[i]);
    g_autofree double *scores = g_new (double, sequence.length);

    for (guint32 head = 0; head < attention->heads; head++)
      attend (&inputs[0], &sequence, rows[i], inner, head * d, d, scores,
          values + (gsize) i * inner);
  }
}
