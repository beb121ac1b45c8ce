/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How strong classifier-free guidance is in each frame. */
typedef enum {
  KILN_GUIDANCE_LINEAR,         /* min in the first frame to max in the last */
  KILN_GUIDANCE_TRIANGULAR,     /* min at both ends, max in the middle (SV3D) */
  KILN_GUIDANCE_CONSTANT,       /* max in every frame */
} KilnGuidance;

/* Fills scales[n_frames]. A single frame gets min (the start of the curve)
 * except with KILN_GUIDANCE_CONSTANT.
 *
 * Returns whether guidance is on: whether any frame's scale is above 1.
 * diffusers looks at max first and at the frames' scales later, and fails
 * where the two disagree (one frame; min > 1 ≥ max); elsewhere this is the
 * same. Without guidance the unconditional pass is not needed. */
gboolean kiln_guidance_scales (KilnGuidance guidance, double min, double max,
    guint n_frames, float *scales);

G_END_DECLS
