/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>
#include <svd/svd.h>

G_BEGIN_DECLS

/* A frame that has come in. */
typedef struct {
  GstBuffer *buffer;
  GstClockTime place;           /* see GstVidInterpTime */
  guint64 serial;               /* from 1 */
} GstVidInterpFrame;

/* A mapped frame as the library takes it. */
SvdVideoFrame gst_vid_interp_view_frame (GstVideoFrame * frame);

/* The library's two frames, and which they are: only what is not there
 * already is copied. */
typedef struct {
  SvdInterpolator *interpolator;        /* not owned */
  GstVideoInfo info;
  SvdVideoFormat format;
  guint64 previous, next;       /* serials; 0: none */
} GstVidInterpPair;

void gst_vid_interp_pair_set_interpolator (GstVidInterpPair * pair,
    SvdInterpolator * interpolator);

/* The frames that follow are of this kind. */
void gst_vid_interp_pair_set_info (GstVidInterpPair * pair,
    const GstVideoInfo * info);

gboolean gst_vid_interp_pair_load (GstVidInterpPair * pair,
    const GstVidInterpFrame * previous, const GstVidInterpFrame * next,
    GCancellable * cancellable, GError ** error);

/* If this is the pair's next frame it becomes the previous one. */
gboolean gst_vid_interp_pair_advance (GstVidInterpPair * pair,
    const GstVidInterpFrame * next, GError ** error);

/* A frame between the two, from 0 to 1. */
GstBuffer *gst_vid_interp_pair_render (GstVidInterpPair * pair,
    SvdInterpolation method, gdouble t, GCancellable * cancellable,
    GError ** error);

G_END_DECLS
