/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guidance.h"

#include <math.h>

/* Place i of n between start and end. */
static double
interpolate (double start, double end, guint n, guint i)
{
  return n > 1 ? start + (end - start) * i / (n - 1) : start;
}

/* generative-models' TrianglePredictionGuider with one period a clip:
 * 0 at both ends of [0, 1], 1 in the middle */
static double
triangle (double position)
{
  return 1 - fabs (1 - 2 * position);
}

static double
scale_of_frame (KilnGuidance guidance, double min, double max,
    guint n_frames, guint frame)
{
  switch (guidance) {
    case KILN_GUIDANCE_LINEAR:
      return interpolate (min, max, n_frames, frame);
    case KILN_GUIDANCE_TRIANGULAR:
      return min + (max - min)
          * triangle (interpolate (0, 1, n_frames, frame));
    case KILN_GUIDANCE_CONSTANT:
      return max;
  }
  g_return_val_if_reached (max);
}

gboolean
kiln_guidance_scales (KilnGuidance guidance, double min, double max,
    guint n_frames, float *scales)
{
  gboolean on = FALSE;

  for (guint i = 0; i < n_frames; i++) {
    scales[i] = (float) scale_of_frame (guidance, min, max, n_frames, i);
    on |= scales[i] > 1;
  }
  return on;
}
