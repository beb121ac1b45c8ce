/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstvidinterpprivate.h"

#define GST_CAT_DEFAULT gst_vid_interp_debug

void
gst_vid_interp_post_latency (GstVidInterp * self)
{
  if (self->live)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_latency (GST_OBJECT (self)));
}

void
gst_vid_interp_note_compute_time (GstVidInterp * self, gint64 begin)
{
  GstClockTime elapsed = (g_get_monotonic_time () - begin) * GST_USECOND;
  gboolean changed;

  GST_OBJECT_LOCK (self);
  changed = gst_vid_interp_latency_note (&self->latency, elapsed,
      gst_vid_interp_frame_duration (&self->out_info));
  GST_OBJECT_UNLOCK (self);

  if (changed)
    gst_vid_interp_post_latency (self);
}

gboolean
gst_vid_interp_is_live (GstVidInterp * self)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (gst_vid_interp_sink_pad (self), query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  return live;
}

gboolean
gst_vid_interp_answer_latency (GstVidInterp * self, GstQuery * query)
{
  GstClockTime min, max, own;
  gboolean live;

  if (!gst_pad_peer_query (gst_vid_interp_sink_pad (self), query))
    return FALSE;

  gst_query_parse_latency (query, &live, &min, &max);
  GST_OBJECT_LOCK (self);
  own = gst_vid_interp_latency_get (&self->latency);
  GST_OBJECT_UNLOCK (self);

  GST_DEBUG_OBJECT (self, "own latency %" GST_TIME_FORMAT,
      GST_TIME_ARGS (own));
  if (GST_CLOCK_TIME_IS_VALID (max))
    max += own;
  gst_query_set_latency (query, live, min + own, max);
  return TRUE;
}

static GstClockTime
running_time_of (GstVidInterp * self, GstBuffer * buffer)
{
  GstSegment segment = self->segment;

  gst_vid_interp_time_stretch_segment (&self->time, &segment);
  return gst_segment_to_running_time (&segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));
}

static void
post_qos (GstVidInterp * self, GstBuffer * buffer, GstClockTime running_time,
    GstClockTimeDiff lateness)
{
  GstMessage *message = gst_message_new_qos (GST_OBJECT (self), self->live,
      running_time, gst_segment_to_stream_time (&self->segment,
          GST_FORMAT_TIME, GST_BUFFER_PTS (buffer)),
      GST_BUFFER_PTS (buffer), GST_BUFFER_DURATION (buffer));

  gst_message_set_qos_values (message, lateness, 1.0,
      gst_vid_interp_quality_get (&self->quality));
  gst_message_set_qos_stats (message, GST_FORMAT_BUFFERS, self->processed, 0);
  gst_element_post_message (GST_ELEMENT (self), message);
}

/* How late a frame of a live source is when it leaves. */
static gboolean
measure_lateness (GstVidInterp * self, GstClockTime running_time,
    GstClockTimeDiff * lateness)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (GST_ELEMENT (self));
  GstClockTime deadline;

  if (clock == NULL || !GST_CLOCK_TIME_IS_VALID (self->pipeline_latency)
      || GST_STATE (self) != GST_STATE_PLAYING)
    return FALSE;

  deadline = running_time + gst_element_get_base_time (GST_ELEMENT (self))
      + self->pipeline_latency;
  *lateness = GST_CLOCK_DIFF (deadline, gst_clock_get_time (clock));
  return TRUE;
}

/* What the sink has reported last, once. */
static gboolean
take_report (GstVidInterp * self, GstClockTime * running_time,
    GstClockTimeDiff * lateness)
{
  GST_OBJECT_LOCK (self);
  *running_time = self->qos_time;
  *lateness = self->qos_lateness;
  self->qos_time = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (self);

  return GST_CLOCK_TIME_IS_VALID (*running_time);
}

void
gst_vid_interp_update_quality (GstVidInterp * self, GstBuffer * buffer)
{
  GstClockTime now = g_get_monotonic_time () * GST_USECOND;
  GstClockTime running_time = running_time_of (self, buffer);
  GstClockTimeDiff lateness;
  gboolean known = self->live && GST_CLOCK_TIME_IS_VALID (running_time)
      ? measure_lateness (self, running_time, &lateness)
      : take_report (self, &running_time, &lateness);
  gboolean changed;

  if (!known || self->keep)
    return;

  /* Less than half a frame is no harm. */
  lateness -= gst_vid_interp_frame_duration (&self->out_info) / 2;
  GST_OBJECT_LOCK (self);
  gst_vid_interp_quality_excuse (&self->quality, now, self->preparing);
  self->preparing = 0;
  changed = gst_vid_interp_quality_update (&self->quality, self->method, now,
      lateness);
  GST_OBJECT_UNLOCK (self);

  if (changed)
    post_qos (self, buffer, running_time, lateness);
}
