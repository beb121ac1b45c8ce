/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <svd/encoder.h>

G_BEGIN_DECLS

/**
 * SvdLatents: a clip before decoding, as diffusers' output_type="latent".
 */
typedef struct {
  guint width, height, channels, frames;
  float *data;                  /* [frames][channels][height][width] */
} SvdLatents;

SVD_API void svd_latents_clear (SvdLatents *latents);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SvdLatents, svd_latents_clear)

/**
 * SvdSampleParams: negative or 0 where it says so: the model's default.
 * @num_frames: 1…1024; 0: default
 * @steps: 1…1000; 0: default
 * @fps: 1…1000 frames a second of the clip; 0: default
 * @motion_bucket_id: 0…1023, how much moves; −1: default
 * @min_guidance_scale: of the first frame; negative: default
 * @max_guidance_scale: of the last frame; negative: default; guidance is off
 *     (half the work) where it is not above 1
 * @seed: of the noise; the numbers that the encoder has drawn with the same
 *     seed for a picture of this size are skipped, so that the same seed on
 *     both repeats a diffusers result
 */
typedef struct {
  guint num_frames;
  guint steps;
  guint fps;
  gint motion_bucket_id;
  gdouble min_guidance_scale, max_guidance_scale;
  guint64 seed;
} SvdSampleParams;

typedef struct _SvdSampler SvdSampler;

/* Loads the UNet's weights. */
SVD_API SvdSampler *svd_sampler_new (SvdDevice *device, SvdModel *model,
    SvdPrecision precision, GCancellable *cancellable, GError **error);
SVD_API void svd_sampler_free (SvdSampler *sampler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SvdSampler, svd_sampler_free)

/**
 * svd_sampler_sample:
 * @progress: (nullable): called with phase "sample" before the first and
 *     after every step
 * @latents: (out caller-allocates): cleared by the caller
 */
SVD_API gboolean svd_sampler_sample (SvdSampler *sampler,
    const SvdConditioning *conditioning, const SvdSampleParams *params,
    SvdProgress progress, gpointer user_data, SvdLatents *latents,
    GCancellable *cancellable, GError **error);

G_END_DECLS
