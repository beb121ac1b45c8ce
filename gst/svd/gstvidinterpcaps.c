/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstvidinterpprivate.h"

#define GST_CAT_DEFAULT gst_vid_interp_debug

gboolean
gst_vid_interp_set_caps (GstSvdStage * stage, GstCaps * caps, GError ** error)
{
  GstVidInterp *self = GST_VID_INTERP (stage);
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, caps)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "These caps are not of a video: put videoconvert in front of %s.",
        GST_OBJECT_NAME (self));
    return FALSE;
  }
  if (GST_VIDEO_INFO_IS_INTERLACED (&info)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "Interlaced video cannot be interpolated: put deinterlace in front "
        "of %s.", GST_OBJECT_NAME (self));
    return FALSE;
  }

  gst_vid_interp_drain (self);
  gst_caps_replace (&self->in_caps, caps);
  self->in_info = info;
  gst_vid_interp_pair_set_info (&self->pair, &info);
  self->have_out_info = FALSE;
  self->warm = 0;
  self->live = gst_vid_interp_is_live (self);
  return TRUE;
}

/* The caps with any frame rate. */
static GstCaps *
any_rate (GstCaps * caps)
{
  caps = gst_caps_make_writable (caps);
  gst_caps_set_simple (caps, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1,
      G_MAXINT, 1, NULL);
  return caps;
}

/* The rate that downstream wants, or the input's. */
static GstCaps *
choose_caps (GstVidInterp * self, GError ** error)
{
  g_autoptr (GstCaps) filter = any_rate (gst_caps_ref (self->in_caps));
  g_autoptr (GstCaps) allowed =
      gst_pad_peer_query_caps (gst_vid_interp_src_pad (self), filter);

  if (gst_caps_is_empty (allowed)) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
        "What follows %s does not take such frames at any rate: put "
        "videoconvert in between.", GST_OBJECT_NAME (self));
    return NULL;
  }

  allowed = gst_caps_make_writable (gst_caps_truncate (g_steal_pointer
          (&allowed)));
  gst_structure_fixate_field_nearest_fraction (gst_caps_get_structure
      (allowed, 0), "framerate", self->in_info.fps_n, self->in_info.fps_d);
  return gst_caps_fixate (g_steal_pointer (&allowed));
}

GstCaps *
gst_vid_interp_get_caps (GstSvdStage * stage, const GstSvdSettings * settings,
    GError ** error)
{
  GstVidInterp *self = GST_VID_INTERP (stage);
  gboolean reconfigure =
      gst_pad_check_reconfigure (gst_vid_interp_src_pad (self));
  g_autoptr (GstCaps) caps = NULL;

  if (self->have_out_info && !reconfigure)
    return gst_pad_get_current_caps (gst_vid_interp_src_pad (self));

  caps = choose_caps (self, error);
  if (caps == NULL)
    return NULL;

  gst_video_info_from_caps (&self->out_info, caps);
  self->have_out_info = TRUE;
  if (self->out_info.fps_n > 0)
    gst_svd_timeline_set_rate (&self->timeline, self->out_info.fps_n,
        self->out_info.fps_d);
  GST_INFO_OBJECT (self, "making %d/%d of %d/%d frames a second",
      self->out_info.fps_n, self->out_info.fps_d, self->in_info.fps_n,
      self->in_info.fps_d);
  return g_steal_pointer (&caps);
}

/* What one pad can do follows from the other's peer. */
gboolean
gst_vid_interp_answer_caps (GstVidInterp * self, GstPad * pad, GstQuery * query)
{
  GstPad *other = pad == gst_vid_interp_src_pad (self)
      ? gst_vid_interp_sink_pad (self) : gst_vid_interp_src_pad (self);
  g_autoptr (GstCaps) template = gst_pad_get_pad_template_caps (pad);
  g_autoptr (GstCaps) peer = NULL;
  g_autoptr (GstCaps) result = NULL;
  GstCaps *filter;

  peer = gst_pad_peer_query_caps (other, template);
  result = any_rate (g_steal_pointer (&peer));
  gst_query_parse_caps (query, &filter);
  if (filter != NULL) {
    GstCaps *filtered = gst_caps_intersect_full (filter, result,
        GST_CAPS_INTERSECT_FIRST);

    gst_caps_unref (result);
    result = filtered;
  }
  gst_query_set_caps_result (query, result);
  return TRUE;
}
