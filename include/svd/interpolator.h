/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <svd/device.h>

G_BEGIN_DECLS

/**
 * SvdPixelFormat: how the pixels of a frame lie in memory.
 * @SVD_PIXEL_FORMAT_RGB: 8 bits each, in this order, as in the next five
 * @SVD_PIXEL_FORMAT_BGR: likewise
 * @SVD_PIXEL_FORMAT_RGBX: the fourth byte is ignored, and 255 in results
 * @SVD_PIXEL_FORMAT_BGRX: likewise
 * @SVD_PIXEL_FORMAT_RGBA: with alpha, which is interpolated too
 * @SVD_PIXEL_FORMAT_BGRA: likewise
 * @SVD_PIXEL_FORMAT_I420: planes of Y, U and V, 8 bits, 4:2:0
 * @SVD_PIXEL_FORMAT_NV12: planes of Y and of U and V, 8 bits, 4:2:0
 * @SVD_PIXEL_FORMAT_YUY2: Y U Y V, 8 bits, 4:2:2
 * @SVD_PIXEL_FORMAT_I420_10LE: as I420, 10 bits in the lower ones of 16
 * @SVD_PIXEL_FORMAT_P010_10LE: as NV12, 10 bits in the upper ones of 16
 */
typedef enum {
  SVD_PIXEL_FORMAT_RGB,
  SVD_PIXEL_FORMAT_BGR,
  SVD_PIXEL_FORMAT_RGBX,
  SVD_PIXEL_FORMAT_BGRX,
  SVD_PIXEL_FORMAT_RGBA,
  SVD_PIXEL_FORMAT_BGRA,
  SVD_PIXEL_FORMAT_I420,
  SVD_PIXEL_FORMAT_NV12,
  SVD_PIXEL_FORMAT_YUY2,
  SVD_PIXEL_FORMAT_I420_10LE,
  SVD_PIXEL_FORMAT_P010_10LE,
} SvdPixelFormat;

/**
 * SvdVideoFormat: what is the same of all frames of a video.
 * @width: pixels
 * @height: pixels
 * @kr: share of red in luma (0.2126 in BT.709); ignored for RGB formats
 * @kb: share of blue in luma (0.0722 in BT.709); likewise
 * @full_range: black and white are 0 and the largest number, rather than
 *     16 and 235 of 255
 */
typedef struct {
  SvdPixelFormat format;
  guint width, height;
  gdouble kr, kb;
  gboolean full_range;
} SvdVideoFormat;

#define SVD_MAX_PLANES 3

/**
 * SvdVideoFrame: a view of a frame's pixels.
 * @planes: as many as the format has
 * @strides: bytes from row to row
 */
typedef struct {
  guint8 *planes[SVD_MAX_PLANES];
  gsize strides[SVD_MAX_PLANES];
} SvdVideoFrame;

/**
 * SvdInterpolation: how a frame between two others is made.
 * @SVD_INTERPOLATION_RIFE: by the network RIFE, version 4 or later
 * @SVD_INTERPOLATION_FLOW: by dense optical flow, without weights; a weighted
 *     mean where brightness or contrast changes by more than a tenth
 * @SVD_INTERPOLATION_BLEND: a weighted mean of the two
 */
typedef enum {
  SVD_INTERPOLATION_RIFE,
  SVD_INTERPOLATION_FLOW,
  SVD_INTERPOLATION_BLEND,
} SvdInterpolation;

/**
 * SvdInterpolator: two frames of a video on a device, and what makes others
 * between them.
 */
typedef struct _SvdInterpolator SvdInterpolator;

/**
 * svd_interpolator_new:
 * @model: (nullable): a folder with flownet.param and flownet.bin, as
 *     rife-ncnn-vulkan and its successors ship them; %NULL or "": the
 *     embedded RIFE 4.26. It is opened when first used.
 */
SVD_API SvdInterpolator *svd_interpolator_new (SvdDevice *device,
    const char *model, SvdPrecision precision);
SVD_API void svd_interpolator_free (SvdInterpolator *interpolator);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SvdInterpolator, svd_interpolator_free)

/**
 * svd_interpolator_check_model:
 * @model: (nullable): as in svd_interpolator_new()
 *
 * Whether there is such a network and it can be run: %SVD_ERROR_MODEL, or a
 * #GFileError, if not.
 */
SVD_API gboolean svd_interpolator_check_model (const char *model,
    GError **error);

/* The best method for the device: RIFE where there is a network; on software
 * devices, which take seconds a frame for it, optical flow. */
SVD_API SvdInterpolation svd_interpolator_get_best
    (SvdInterpolator *interpolator);

/**
 * svd_interpolator_set_format:
 *
 * Frames have this format from now on; those of another one are forgotten.
 *
 * Errors: %SVD_ERROR_SHAPE, %SVD_ERROR_OUT_OF_MEMORY.
 */
SVD_API gboolean svd_interpolator_set_format (SvdInterpolator *interpolator,
    const SvdVideoFormat *format, GCancellable *cancellable, GError **error);

/**
 * svd_interpolator_set_next:
 * @frame: is read only
 *
 * Copies the frame to the device as the later one of the two.
 */
SVD_API gboolean svd_interpolator_set_next (SvdInterpolator *interpolator,
    const SvdVideoFrame *frame, GCancellable *cancellable, GError **error);

/* The later frame becomes the earlier one. */
SVD_API gboolean svd_interpolator_advance (SvdInterpolator *interpolator,
    GError **error);

/**
 * SvdFrameDifference: how unlike the two frames are.
 * @largest: mean difference, 0…1, in the part that differs most of about a
 *     thousand: near 0 where one frame repeats the other
 * @scene: 0…1: how much of the one does not follow from the other by motion
 *     or another brightness: near 1 where they are of different scenes
 * @brightness: 0…1: how much brightness or contrast changes on the whole
 */
typedef struct {
  gdouble largest;
  gdouble scene;
  gdouble brightness;
} SvdFrameDifference;

/**
 * svd_interpolator_compare:
 * @difference: (out caller-allocates):
 */
SVD_API gboolean svd_interpolator_compare (SvdInterpolator *interpolator,
    SvdFrameDifference *difference, GCancellable *cancellable,
    GError **error);

/**
 * svd_interpolator_render:
 * @t: where between the earlier frame (0) and the later one (1)
 * @frame: (out caller-allocates): gets the pixels, of the two frames' format
 *
 * The first use of a method for a format takes longer.
 *
 * Errors: %SVD_ERROR_OUT_OF_MEMORY; those of svd_interpolator_check_model().
 */
SVD_API gboolean svd_interpolator_render (SvdInterpolator *interpolator,
    SvdInterpolation method, gdouble t, const SvdVideoFrame *frame,
    GCancellable *cancellable, GError **error);

G_END_DECLS
