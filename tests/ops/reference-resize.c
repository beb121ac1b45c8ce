/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"
#include "ops/resize.h"

#include <math.h>

/* Pillow's Resample.c and diffusers' _resize_with_antialiasing, straight
 * from their formulas and not through KilnFilter's tables. */

static double
lanczos (double x)
{
  if (x == 0)
    return 1;
  if (x < -3 || x >= 3)
    return 0;
  return sin (G_PI * x) / (G_PI * x) * sin (G_PI * x / 3) / (G_PI * x / 3);
}

/* One line: n numbers, `step` apart. */
typedef struct {
  const float *data;
  guint64 step;
  guint32 n;
} Line;

static double
lanczos_value (const Line *line, guint32 outputs, guint32 output)
{
  double scale = (double) line->n / outputs, stretch = MAX (scale, 1);
  double center = (output + 0.5) * scale, sum = 0;
  gint first = MAX ((gint) (center - 3 * stretch + 0.5), 0);
  gint end = MIN ((gint) (center + 3 * stretch + 0.5), (gint) line->n);
  gint64 total = 1 << 21;

  for (gint i = first; i < end; i++)
    sum += lanczos ((i - center + 0.5) * (1 / stretch));
  for (gint i = first; i < end; i++) {
    double weight = lanczos ((i - center + 0.5) * (1 / stretch)) / sum;
    gint64 whole = (gint64) (weight * (1 << 22) + (weight < 0 ? -0.5 : 0.5));

    total += whole * (gint64) line->data[i * line->step];
  }
  return CLAMP (total >> 22, 0, 255);
}

/* The blurred line at a place in it. */
static double
blurred (const Line *line, guint32 outputs, gint at)
{
  double sigma = MAX (((double) line->n / outputs - 1) / 2, 0.001);
  gint size = MAX (4 * sigma, 3), half, n = line->n;
  double sum = 0, weights = 0;

  half = (size % 2 ? size : size + 1) / 2;
  for (gint k = -half; k <= half; k++) {
    double weight = exp (-k * k / (2 * sigma * sigma));
    gint i = at + k;

    while (i < 0 || i >= n)
      i = i < 0 ? -i : 2 * (n - 1) - i;
    sum += weight * line->data[i * line->step];
    weights += weight;
  }
  return sum / weights;
}

static double
cubic (double x)
{
  const double a = -0.75;

  x = fabs (x);
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double
bicubic_value (const Line *line, guint32 outputs, guint32 output)
{
  /* In single precision, as PyTorch has it. */
  float scale = outputs > 1 ? (float) (line->n - 1) / (outputs - 1) : 0;
  float place = scale * output;
  gint first = floorf (place) - 1;
  double sum = 0;

  for (gint i = first; i < first + 4; i++)
    sum += cubic (i - place)
        * blurred (line, outputs, CLAMP (i, 0, (gint) line->n - 1));
  return sum;
}

REFERENCE (reference_resample)
{
  const KilnResample *resample = params;
  const KilnShape *x = &inputs[0].shape;
  guint32 channels = x->channels;

  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < channels; c++) {
      guint64 column = rows[i] % output->width;
      guint64 row = rows[i] / output->width % output->height;
      guint64 frame = rows[i] / output->width / output->height;
      guint32 at = resample->vertical ? row : column;
      Line line = {
        inputs[0].data + c + channels * (resample->vertical
            ? frame * x->height * x->width + column
            : (frame * x->height + row) * x->width),
        resample->vertical ? (guint64) x->width * channels : channels,
        resample->vertical ? x->height : x->width
      };

      values[(gsize) i * channels + c] = resample->fixed
          ? lanczos_value (&line, resample->outputs, at)
          : bicubic_value (&line, resample->outputs, at);
    }
}
