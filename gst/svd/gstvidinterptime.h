/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* From the times of frames that come in to a line on which they follow one
 * another, whatever the direction of playback, stretched by the slowdown;
 * and from there to the times of frames that go out. A frame has the place
 * on the line where showing it begins: played backwards, at its end. */
typedef struct {
  gboolean reverse;
  GstClockTime in_stop, out_stop;       /* backwards: where the line begins */
  gint slowdown_n, slowdown_d;
  GstClockTime in, out;         /* as far as the last change of the slowdown */
} GstVidInterpTime;

/* segment: of the input, in time. */
void gst_vid_interp_time_init (GstVidInterpTime * time,
    const GstSegment * segment, gdouble slowdown);

/* From this input time on. */
void gst_vid_interp_time_set_slowdown (GstVidInterpTime * time,
    gdouble slowdown, GstClockTime pts, GstClockTime duration);

gboolean gst_vid_interp_time_is_stretched (const GstVidInterpTime * time);

/* A length, stretched; GST_CLOCK_TIME_NONE stays. */
GstClockTime gst_vid_interp_time_stretch (const GstVidInterpTime * time,
    GstClockTime length);

/* The place of an input frame. */
GstClockTime gst_vid_interp_time_place (const GstVidInterpTime * time,
    GstClockTime pts, GstClockTime duration);

/* The start of an output frame. */
GstClockTime gst_vid_interp_time_pts (const GstVidInterpTime * time,
    GstClockTime place, GstClockTime duration);

/* The segment of the output. */
void gst_vid_interp_time_stretch_segment (const GstVidInterpTime * time,
    GstSegment * segment);

G_END_DECLS
