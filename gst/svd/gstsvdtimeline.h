/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Time of frames that follow one another without gaps: counted from the last
 * change of the frame rate, so that no rounding adds up. */
typedef struct {
  GstClockTime base;            /* of frame 0; GST_CLOCK_TIME_NONE: not started */
  guint64 frames;               /* so far, since base */
  guint64 total;                /* so far */
  gint fps_n, fps_d;
} GstSvdTimeline;

void gst_svd_timeline_reset (GstSvdTimeline * timeline);
gboolean gst_svd_timeline_is_started (const GstSvdTimeline * timeline);
void gst_svd_timeline_start (GstSvdTimeline * timeline, GstClockTime base);

/* Start of the next frame. */
GstClockTime gst_svd_timeline_get_time (const GstSvdTimeline * timeline);

/* The next frames have this rate, the ones before keep theirs. */
void gst_svd_timeline_set_rate (GstSvdTimeline * timeline, gint fps_n,
    gint fps_d);

/* Leaves out frames until the next starts at this time or later. */
void gst_svd_timeline_skip_to (GstSvdTimeline * timeline, GstClockTime time);

/* Gives the buffer the next frame's time, duration and number. */
void gst_svd_timeline_stamp (GstSvdTimeline * timeline, GstBuffer * buffer);

G_END_DECLS
