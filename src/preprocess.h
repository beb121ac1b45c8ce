/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stage.h"
#include "picture.h"

G_BEGIN_DECLS

/* What the networks see of a picture, as StableVideoDiffusionPipeline
 * prepares it, in fp32 on the device: CLIP's picture (antialiased bicubic,
 * normalized) and the autoencoder's (Pillow's Lanczos, in [−1, 1], noise
 * added). */
typedef struct {
  guint clip_size;              /* pixels a side */
  double mean[3], std[3];
  guint width, height;          /* of the clip */
} SvdPreprocess;

/* clip_pixels: fp32 1×clip_size×clip_size×3. vae_pixels: fp32
 * 1×height×width×3. noise: [3][height][width], scaled already; NULL: none. */
gboolean svd_preprocess (KilnDevice *device, const SvdPreprocess *params,
    const SvdFitted *picture, const float *noise, KilnBuffer *clip_pixels,
    KilnBuffer *vae_pixels, GCancellable *cancellable, GError **error);

/* What that takes for a picture of the clip's size. */
gboolean svd_preprocess_plan (const SvdPreprocess *params, KilnPlan *plan,
    GError **error);

G_END_DECLS
