/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstvidinterpquality.h"

#define CHEAPEST GST_VID_INTERP_METHOD_DUPLICATE

/* Late for so long, or by so much, is too late. */
#define LATE_FOR (100 * GST_MSECOND)
#define LATE_BY (500 * GST_MSECOND)

#define MIN_PATIENCE (2 * GST_SECOND)
#define MAX_PATIENCE (32 * GST_SECOND)

void
gst_vid_interp_quality_reset (GstVidInterpQuality * self)
{
  *self = (GstVidInterpQuality) {
    .late_since = GST_CLOCK_TIME_NONE,
    .patience = MIN_PATIENCE,
  };
}

void
gst_vid_interp_quality_excuse (GstVidInterpQuality * self, GstClockTime now,
    GstClockTime length)
{
  self->excused_until = MAX (self->excused_until, now + length);
}

static gboolean
drop (GstVidInterpQuality * self, GstVidInterpMethod wanted, GstClockTime now,
    GstClockTimeDiff lateness)
{
  if (!GST_CLOCK_TIME_IS_VALID (self->late_since))
    self->late_since = now;
  if (lateness < (GstClockTimeDiff) LATE_BY
      && now - self->late_since < LATE_FOR)
    return FALSE;
  if (gst_vid_interp_quality_choose (self, wanted) == CHEAPEST)
    return FALSE;

  self->drop++;
  self->late_since = GST_CLOCK_TIME_NONE;
  /* What has piled up has to be worked off first. */
  gst_vid_interp_quality_excuse (self, now, lateness + LATE_FOR);
  self->retry_at = self->excused_until + self->patience;
  self->patience = MIN (2 * self->patience, MAX_PATIENCE);
  return TRUE;
}

static gboolean
recover (GstVidInterpQuality * self, GstClockTime now)
{
  self->late_since = GST_CLOCK_TIME_NONE;
  if (now < self->retry_at)
    return FALSE;

  self->retry_at = now + self->patience;
  if (self->drop == 0) {
    self->patience = MIN_PATIENCE;
    return FALSE;
  }
  self->drop--;
  return TRUE;
}

gboolean
gst_vid_interp_quality_update (GstVidInterpQuality * self,
    GstVidInterpMethod wanted, GstClockTime now, GstClockTimeDiff lateness)
{
  if (now < self->excused_until)
    return FALSE;

  return lateness > 0 ? drop (self, wanted, now, lateness)
      : recover (self, now);
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
