/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <svd/interpolator.h>
#include "ops/pixels.h"

G_BEGIN_DECLS

/* The public format as the engine's. */
gboolean svd_video_format_to_pixels (const SvdVideoFormat *format,
    KilnPixels *pixels, GError **error);

/* Between the caller's planes and the engine's bytes. */
void svd_video_frame_load (const SvdVideoFrame *frame,
    const KilnPixels *pixels, guint8 *bytes);
void svd_video_frame_store (const SvdVideoFrame *frame,
    const KilnPixels *pixels, const guint8 *bytes);

G_END_DECLS
