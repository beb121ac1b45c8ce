/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guidance.h"

#include <math.h>

/* torch.linspace in float: counted from the nearer end, so that both ends
 * are exact. */
static float
linspace (float start, float end, guint n, guint i)
{
  float step;

  if (n == 1)
    return start;
  step = (end - start) / (n - 1);
  return i < n / 2 ? start + step * i : end - step * (n - 1 - i);
}

/* generative-models' TrianglePredictionGuider with one period a clip */
static float
triangle (float position)
{
  return 2 * fabsf (position - floorf (position + 0.5f));
}

static float
scale_of_frame (KilnGuidance guidance, float min, float max, guint n_frames,
    guint frame)
{
  switch (guidance) {
    case KILN_GUIDANCE_LINEAR:
      return linspace (min, max, n_frames, frame);
    case KILN_GUIDANCE_TRIANGULAR:
      return triangle (linspace (0, 1, n_frames, frame)) * (max - min) + min;
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
    scales[i] = scale_of_frame (guidance, min, max, n_frames, i);
    on |= scales[i] > 1;
  }
  return on;
}
