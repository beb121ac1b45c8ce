/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstvidinterppair.h"

static const struct
{
  GstVideoFormat gst;
  SvdPixelFormat svd;
} formats[] = {
  {GST_VIDEO_FORMAT_RGB, SVD_PIXEL_FORMAT_RGB},
  {GST_VIDEO_FORMAT_BGR, SVD_PIXEL_FORMAT_BGR},
  {GST_VIDEO_FORMAT_RGBx, SVD_PIXEL_FORMAT_RGBX},
  {GST_VIDEO_FORMAT_BGRx, SVD_PIXEL_FORMAT_BGRX},
  {GST_VIDEO_FORMAT_RGBA, SVD_PIXEL_FORMAT_RGBA},
  {GST_VIDEO_FORMAT_BGRA, SVD_PIXEL_FORMAT_BGRA},
  {GST_VIDEO_FORMAT_I420, SVD_PIXEL_FORMAT_I420},
  {GST_VIDEO_FORMAT_NV12, SVD_PIXEL_FORMAT_NV12},
  {GST_VIDEO_FORMAT_YUY2, SVD_PIXEL_FORMAT_YUY2},
  {GST_VIDEO_FORMAT_I420_10LE, SVD_PIXEL_FORMAT_I420_10LE},
  {GST_VIDEO_FORMAT_P010_10LE, SVD_PIXEL_FORMAT_P010_10LE},
};

void
gst_vid_interp_pair_set_interpolator (GstVidInterpPair * self,
    SvdInterpolator * interpolator)
{
  self->interpolator = interpolator;
  self->previous = self->next = 0;
}

void
gst_vid_interp_pair_set_info (GstVidInterpPair * self,
    const GstVideoInfo * info)
{
  SvdVideoFormat *format = &self->format;

  self->info = *info;
  self->previous = self->next = 0;
  *format = (SvdVideoFormat) {
    .width = GST_VIDEO_INFO_WIDTH (info),
    .height = GST_VIDEO_INFO_HEIGHT (info),
    .full_range = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255,
  };
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i].gst == GST_VIDEO_INFO_FORMAT (info))
      format->format = formats[i].svd;
  if (!gst_video_color_matrix_get_Kr_Kb (info->colorimetry.matrix,
          &format->kr, &format->kb))
    gst_video_color_matrix_get_Kr_Kb (GST_VIDEO_COLOR_MATRIX_BT601,
        &format->kr, &format->kb);
}

SvdVideoFrame
gst_vid_interp_view_frame (GstVideoFrame * frame)
{
  SvdVideoFrame view = { {NULL,}, };

  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES (frame); i++) {
    view.planes[i] = GST_VIDEO_FRAME_PLANE_DATA (frame, i);
    view.strides[i] = GST_VIDEO_FRAME_PLANE_STRIDE (frame, i);
  }
  return view;
}

static gboolean
map (GstVidInterpPair * self, GstVideoFrame * frame, GstBuffer * buffer,
    GstMapFlags flags, GError ** error)
{
  if (gst_video_frame_map (frame, &self->info, buffer, flags))
    return TRUE;

  g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
      "A frame of %" G_GSIZE_FORMAT " bytes is not what its caps say, %d x %d "
      "in %s: correct the caps in front.", gst_buffer_get_size (buffer),
      GST_VIDEO_INFO_WIDTH (&self->info), GST_VIDEO_INFO_HEIGHT (&self->info),
      GST_VIDEO_INFO_NAME (&self->info));
  return FALSE;
}

static gboolean
set_next (GstVidInterpPair * self, const GstVidInterpFrame * frame,
    GCancellable * cancellable, GError ** error)
{
  GstVideoFrame mapped;
  SvdVideoFrame view;
  gboolean ok;

  if (self->next == frame->serial)
    return TRUE;
  if (!svd_interpolator_set_format (self->interpolator, &self->format,
          cancellable, error)
      || !map (self, &mapped, frame->buffer, GST_MAP_READ, error))
    return FALSE;

  view = gst_vid_interp_view_frame (&mapped);
  ok = svd_interpolator_set_next (self->interpolator, &view, cancellable,
      error);
  gst_video_frame_unmap (&mapped);
  self->next = ok ? frame->serial : 0;
  return ok;
}

gboolean
gst_vid_interp_pair_advance (GstVidInterpPair * self,
    const GstVidInterpFrame * next, GError ** error)
{
  if (self->next != next->serial)
    return TRUE;

  if (!svd_interpolator_advance (self->interpolator, error))
    return FALSE;
  self->previous = next->serial;
  return TRUE;
}

gboolean
gst_vid_interp_pair_load (GstVidInterpPair * self,
    const GstVidInterpFrame * previous, const GstVidInterpFrame * next,
    GCancellable * cancellable, GError ** error)
{
  if (self->previous != previous->serial
      && (!set_next (self, previous, cancellable, error)
          || !gst_vid_interp_pair_advance (self, previous, error)))
    return FALSE;
  return set_next (self, next, cancellable, error);
}

GstBuffer *
gst_vid_interp_pair_render (GstVidInterpPair * self, SvdInterpolation method,
    gdouble t, GCancellable * cancellable, GError ** error)
{
  g_autoptr (GstBuffer) buffer = gst_buffer_new_allocate (NULL,
      GST_VIDEO_INFO_SIZE (&self->info), NULL);
  GstVideoFrame mapped;
  SvdVideoFrame view;
  gboolean ok;

  if (!map (self, &mapped, buffer, GST_MAP_WRITE, error))
    return NULL;

  view = gst_vid_interp_view_frame (&mapped);
  ok = svd_interpolator_render (self->interpolator, method, t, &view,
      cancellable, error);
  gst_video_frame_unmap (&mapped);
  return ok ? g_steal_pointer (&buffer) : NULL;
}
