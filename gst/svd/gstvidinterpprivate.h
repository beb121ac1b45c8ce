/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of vidinterp share: the element's state, and a section for
 * each file. What of it needs no element is in files of its own. */

#include "gstsvdtimeline.h"
#include "gstvidinterp.h"
#include "gstvidinterplatency.h"
#include "gstvidinterppair.h"
#include "gstvidinterpquality.h"
#include "gstvidinterptime.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (gst_vid_interp_debug);

/* So many frames like the one before may be animation on threes; more are a
 * picture that stands still. */
#define GST_VID_INTERP_MAX_HELD 2

/* What happens from one frame to the next. */
typedef enum
{
  GST_VID_INTERP_CHANGE_MOTION,
  GST_VID_INTERP_CHANGE_CUT,    /* or whatever nothing can be made between */
  GST_VID_INTERP_CHANGE_STILL,
} GstVidInterpChange;

struct _GstVidInterp
{
  GstSvdStage parent;

  /* Under the stream lock. */
  GstCaps *in_caps;
  GstVideoInfo in_info, out_info;       /* differ in the rate */
  gboolean have_out_info;
  gboolean keep;                /* all frames go through at their own times */
  gboolean live;

  GstSegment segment;           /* of the input */
  gboolean have_segment;
  GstVidInterpTime time;
  GstSvdTimeline timeline;      /* of the output, on the line of places */
  gboolean discont;

  GstVidInterpFrame previous;   /* no buffer: none */
  /* They came later and look the same. */
  GstVidInterpFrame held[GST_VID_INTERP_MAX_HELD];
  guint n_held;
  gboolean still;               /* more of the same have come */
  guint64 serial;
  GstVidInterpPair pair;
  GstVidInterpMethod best;      /* for the device */
  guint warm;                   /* bit 1 << method: has made a frame of this format */
  GstClockTime preparing;       /* took so long since the last look at the quality */
  guint64 processed;

  /* Under the object lock. */
  gdouble slowdown;
  GstVidInterpMethod method;    /* that is wanted */
  GstVidInterpQuality quality;
  GstClockTime qos_time;        /* running time of the sink's last report; or none */
  GstClockTimeDiff qos_lateness;
  GstVidInterpLatency latency;
  GstClockTime pipeline_latency;
};

static inline GstPad *
gst_vid_interp_src_pad (GstVidInterp * self)
{
  return gst_svd_stage_get_src_pad (GST_SVD_STAGE (self));
}

static inline GstPad *
gst_vid_interp_sink_pad (GstVidInterp * self)
{
  return gst_svd_stage_get_sink_pad (GST_SVD_STAGE (self));
}

/* gstvidinterpcaps.c: the rate follows from what is behind. */
gboolean gst_vid_interp_set_caps (GstSvdStage * stage, GstCaps * caps,
    GError ** error);
GstCaps *gst_vid_interp_get_caps (GstSvdStage * stage,
    const GstSvdSettings * settings, GError ** error);
gboolean gst_vid_interp_answer_caps (GstVidInterp * self, GstPad * pad,
    GstQuery * query);

/* gstvidinterpchange.c: from one frame to the next. */

/* Makes and pushes what comes before next, or holds next. */
GstFlowReturn gst_vid_interp_go_on (GstVidInterp * self,
    const GstVidInterpFrame * next, const GstSvdSettings * settings,
    GCancellable * cancellable, GError ** error);
gboolean gst_vid_interp_is_held (GstVidInterp * self,
    const GstVidInterpFrame * frame);
/* Next becomes previous. */
gboolean gst_vid_interp_advance (GstVidInterp * self,
    const GstVidInterpFrame * next, GError ** error);

/* gstvidinterpoutput.c: makes frames and pushes them. */

/* GST_CLOCK_TIME_NONE where the rate is not known. */
GstClockTime gst_vid_interp_frame_duration (const GstVideoInfo * info);
GstClockTime gst_vid_interp_duration_of (GstVidInterp * self,
    GstBuffer * buffer);
/* A frame at most so far away from another is that one. */
GstClockTime gst_vid_interp_tolerance (GstVidInterp * self);
/* That has come in. */
const GstVidInterpFrame *gst_vid_interp_last_frame (GstVidInterp * self);
void gst_vid_interp_forget_held (GstVidInterp * self);
void gst_vid_interp_forget_frames (GstVidInterp * self);
/* For the device. */
GstVidInterpMethod gst_vid_interp_best_method (SvdInterpolator * interpolator);
/* There is time for. */
GstVidInterpMethod gst_vid_interp_choose_method (GstVidInterp * self);
/* The place of the output's next frame, if that is before this end. */
gboolean gst_vid_interp_next_place (GstVidInterp * self, GstClockTime end,
    GstClockTime * place);
void gst_vid_interp_start_timeline (GstVidInterp * self, GstClockTime place);
/* The frame itself, if the output has one at its place. */
GstFlowReturn gst_vid_interp_push_previous (GstVidInterp * self);
/* What comes before next: at the output's rate, or those that were held. */
GstFlowReturn gst_vid_interp_fill_until (GstVidInterp * self,
    GstVidInterpChange change, const GstVidInterpFrame * next,
    GCancellable * cancellable, GError ** error);
GstFlowReturn gst_vid_interp_release_held (GstVidInterp * self,
    GstVidInterpChange change, const GstVidInterpFrame * next,
    GCancellable * cancellable, GError ** error);
/* After the last frame of something: for as long as that lasts. */
void gst_vid_interp_drain (GstVidInterp * self);

/* gstvidinterpqos.c: latency, and frames that come too late. */
gboolean gst_vid_interp_is_live (GstVidInterp * self);
void gst_vid_interp_post_latency (GstVidInterp * self);
void gst_vid_interp_note_compute_time (GstVidInterp * self, gint64 begin);
gboolean gst_vid_interp_answer_latency (GstVidInterp * self, GstQuery * query);
/* Looks how late this frame is, and chooses the method by that. */
void gst_vid_interp_update_quality (GstVidInterp * self, GstBuffer * buffer);

/* gstvidinterpstretch.c: segments, seeks and positions in stretched time.
 * Those with an event take it. */
gdouble gst_vid_interp_get_slowdown (GstVidInterp * self);
void gst_vid_interp_update_slowdown (GstVidInterp * self, gdouble slowdown,
    GstClockTime pts, GstClockTime duration);
gboolean gst_vid_interp_handle_segment (GstVidInterp * self, GstEvent * event);
gboolean gst_vid_interp_handle_gap (GstVidInterp * self, GstEvent * event);
/* The seek in times of the input. */
GstEvent *gst_vid_interp_unstretch_seek (GstVidInterp * self,
    GstEvent * event);
gboolean gst_vid_interp_answer_position (GstVidInterp * self,
    GstQuery * query);

G_END_DECLS
