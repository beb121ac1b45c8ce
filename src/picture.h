/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <svd/encoder.h>

G_BEGIN_DECLS

/* A picture fitted to an aspect ratio: pixels of 4 bytes, the fourth zero. */
typedef struct {
  guint width, height;
  guint8 *pixels;
} SvdFitted;

/* Crops or pads to width : height (the scale stays). Errors:
 * SVD_ERROR_SHAPE for empty pictures, SVD_ERROR_OUT_OF_MEMORY. */
gboolean svd_picture_fit (const SvdPicture *picture, SvdFit fit,
    guint width, guint height, SvdFitted *fitted, GError **error);
void svd_fitted_clear (SvdFitted *fitted);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SvdFitted, svd_fitted_clear)

G_END_DECLS
