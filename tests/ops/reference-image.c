/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"
#include "ops/image.h"

#include <math.h>

static guint64
row_of (const KilnShape *shape, guint64 frame, guint64 y, guint64 x)
{
  return (frame * shape->height + y) * shape->width + x;
}

/* Frame, line and column of a row. */
static void
locate (const KilnShape *shape, guint64 row, guint64 place[3])
{
  place[0] = row / shape->width / shape->height;
  place[1] = row / shape->width % shape->height;
  place[2] = row % shape->width;
}

/* Between pixels; beyond the edges they are repeated. */
static double
sample (const CheckInput *x, guint64 frame, double py, double px,
    guint32 channel)
{
  const KilnShape *shape = &x->shape;
  guint64 top, left, bottom, right;
  double above, below;

  py = CLAMP (py, 0, shape->height - 1.0);
  px = CLAMP (px, 0, shape->width - 1.0);
  top = py;
  left = px;
  bottom = MIN (top + 1, shape->height - 1);
  right = MIN (left + 1, shape->width - 1);
  px -= left;
  above = check_at (x, row_of (shape, frame, top, left), channel) * (1 - px)
      + check_at (x, row_of (shape, frame, top, right), channel) * px;
  below = check_at (x, row_of (shape, frame, bottom, left), channel) * (1 - px)
      + check_at (x, row_of (shape, frame, bottom, right), channel) * px;
  return above + (below - above) * (py - top);
}

REFERENCE (reference_bilinear)
{
  const KilnShape *x = &inputs[0].shape;
  double step_y = (double) x->height / output->height;
  double step_x = (double) x->width / output->width;

  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++) {
      guint64 p[3];

      locate (output, rows[i], p);
      values[(gsize) i * output->channels + c] = sample (&inputs[0], p[0],
          (p[1] + 0.5) * step_y - 0.5, (p[2] + 0.5) * step_x - 0.5, c);
    }
}

REFERENCE (reference_warp)
{
  const KilnWarp *warp = params;
  const CheckInput *flow = &inputs[1];

  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++) {
      guint64 p[3];

      locate (output, rows[i], p);
      values[(gsize) i * output->channels + c] = sample (&inputs[0], p[0],
          p[1] + warp->flow_scale
          * check_at (flow, rows[i], warp->flow_first + 1),
          p[2] + warp->flow_scale * check_at (flow, rows[i],
              warp->flow_first), c);
    }
}

REFERENCE (reference_pixel_shuffle)
{
  const KilnShape *x = &inputs[0].shape;
  guint32 factor = ((const KilnPixelShuffle *) params)->factor;

  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++) {
      guint64 p[3], from;

      locate (output, rows[i], p);
      from = row_of (x, p[0], p[1] / factor, p[2] / factor);
      values[(gsize) i * output->channels + c] = check_at (&inputs[0], from,
          (c * factor + p[1] % factor) * factor + p[2] % factor);
    }
}

static double
stacked (const KilnStack *stack, const CheckInput *inputs,
    const guint64 place[3], guint32 c)
{
  guint part = 0;
  const KilnShape *x;

  for (; c >= stack->parts[part].channels; part++)
    c -= stack->parts[part].channels;
  x = &inputs[part].shape;
  c += stack->parts[part].first;
  if (kiln_shape_rows (x) == 1)
    return check_at (&inputs[part], 0, c);
  if (place[1] >= x->height || place[2] >= x->width)
    return 0;
  return check_at (&inputs[part], row_of (x, place[0], place[1], place[2]), c);
}

REFERENCE (reference_stack)
{
  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < output->channels; c++) {
      guint64 p[3];

      locate (output, rows[i], p);
      values[(gsize) i * output->channels + c] =
          stacked (params, inputs, p, c);
    }
}
