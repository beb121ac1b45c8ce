/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstvidinterplatency.h"

/* What is measured is rounded up to a multiple of this. */
#define STEP (5 * GST_MSECOND)

/* It may become less after so many frames. */
#define FRAMES 256

GstClockTime
gst_vid_interp_latency_get (const GstVidInterpLatency * self)
{
  return self->frame > 0 ? self->frame + self->compute : 0;
}

gboolean
gst_vid_interp_latency_set_frame (GstVidInterpLatency * self,
    GstClockTime frame)
{
  gboolean changed = self->frame != frame;

  self->frame = frame;
  return changed;
}

/* Grows at once, and shrinks when less than half was needed for a while: each
 * change interrupts the pipeline. */
gboolean
gst_vid_interp_latency_note (GstVidInterpLatency * self, GstClockTime elapsed,
    GstClockTime limit)
{
  GstClockTime needed = MIN ((elapsed / STEP + 1) * STEP, limit);
  GstClockTime before = self->compute;

  self->peak = MAX (self->peak, needed);
  self->compute = MAX (self->compute, needed);
  if (++self->count == FRAMES) {
    if (self->peak < self->compute / 2)
      self->compute = self->peak;
    self->peak = 0;
    self->count = 0;
  }
  return self->compute != before;
}
