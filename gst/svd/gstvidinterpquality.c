/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstvidinterpquality.h"

#define CHEAPEST GST_VID_INTERP_METHOD_DUPLICATE
#define SETTLE (100 * GST_MSECOND)
#define MIN_PATIENCE (2 * GST_SECOND)
#define MAX_PATIENCE (32 * GST_SECOND)

void
gst_vid_interp_quality_reset (GstVidInterpQuality * self)
{
  *self = (GstVidInterpQuality) {
    .patience = MIN_PATIENCE,
  };
}

static void
drop (GstVidInterpQuality * self, GstClockTime running_time)
{
  self->drop++;
  self->settle_until = running_time + SETTLE;
  self->retry_at = running_time + self->patience;
  self->patience = MIN (2 * self->patience, MAX_PATIENCE);
}

static void
recover (GstVidInterpQuality * self, GstClockTime running_time)
{
  self->drop--;
  self->settle_until = running_time + SETTLE;
  self->retry_at = running_time + self->patience;
}

gboolean
gst_vid_interp_quality_update (GstVidInterpQuality * self,
    GstVidInterpMethod wanted, GstClockTime running_time,
    GstClockTimeDiff lateness)
{
  if (running_time < self->settle_until)
    return FALSE;

  if (lateness > 0) {
    if (gst_vid_interp_quality_choose (self, wanted) == CHEAPEST)
      return FALSE;
    drop (self, running_time);
    return TRUE;
  }

  if (running_time < self->retry_at)
    return FALSE;
  if (self->drop == 0) {
    self->patience = MIN_PATIENCE;
    return FALSE;
  }
  recover (self, running_time);
  return TRUE;
}

GstVidInterpMethod
gst_vid_interp_quality_choose (const GstVidInterpQuality * self,
    GstVidInterpMethod wanted)
{
  return MIN (wanted + self->drop, CHEAPEST);
}

gint
gst_vid_interp_quality_get (const GstVidInterpQuality * self)
{
  return 1000000 / (gint) (1 + self->drop);
}
