/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"
#include "ops/motion.h"

#include <math.h>
#include <string.h>

/* A place of a tensor of frames, its indices held inside. */
static const float *
at (const CheckInput *input, guint64 frame, gint64 x, gint64 y)
{
  const KilnShape *shape = &input->shape;

  x = CLAMP (x, 0, (gint64) shape->width - 1);
  y = CLAMP (y, 0, (gint64) shape->height - 1);
  return input->data + ((frame * shape->height + y) * shape->width + x)
      * shape->channels;
}

typedef struct {
  guint64 frame;
  gint64 x, y;
} Place;

static Place
place_of (guint64 row, const KilnShape *shape)
{
  return (Place) {
    row / shape->width / shape->height, row % shape->width,
    row / shape->width % shape->height
  };
}

/* ---- Luma */

static double
box (const CheckInput *picture, gint64 x, gint64 y, guint shrink)
{
  double sum = 0;

  for (guint j = 0; j < shrink; j++)
    for (guint i = 0; i < shrink; i++) {
      const float *p = at (picture, 0, x * shrink + i, y * shrink + j);

      sum += (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) * p[3];
    }
  return sum / (shrink * shrink);
}

REFERENCE (reference_luma)
{
  const KilnLuma *luma = params;

  for (guint i = 0; i < n_rows; i++) {
    Place p = place_of (rows[i], output);

    for (guint c = 0; c < 4; c++)
      values[4 * i + c] = box (&inputs[p.frame],
          MIN (p.x + c % 2, (gint64) output->width - 1),
          MIN (p.y + c / 2, (gint64) output->height - 1), luma->shrink);
  }
}

REFERENCE (reference_luma_half)
{
  for (guint i = 0; i < n_rows; i++) {
    Place p = place_of (rows[i], output);

    for (guint c = 0; c < 4; c++) {
      const float *quad = at (&inputs[0], p.frame,
          2 * MIN (p.x + c % 2, (gint64) output->width - 1),
          2 * MIN (p.y + c / 2, (gint64) output->height - 1));

      values[4 * i + c] = ((double) quad[0] + quad[1] + quad[2] + quad[3]) / 4;
    }
  }
}

/* ---- Fields */

static double
square (double x, double y)
{
  return x * x + y * y;
}

static double
confidence (const CheckInput *field, const Place *p, const float *own)
{
  double x = p->x + own[0] / 4, y = p->y + own[1] / 4, best = 0;

  if (x < -0.5 || y < -0.5 || x > field->shape.width - 0.5
      || y > field->shape.height - 0.5)
    return 0;
  for (guint k = 0; k < 4; k++) {
    const float *back = at (field, 1 - p->frame, floor (x) + k % 2,
        floor (y) + k / 2);
    double bound = 0.01 * (square (own[0], own[1])
        + square (back[0], back[1])) + 0.5;

    best = MAX (best, 2 - square ((double) own[0] + back[0],
            (double) own[1] + back[1]) / bound);
  }
  return MIN (best, 1);
}

REFERENCE (reference_flow_check)
{
  for (guint i = 0; i < n_rows; i++) {
    Place p = place_of (rows[i], output);
    const float *own = at (&inputs[0], p.frame, p.x, p.y);
    double sum[3] = { 0 };

    for (guint k = 0; k < 9; k++) {
      const float *other = at (&inputs[0], p.frame, p.x + k % 3 - 1,
          p.y + k / 3 - 1);
      double weight = MAX (1 - square ((double) other[0] - own[0],
              (double) other[1] - own[1]), 0) / (fmax (other[2], 0) + 1e-5);

      sum[0] += weight * other[0];
      sum[1] += weight * other[1];
      sum[2] += weight;
    }
    values[4 * i] = sum[2] > 0 ? sum[0] / sum[2] : own[0];
    values[4 * i + 1] = sum[2] > 0 ? sum[1] / sum[2] : own[1];
    values[4 * i + 2] = confidence (&inputs[0], &p, own);
    values[4 * i + 3] = own[3];
  }
}

static const float *
found_near (const CheckInput *field, const Place *p, const float *own)
{
  const float *best = own;
  double least = HUGE_VAL;

  for (gint k = 0; k < 9; k++)
    for (gint far = 1; far <= 24 && k != 4; far++) {
      gint64 x = p->x + far * (k % 3 - 1), y = p->y + far * (k / 3 - 1);
      const float *other = at (field, p->frame, x, y);
      double distance = far * (k % 2 ? 1 : 1.414)
          + fabs ((double) other[3] - own[3]) / 0.1;

      if (x < 0 || y < 0 || x >= field->shape.width
          || y >= field->shape.height)
        break;
      if (other[2] < 0.5)
        continue;
      if (distance < least) {
        least = distance;
        best = other;
      }
      break;
    }
  return best;
}

REFERENCE (reference_flow_fill)
{
  const KilnFlowFill *fill = params;

  for (guint i = 0; i < n_rows; i++) {
    Place p = place_of (rows[i], output);
    const float *own = at (&inputs[0], p.frame, p.x, p.y);
    const float *motion =
        own[2] < 0.5 ? found_near (&inputs[0], &p, own) : own;

    values[4 * i] = fill->scale * motion[0];
    values[4 * i + 1] = fill->scale * motion[1];
    values[4 * i + 2] = own[2];
    values[4 * i + 3] = own[3];
  }
}

/* ---- Blending, where all motion is about the same */

static double
cubic (double x)
{
  x = fabs (x);
  if (x < 1)
    return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static void
add_sample (const CheckInput *input, double x, double y, double weight,
    double *sum)
{
  for (gint64 j = floor (y) - 1; j <= floor (y) + 2; j++)
    for (gint64 i = floor (x) - 1; i <= floor (x) + 2; i++)
      for (guint c = 0; c < 4; c++)
        sum[c] += weight * cubic (x - i) * cubic (y - j)
            * at (input, 0, i, j)[c];
}

/* 0 from a pixel outside on. */
static double
visible (const KilnShape *shape, double x, double y)
{
  double away = MAX (MAX (-x, x - (shape->width - 1.0)),
      MAX (-y, y - (shape->height - 1.0)));

  return CLAMP (1 - away, 0, 1);
}

REFERENCE (reference_flow_blend)
{
  const KilnFlowProject *project = params;
  double t = inputs[3].data[0];

  for (guint i = 0; i < n_rows; i++) {
    Place p = place_of (rows[i], output);
    /* Of the 2×2 pixels that share a motion. */
    double mx = p.x / 2 * 2 + 0.5, my = p.y / 2 * 2 + 0.5;
    double cx = (mx + 0.5) / project->cell - 0.5;
    double cy = (my + 0.5) / project->cell - 0.5;
    double m[2] = { 0 }, sum[4] = { 0 }, first, second;

    for (guint k = 0; k < 4; k++) {
      gint64 x = floor (cx) + k % 2, y = floor (cy) + k / 2;
      const float *v = at (&inputs[2], 0, x, y);
      double weight = (1 - fabs (cx - x)) * (1 - fabs (cy - y));

      m[0] += weight * v[0];
      m[1] += weight * v[1];
    }
    first = visible (output, mx - t * m[0], my - t * m[1]);
    second = visible (output, mx + (1 - t) * m[0], my + (1 - t) * m[1]);
    if (first + second < 0.01)
      first = second = 1;
    first = (1 - t) * (first + 1e-6);
    second = t * (second + 1e-6);
    add_sample (&inputs[0], p.x - t * m[0], p.y - t * m[1],
        first / (first + second), sum);
    add_sample (&inputs[1], p.x + (1 - t) * m[0], p.y + (1 - t) * m[1],
        second / (first + second), sum);
    for (guint c = 0; c < 4; c++)
      values[4 * i + c] = CLAMP (sum[c], 0, 1);
  }
}
