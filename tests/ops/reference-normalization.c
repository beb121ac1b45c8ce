/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"
#include "ops/matmul.h"
#include "ops/normalization.h"

#include <math.h>

/* Mean and 1/deviation of some channels over some rows. */
static void
moments (const CheckInput *x, guint64 first_row, guint64 n_rows,
    guint32 first_channel, guint32 n_channels, double eps, double *mean,
    double *factor)
{
  double n = (double) n_rows * n_channels, sum = 0, squares = 0;

  for (guint64 row = first_row; row < first_row + n_rows; row++)
    for (guint32 c = 0; c < n_channels; c++)
      sum += check_at (x, row, first_channel + c);
  *mean = sum / n;
  for (guint64 row = first_row; row < first_row + n_rows; row++)
    for (guint32 c = 0; c < n_channels; c++) {
      double d = check_at (x, row, first_channel + c) - *mean;

      squares += d * d;
    }
  *factor = 1 / sqrt (squares / n + eps);
}

REFERENCE (reference_group_norm)
{
  const KilnGroupNorm *norm = params;
  const KilnShape *x = &inputs[0].shape;
  guint64 a_set = kiln_shape_rows (x) / (norm->all_frames ? 1 : x->frames);
  guint64 set = G_MAXUINT64;
  guint32 size = x->channels / norm->groups;
  g_autofree double *mean = g_new (double, norm->groups);
  g_autofree double *factor = g_new (double, norm->groups);

  for (guint i = 0; i < n_rows; i++) {
    if (rows[i] / a_set != set) {
      set = rows[i] / a_set;
      for (guint32 g = 0; g < norm->groups; g++)
        moments (&inputs[0], set * a_set, a_set, g * size, size, norm->eps,
            &mean[g], &factor[g]);
    }
    for (guint32 c = 0; c < x->channels; c++) {
      guint32 g = c / size;
      double y = (check_at (&inputs[0], rows[i], c) - mean[g]) * factor[g]
          * inputs[1].data[c] + inputs[2].data[c];

      values[(gsize) i * x->channels + c] =
          reference_activate (norm->silu ? KILN_ACT_SILU : KILN_ACT_NONE, y);
    }
  }
}

REFERENCE (reference_layer_norm)
{
  const KilnLayerNorm *norm = params;
  guint32 channels = output->channels;

  for (guint i = 0; i < n_rows; i++) {
    double mean, factor;

    moments (&inputs[0], rows[i], 1, 0, channels, norm->eps, &mean, &factor);
    for (guint32 c = 0; c < channels; c++)
      values[(gsize) i * channels + c] =
          (check_at (&inputs[0], rows[i], c) - mean) * factor
          * inputs[1].data[c] + inputs[2].data[c];
  }
}
