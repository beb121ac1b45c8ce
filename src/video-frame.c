/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "video-frame.h"

#include <string.h>

static const KilnPixels layouts[] = {
  [SVD_PIXEL_FORMAT_RGB] = { KILN_PIXELS_PACKED, .channels = 3 },
  [SVD_PIXEL_FORMAT_BGR] = {
    KILN_PIXELS_PACKED, .channels = 3, .blue_first = TRUE
  },
  [SVD_PIXEL_FORMAT_RGBX] = { KILN_PIXELS_PACKED, .channels = 4 },
  [SVD_PIXEL_FORMAT_BGRX] = {
    KILN_PIXELS_PACKED, .channels = 4, .blue_first = TRUE
  },
  [SVD_PIXEL_FORMAT_RGBA] = {
    KILN_PIXELS_PACKED, .channels = 4, .alpha = TRUE
  },
  [SVD_PIXEL_FORMAT_BGRA] = {
    KILN_PIXELS_PACKED, .channels = 4, .blue_first = TRUE, .alpha = TRUE
  },
  [SVD_PIXEL_FORMAT_I420] = { KILN_PIXELS_PLANAR },
  [SVD_PIXEL_FORMAT_NV12] = { KILN_PIXELS_SEMIPLANAR },
  [SVD_PIXEL_FORMAT_YUY2] = { KILN_PIXELS_YUY2 },
  [SVD_PIXEL_FORMAT_I420_10LE] = { KILN_PIXELS_PLANAR, .sample_bytes = 2 },
  [SVD_PIXEL_FORMAT_P010_10LE] = {
    KILN_PIXELS_SEMIPLANAR, .sample_bytes = 2, .shift = 6
  },
};

gboolean
svd_video_format_to_pixels (const SvdVideoFormat *format, KilnPixels *pixels,
    GError **error)
{
  if ((guint) format->format >= G_N_ELEMENTS (layouts)) {
    g_set_error (error, SVD_ERROR, SVD_ERROR_ARGUMENT,
        "There is no pixel format %u; use one of SvdPixelFormat",
        format->format);
    return FALSE;
  }
  *pixels = layouts[format->format];
  pixels->width = format->width;
  pixels->height = format->height;
  pixels->sample_bytes = MAX (pixels->sample_bytes, 1);
  pixels->kr = format->kr;
  pixels->kb = format->kb;
  pixels->full_range = format->full_range;
  return TRUE;
}

void
svd_video_frame_load (const SvdVideoFrame *frame, const KilnPixels *pixels,
    guint8 *bytes)
{
  for (guint i = 0; i < kiln_pixels_n_planes (pixels); i++) {
    KilnPixelPlane plane = kiln_pixels_plane (pixels, i);

    for (guint32 row = 0; row < plane.rows; row++)
      memcpy (bytes + 4 * (plane.offset + (gsize) row * plane.stride),
          frame->planes[i] + row * frame->strides[i], plane.row_bytes);
  }
}

void
svd_video_frame_store (const SvdVideoFrame *frame, const KilnPixels *pixels,
    const guint8 *bytes)
{
  for (guint i = 0; i < kiln_pixels_n_planes (pixels); i++) {
    KilnPixelPlane plane = kiln_pixels_plane (pixels, i);

    for (guint32 row = 0; row < plane.rows; row++)
      memcpy (frame->planes[i] + row * frame->strides[i],
          bytes + 4 * (plane.offset + (gsize) row * plane.stride),
          plane.row_bytes);
  }
}
