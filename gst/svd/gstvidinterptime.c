/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstvidinterptime.h"

GstClockTime
gst_vid_interp_time_stretch (const GstVidInterpTime * self,
    GstClockTime length)
{
  if (!GST_CLOCK_TIME_IS_VALID (length))
    return length;

  return gst_util_uint64_scale_round (length, self->slowdown_n,
      self->slowdown_d);
}

void
gst_vid_interp_time_init (GstVidInterpTime * self, const GstSegment * segment,
    gdouble slowdown)
{
  *self = (GstVidInterpTime) {
    .reverse = segment->rate < 0.0,
    .in_stop = segment->stop,
  };

  gst_util_double_to_fraction (slowdown, &self->slowdown_n, &self->slowdown_d);
  if (!GST_CLOCK_TIME_IS_VALID (self->in_stop))
    self->in_stop = segment->duration;
  self->out_stop = gst_vid_interp_time_stretch (self, self->in_stop);
}

/* How far the input has come when the frame is shown. */
static GstClockTime
progress (const GstVidInterpTime * self, GstClockTime pts,
    GstClockTime duration)
{
  if (!self->reverse)
    return pts;
  if (!GST_CLOCK_TIME_IS_VALID (self->in_stop))
    return 0;

  return self->in_stop - MIN (pts + duration, self->in_stop);
}

GstClockTime
gst_vid_interp_time_place (const GstVidInterpTime * self, GstClockTime pts,
    GstClockTime duration)
{
  GstClockTime in = progress (self, pts, duration);

  if (in < self->in)
    return self->out - MIN (self->out, self->in - in);

  return self->out + gst_vid_interp_time_stretch (self, in - self->in);
}

void
gst_vid_interp_time_set_slowdown (GstVidInterpTime * self, gdouble slowdown,
    GstClockTime pts, GstClockTime duration)
{
  GstClockTime out = gst_vid_interp_time_place (self, pts, duration);

  self->in = progress (self, pts, duration);
  self->out = out;
  gst_util_double_to_fraction (slowdown, &self->slowdown_n, &self->slowdown_d);
}

gboolean
gst_vid_interp_time_is_stretched (const GstVidInterpTime * self)
{
  return self->slowdown_n != self->slowdown_d || self->in != self->out;
}

GstClockTime
gst_vid_interp_time_pts (const GstVidInterpTime * self, GstClockTime place,
    GstClockTime duration)
{
  if (!self->reverse)
    return place;
  if (!GST_CLOCK_TIME_IS_VALID (self->out_stop))
    return 0;

  return self->out_stop - MIN (place + duration, self->out_stop);
}

void
gst_vid_interp_time_stretch_segment (const GstVidInterpTime * self,
    GstSegment * segment)
{
  segment->start = gst_vid_interp_time_stretch (self, segment->start);
  segment->stop = gst_vid_interp_time_stretch (self, segment->stop);
  segment->time = gst_vid_interp_time_stretch (self, segment->time);
  segment->position = gst_vid_interp_time_stretch (self, segment->position);
  segment->duration = gst_vid_interp_time_stretch (self, segment->duration);
}
