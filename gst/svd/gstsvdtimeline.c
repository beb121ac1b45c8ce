/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsvdtimeline.h"

void
gst_svd_timeline_reset (GstSvdTimeline * self)
{
  *self = (GstSvdTimeline) {
    .base = GST_CLOCK_TIME_NONE,
    .fps_n = 1,
    .fps_d = 1,
  };
}

gboolean
gst_svd_timeline_is_started (const GstSvdTimeline * self)
{
  return GST_CLOCK_TIME_IS_VALID (self->base);
}

void
gst_svd_timeline_start (GstSvdTimeline * self, GstClockTime base)
{
  self->base = base;
  self->frames = 0;
  self->total = 0;
}

GstClockTime
gst_svd_timeline_get_time (const GstSvdTimeline * self)
{
  if (!gst_svd_timeline_is_started (self))
    return GST_CLOCK_TIME_NONE;

  return self->base + gst_util_uint64_scale (self->frames,
      GST_SECOND * self->fps_d, self->fps_n);
}

void
gst_svd_timeline_set_rate (GstSvdTimeline * self, gint fps_n, gint fps_d)
{
  if (self->fps_n == fps_n && self->fps_d == fps_d)
    return;

  self->base = gst_svd_timeline_get_time (self);
  self->frames = 0;
  self->fps_n = fps_n;
  self->fps_d = fps_d;
}

void
gst_svd_timeline_skip_to (GstSvdTimeline * self, GstClockTime time)
{
  guint64 frames;

  if (time <= self->base)
    return;

  frames = gst_util_uint64_scale_ceil (time - self->base, self->fps_n,
      GST_SECOND * self->fps_d);
  /* Times are rounded down: this frame may start within a nanosecond. */
  if (frames > 0 && self->base + gst_util_uint64_scale (frames - 1,
          GST_SECOND * self->fps_d, self->fps_n) >= time)
    frames--;
  self->frames = MAX (self->frames, frames);
}

void
gst_svd_timeline_stamp (GstSvdTimeline * self, GstBuffer * buffer)
{
  GST_BUFFER_PTS (buffer) = gst_svd_timeline_get_time (self);
  GST_BUFFER_OFFSET (buffer) = self->total;

  self->frames++;
  self->total++;

  /* To the next frame's start, so that durations add up too. */
  GST_BUFFER_DURATION (buffer) = gst_svd_timeline_get_time (self)
      - GST_BUFFER_PTS (buffer);
  GST_BUFFER_OFFSET_END (buffer) = self->total;
}
