/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* What the element adds to the latency: one frame of the input, and what
 * computing takes, as measured. */
typedef struct {
  GstClockTime frame;           /* 0: all goes through */
  GstClockTime compute;
  GstClockTime peak;            /* of the last few frames */
  guint count;
} GstVidInterpLatency;

GstClockTime gst_vid_interp_latency_get (const GstVidInterpLatency * latency);

/* Both: TRUE if the latency has changed. limit: how long a frame of the
 * output lasts; who needs longer is late whatever the latency. */
gboolean gst_vid_interp_latency_set_frame (GstVidInterpLatency * latency,
    GstClockTime frame);
gboolean gst_vid_interp_latency_note (GstVidInterpLatency * latency,
    GstClockTime elapsed, GstClockTime limit);

G_END_DECLS
