/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scene-change.h"

#include <math.h>

/* Two frames of a scene are alike when they are made very small: one is the
 * other moved by a cell or a few, lighter or darker or with less contrast.
 * What of one frame's thumbnail no straight line over the other's explains is
 * the sign of another scene. So fades and flashes of light are none, and
 * neither is fast motion. */

#define MOST_CELLS 32           /* a side */
#define MAX_SHIFT 3             /* cells */

/* Thumbnails that differ by less than the first (deviation, where white is 1)
 * are alike whatever their contrast, from the second on they are not. */
#define UNSEEN 0.01
#define SEEN 0.04

enum { A, B, DIFFERENCE, STRIDE = 4 };

KilnCompare
svd_scene_change_params (guint width, guint height)
{
  guint side = MAX (width, height);

  return (KilnCompare) { side / MOST_CELLS + (side % MOST_CELLS > 0) };
}

/* Sums over the cells that both have after a shift. */
typedef struct {
  double n, a, b, aa, bb, ab;
} Sums;

static Sums
sum_up (const float *values, const KilnShape *shape, gint dx, gint dy)
{
  gint width = shape->width, height = shape->height;
  Sums sums = { 0 };

  for (gint y = MAX (0, -dy); y < MIN (height, height - dy); y++)
    for (gint x = MAX (0, -dx); x < MIN (width, width - dx); x++) {
      double a = values[(y * width + x) * STRIDE + A];
      double b = values[((y + dy) * width + x + dx) * STRIDE + B];

      sums.n++;
      sums.a += a;
      sums.b += b;
      sums.aa += a * a;
      sums.bb += b * b;
      sums.ab += a * b;
    }
  return sums;
}

/* Squared correlation: the share of variance that is explained; and what is
 * not, as a deviation of the more varied of the two. */
static void
correlate (const Sums *s, double *explained, double *rest)
{
  double va = MAX (s->aa / s->n - s->a / s->n * s->a / s->n, 0);
  double vb = MAX (s->bb / s->n - s->b / s->n * s->b / s->n, 0);
  double cov = s->ab / s->n - s->a / s->n * s->b / s->n;

  *explained = cov > 0 && va * vb > 0 ? MIN (cov * cov / (va * vb), 1) : 0;
  *rest = sqrt (MAX (va, vb) * (1 - *explained));
}

static double
judge_scene (const float *values, const KilnShape *shape)
{
  gint range_x = MIN (MAX_SHIFT, (gint) shape->width / 4);
  gint range_y = MIN (MAX_SHIFT, (gint) shape->height / 4);
  double score = 1;

  for (gint dy = -range_y; dy <= range_y; dy++)
    for (gint dx = -range_x; dx <= range_x; dx++) {
      Sums sums = sum_up (values, shape, dx, dy);
      double explained, rest, seen;

      correlate (&sums, &explained, &rest);
      seen = CLAMP ((rest - UNSEEN) / (SEEN - UNSEEN), 0, 1);
      score = MIN (score, (1 - explained) * seen);
    }
  return score;
}

/* Change of the mean, or of the deviation as a share of the larger one. */
static double
judge_brightness (const float *values, const KilnShape *shape)
{
  Sums s = sum_up (values, shape, 0, 0);
  double a = sqrt (MAX (s.aa / s.n - s.a / s.n * s.a / s.n, 0));
  double b = sqrt (MAX (s.bb / s.n - s.b / s.n * s.b / s.n, 0));
  double contrast = MAX (a, b) > UNSEEN ? fabs (a - b) / MAX (a, b) : 0;

  return MAX (fabs (s.a - s.b) / s.n, contrast);
}

SvdFrameDifference
svd_scene_change_judge (const float *values, const KilnShape *shape)
{
  SvdFrameDifference result = { 0 };

  for (guint64 i = 0; i < kiln_shape_rows (shape); i++)
    result.largest = MAX (result.largest, values[i * STRIDE + DIFFERENCE]);
  result.scene = judge_scene (values, shape);
  result.brightness = judge_brightness (values, shape);
  return result;
}
