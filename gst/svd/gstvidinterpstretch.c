/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstvidinterpprivate.h"

#define GST_CAT_DEFAULT gst_vid_interp_debug

gdouble
gst_vid_interp_get_slowdown (GstVidInterp * self)
{
  gdouble slowdown;

  GST_OBJECT_LOCK (self);
  slowdown = self->slowdown;
  GST_OBJECT_UNLOCK (self);

  return slowdown;
}

void
gst_vid_interp_update_slowdown (GstVidInterp * self, gdouble slowdown,
    GstClockTime pts, GstClockTime duration)
{
  GstSegment segment = self->segment;

  if (slowdown == gst_vid_interp_get_slowdown (self))
    return;

  GST_OBJECT_LOCK (self);
  self->slowdown = slowdown;
  GST_OBJECT_UNLOCK (self);

  gst_vid_interp_time_stretch_segment (&self->time, &segment);
  gst_vid_interp_time_set_slowdown (&self->time, slowdown, pts, duration);
  /* Nobody knows where it ends now. */
  if (segment.rate > 0.0)
    segment.stop = GST_CLOCK_TIME_NONE;
  segment.duration = GST_CLOCK_TIME_NONE;
  gst_pad_push_event (gst_vid_interp_src_pad (self),
      gst_event_new_segment (&segment));
}

/* Times go on. */
static gboolean
is_same_segment (GstVidInterp * self, GstEvent * event)
{
  GstSegment segment;

  gst_event_copy_segment (event, &segment);
  segment.position = self->segment.position;
  return gst_segment_is_equal (&segment, &self->segment);
}

gboolean
gst_vid_interp_handle_segment (GstVidInterp * self, GstEvent * event)
{
  GstSegment segment;
  gdouble slowdown;
  GstEvent *out;

  if (self->have_segment && is_same_segment (self, event)
      && !gst_vid_interp_time_is_stretched (&self->time))
    return gst_pad_push_event (gst_vid_interp_src_pad (self), event);

  gst_vid_interp_drain (self);
  gst_event_copy_segment (event, &self->segment);
  self->have_segment = TRUE;
  if (self->segment.format != GST_FORMAT_TIME) {
    gst_segment_init (&self->segment, GST_FORMAT_TIME);
    GST_WARNING_OBJECT (self, "a segment not in time is taken for all of it");
  }

  g_object_get (self, "slowdown", &slowdown, NULL);
  GST_OBJECT_LOCK (self);
  self->slowdown = slowdown;
  GST_OBJECT_UNLOCK (self);
  gst_vid_interp_time_init (&self->time, &self->segment, slowdown);
  gst_svd_timeline_reset (&self->timeline);
  if (self->out_info.fps_n > 0)
    gst_svd_timeline_set_rate (&self->timeline, self->out_info.fps_n,
        self->out_info.fps_d);

  segment = self->segment;
  gst_vid_interp_time_stretch_segment (&self->time, &segment);
  out = gst_event_new_segment (&segment);
  gst_event_set_seqnum (out, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return gst_pad_push_event (gst_vid_interp_src_pad (self), out);
}

gboolean
gst_vid_interp_handle_gap (GstVidInterp * self, GstEvent * event)
{
  GstClockTime pts, duration;
  GstEvent *out;

  gst_event_parse_gap (event, &pts, &duration);
  gst_vid_interp_drain (self);
  duration = gst_vid_interp_time_stretch (&self->time, duration);
  pts = gst_vid_interp_time_pts (&self->time,
      gst_vid_interp_time_place (&self->time, pts, duration), duration);
  out = gst_event_new_gap (pts, duration);
  gst_event_set_seqnum (out, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return gst_pad_push_event (gst_vid_interp_src_pad (self), out);
}

static gint64
divide (gint64 time, gdouble slowdown)
{
  return time > 0 ? (gint64) (time / slowdown) : time;
}

/* The times of the input that those of the output come from. */
GstEvent *
gst_vid_interp_unstretch_seek (GstVidInterp * self, GstEvent * event)
{
  gdouble slowdown = gst_vid_interp_get_slowdown (self), rate;
  GstFormat format;
  GstSeekFlags flags;
  GstSeekType start_type, stop_type;
  gint64 start, stop;
  GstEvent *out;

  gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
      &stop_type, &stop);
  if (format != GST_FORMAT_TIME || slowdown == 1.0)
    return event;

  out = gst_event_new_seek (rate, format, flags, start_type,
      divide (start, slowdown), stop_type, divide (stop, slowdown));
  gst_event_set_seqnum (out, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return out;
}

static gint64
multiply (gint64 time, gdouble slowdown)
{
  return time > 0 ? (gint64) (time * slowdown) : time;
}

gboolean
gst_vid_interp_answer_position (GstVidInterp * self, GstQuery * query)
{
  gdouble slowdown = gst_vid_interp_get_slowdown (self);
  GstFormat format;
  gint64 time;

  if (!gst_pad_peer_query (gst_vid_interp_sink_pad (self), query))
    return FALSE;

  if (GST_QUERY_TYPE (query) == GST_QUERY_POSITION) {
    gst_query_parse_position (query, &format, &time);
    if (format == GST_FORMAT_TIME)
      gst_query_set_position (query, format, multiply (time, slowdown));
  } else {
    gst_query_parse_duration (query, &format, &time);
    if (format == GST_FORMAT_TIME)
      gst_query_set_duration (query, format, multiply (time, slowdown));
  }
  return TRUE;
}
