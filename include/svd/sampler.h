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
 * SvdGuidance: how strong classifier-free guidance is in frame i of n.
 * @SVD_GUIDANCE_LINEAR: min + (max − min) · i / (n − 1), as SVD was
 *     published (generative-models' LinearPredictionGuider, diffusers)
 * @SVD_GUIDANCE_TRIANGULAR: min + (max − min) · (1 − |1 − 2 i / (n − 1)|),
 *     min at both ends, max in the middle, for clips that return to where
 *     they began (SV3D's TrianglePredictionGuider in generative-models)
 * @SVD_GUIDANCE_CONSTANT: max in every frame
 */
typedef enum {
  SVD_GUIDANCE_LINEAR,
  SVD_GUIDANCE_TRIANGULAR,
  SVD_GUIDANCE_CONSTANT,
} SvdGuidance;

/**
 * SvdSampleParams: negative or 0 where it says so: the model's default.
 * @num_frames: 1…1024; 0: default
 * @steps: 1…1000; 0: default, which is n_sigmas − 1 where sigmas are given
 * @sigmas: (nullable) (array length=n_sigmas): noise levels instead of the
 *     model's schedule, as diffusers' pipeline takes them: one step leads
 *     from each to the next, none is appended. They descend and are
 *     positive, but the last may be 0. Align Your Steps' ten for SVD: 700,
 *     54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002
 * @n_sigmas: 2…1001; 0: the model's schedule
 * @fps: 1…1000 frames a second of the clip; 0: default
 * @motion_bucket_id: 0…1023, how much moves; −1: default
 * @guidance: how the scale goes from the smallest to the largest
 * @min_guidance_scale: the smallest; negative: default
 * @max_guidance_scale: the largest; negative: default. Where no frame's
 *     scale is above 1, guidance is off and the unconditional pass is left
 *     out (half the work)
 * @seed: of the noise; the numbers that the encoder has drawn with the same
 *     seed for a picture of this size are skipped, so that the same seed on
 *     both repeats a diffusers result
 */
typedef struct {
  guint num_frames;
  guint steps;
  const gdouble *sigmas;
  guint n_sigmas;
  guint fps;
  gint motion_bucket_id;
  SvdGuidance guidance;
  gdouble min_guidance_scale, max_guidance_scale;
  guint64 seed;
} SvdSampleParams;

/* Whether each number is within its limits and the sigmas descend:
 * %SVD_ERROR_ARGUMENT if not. */
SVD_API gboolean svd_sample_params_check (const SvdSampleParams *params,
    GError **error);

typedef struct _SvdSampler SvdSampler;

/* Loads the UNet's weights. options (nullable): the defaults. progress
 * (nullable) is told of phase "load", in bytes. */
SVD_API SvdSampler *svd_sampler_new (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, SvdProgress progress, gpointer user_data,
    GCancellable *cancellable, GError **error);
/* Likewise svd_encoder_check(). */
SVD_API gboolean svd_sampler_check (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, GError **error);
SVD_API void svd_sampler_free (SvdSampler *sampler);

/* Bytes of weights that stay in host memory, because the device has no room
 * for them beside the size sampled last, and are copied to it in every pass
 * of the UNet, which takes longer. 0: all are on the device. */
SVD_API guint64 svd_sampler_get_streamed (SvdSampler *sampler);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SvdSampler, svd_sampler_free)

/**
 * svd_sampler_sample:
 * @progress: (nullable): called with phase "sample" before the first and
 *     after every step, and before with phase "load" where another size needs
 *     weights in other places
 * @latents: (out caller-allocates): cleared by the caller
 */
SVD_API gboolean svd_sampler_sample (SvdSampler *sampler,
    const SvdConditioning *conditioning, const SvdSampleParams *params,
    SvdProgress progress, gpointer user_data, SvdLatents *latents,
    GCancellable *cancellable, GError **error);

G_END_DECLS
