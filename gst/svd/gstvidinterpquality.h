/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "gstsvdsettings.h"

G_BEGIN_DECLS

/* Which method there is time for. Frames that come too late, all for a while
 * or by much, make it cheaper by one; after a while without, a better one is
 * tried again, and after each trial that fails the while is twice as long.
 * All times are of a clock that always goes. */
typedef struct {
  guint drop;                   /* so many methods cheaper than wanted */
  GstClockTime late_since;      /* GST_CLOCK_TIME_NONE: the last frame was not */
  GstClockTime excused_until;   /* what is late until then has older reasons */
  GstClockTime patience;        /* how long to wait before trying a better one */
  GstClockTime retry_at;
} GstVidInterpQuality;

void gst_vid_interp_quality_reset (GstVidInterpQuality * quality);

/* Preparing a method took so long, and frames are late for that. */
void gst_vid_interp_quality_excuse (GstVidInterpQuality * quality,
    GstClockTime now, GstClockTime length);

/* A frame was this late, or early where it is negative. TRUE: the method has
 * changed. */
gboolean gst_vid_interp_quality_update (GstVidInterpQuality * quality,
    GstVidInterpMethod wanted, GstClockTime now, GstClockTimeDiff lateness);

GstVidInterpMethod gst_vid_interp_quality_choose (const GstVidInterpQuality *
    quality, GstVidInterpMethod wanted);

/* For QoS messages: 1000000 is the best. */
gint gst_vid_interp_quality_get (const GstVidInterpQuality * quality);

G_END_DECLS
