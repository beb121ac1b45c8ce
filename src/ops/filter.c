/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resize.h"

#include <math.h>
#include <string.h>

static KilnFilter *
filter_new (guint32 inputs, guint32 outputs, guint32 taps)
{
  KilnFilter *filter = g_new0 (KilnFilter, 1);
  gsize n = (gsize) outputs * taps;

  filter->inputs = inputs;
  filter->outputs = outputs;
  filter->taps = taps;
  filter->index = g_new0 (guint32, n);
  filter->weight = g_new0 (float, n);
  return filter;
}

void
kiln_filter_free (KilnFilter *filter)
{
  g_free (filter->index);
  g_free (filter->weight);
  g_free (filter->fixed);
  g_free (filter);
}

/* ---- Pillow's Lanczos (Resample.c: precompute_coeffs and
 * normalize_coeffs_8bpc, in the same order of operations) */

#define LANCZOS_SUPPORT 3.0
#define FIXED_BITS 22

static double
sinc (double x)
{
  return x == 0.0 ? 1.0 : sin (x * G_PI) / (x * G_PI);
}

static double
lanczos (double x)
{
  return x >= -LANCZOS_SUPPORT && x < LANCZOS_SUPPORT
      ? sinc (x) * sinc (x / LANCZOS_SUPPORT) : 0.0;
}

static gint32
to_fixed (double weight)
{
  double scaled = weight * (1 << FIXED_BITS);

  return weight < 0 ? (gint32) (scaled - 0.5) : (gint32) (scaled + 0.5);
}

static void
lanczos_row (KilnFilter *filter, guint32 output, double *weight)
{
  double scale = (double) filter->inputs / filter->outputs;
  double stretch = MAX (scale, 1.0), support = LANCZOS_SUPPORT * stretch;
  double center = (output + 0.5) * scale, sum = 0.0;
  gint64 first = MAX ((gint64) (center - support + 0.5), 0);
  gint64 end = MIN ((gint64) (center + support + 0.5), filter->inputs);
  gsize row = (gsize) output * filter->taps;
  guint32 n = end - first;

  for (guint32 tap = 0; tap < n; tap++) {
    weight[tap] = lanczos ((tap + first - center + 0.5) * (1.0 / stretch));
    sum += weight[tap];
  }
  for (guint32 tap = 0; tap < filter->taps; tap++) {
    double share = tap < n ? weight[tap] / sum : 0.0;

    filter->index[row + tap] = first + MIN (tap, n - 1);
    filter->weight[row + tap] = share;
    filter->fixed[row + tap] = to_fixed (share);
  }
}

KilnFilter *
kiln_filter_new_lanczos (guint32 inputs, guint32 outputs)
{
  double stretch = MAX ((double) inputs / outputs, 1.0);
  guint32 taps = (guint32) ceil (LANCZOS_SUPPORT * stretch) * 2 + 1;
  KilnFilter *filter = filter_new (inputs, outputs, taps);
  g_autofree double *weight = g_new (double, taps);

  filter->fixed = g_new0 (gint32, (gsize) outputs * taps);
  for (guint32 i = 0; i < outputs; i++)
    lanczos_row (filter, i, weight);
  return filter;
}

/* ---- diffusers' antialiased bicubic */

#define CUBIC_A (-0.75)

/* The blur's weights, from −half to half. */
static double *
gaussian_new (guint32 inputs, guint32 outputs, gint32 *half)
{
  double sigma = MAX (((double) inputs / outputs - 1.0) / 2.0, 0.001);
  gint32 size = (gint32) MAX (4.0 * sigma, 3.0) | 1;
  double *weight = g_new (double, size), sum = 0.0;

  *half = size / 2;
  for (gint32 i = 0; i < size; i++) {
    double x = i - *half;

    weight[i] = exp (-x * x / (2.0 * sigma * sigma));
    sum += weight[i];
  }
  for (gint32 i = 0; i < size; i++)
    weight[i] /= sum;
  return weight;
}

static double
cubic_near (double x)
{
  return ((CUBIC_A + 2.0) * x - (CUBIC_A + 3.0)) * x * x + 1.0;
}

static double
cubic_far (double x)
{
  return ((CUBIC_A * x - 5.0 * CUBIC_A) * x + 8.0 * CUBIC_A) * x
      - 4.0 * CUBIC_A;
}

/* The first of four neighbours, and their weights. PyTorch finds the place
 * in single precision, which shows in pictures of thousands of pixels. */
static gint32
cubic_taps (guint32 inputs, guint32 outputs, guint32 output, double weight[4])
{
  float scale = outputs > 1 ? (float) (inputs - 1) / (outputs - 1) : 0.0f;
  float place = scale * output;
  gint32 index = MIN ((gint32) floorf (place), (gint32) inputs - 1);
  double t = CLAMP (place - index, 0.0f, 1.0f);

  weight[0] = cubic_far (t + 1.0);
  weight[1] = cubic_near (t);
  weight[2] = cubic_near (1.0 - t);
  weight[3] = cubic_far (2.0 - t);
  return index - 1;
}

static guint32
reflect (gint32 index, gint32 n)
{
  while (n > 1 && (index < 0 || index >= n))
    index = index < 0 ? -index : 2 * (n - 1) - index;
  return n > 1 ? index : 0;
}

/* Adds an output's weights to those of all inputs; *first and *end bound
 * the inputs that have any. */
static void
blurred_cubic_row (guint32 inputs, guint32 outputs, guint32 output,
    const double *blur, gint32 half, double *weight, guint32 *first,
    guint32 *end)
{
  double cubic[4];
  gint32 start = cubic_taps (inputs, outputs, output, cubic);

  *first = G_MAXUINT32;
  *end = 0;
  for (gint32 i = 0; i < 4; i++) {
    gint32 center = CLAMP (start + i, 0, (gint32) inputs - 1);

    for (gint32 k = -half; k <= half; k++) {
      guint32 index = reflect (center + k, inputs);
      double share = cubic[i] * blur[k + half];

      if (share == 0.0)
        continue;
      weight[index] += share;
      *first = MIN (*first, index);
      *end = MAX (*end, index + 1);
    }
  }
}

KilnFilter *
kiln_filter_new_antialiased_bicubic (guint32 inputs, guint32 outputs)
{
  gint32 half;
  g_autofree double *blur = gaussian_new (inputs, outputs, &half);
  g_autofree double *weight = g_new0 (double, inputs);
  guint32 taps = MIN (inputs, 4u + 2u * half);
  KilnFilter *filter = filter_new (inputs, outputs, taps);

  for (guint32 output = 0; output < outputs; output++) {
    guint32 first, end;
    gsize row = (gsize) output * taps;

    blurred_cubic_row (inputs, outputs, output, blur, half, weight, &first,
        &end);
    for (guint32 tap = 0; tap < taps; tap++) {
      guint32 index = first + tap;

      filter->index[row + tap] = MIN (index, end - 1);
      filter->weight[row + tap] = index < end ? weight[index] : 0.0;
    }
    memset (weight + first, 0, (end - first) * sizeof *weight);
  }
  return filter;
}

/* ---- The table on the device */

KilnShape
kiln_filter_table_shape (const KilnFilter *filter)
{
  return (KilnShape) { KILN_F32, 1, 1, filter->outputs, 2 * filter->taps };
}

void
kiln_filter_write_table (const KilnFilter *filter, void *table)
{
  KilnShape shape = kiln_filter_table_shape (filter);
  guint32 stride = kiln_shape_stride (&shape);
  guint32 *words = table;

  memset (table, 0, kiln_shape_bytes (&shape));
  for (guint32 output = 0; output < filter->outputs; output++)
    for (guint32 tap = 0; tap < filter->taps; tap++) {
      gsize entry = (gsize) output * filter->taps + tap;
      guint32 *pair = words + (gsize) output * stride + 2 * tap;

      pair[0] = filter->index[entry];
      if (filter->fixed != NULL)
        memcpy (&pair[1], &filter->fixed[entry], sizeof *pair);
      else
        memcpy (&pair[1], &filter->weight[entry], sizeof *pair);
    }
}
