/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <svd/device.h>
#include <svd/model.h>

G_BEGIN_DECLS

/**
 * SvdPicture: a view of 8-bit sRGB pixels, 4 bytes each: R, G, B and one
 * that is ignored.
 */
typedef struct {
  guint width, height;          /* pixels */
  gsize stride;                 /* bytes a row */
  const guint8 *pixels;
} SvdPicture;

/**
 * SvdConditioning: what the sampler needs to know of a picture.
 *
 * All memory belongs to the struct and is freed by svd_conditioning_clear().
 */
typedef struct {
  guint width, height, channels;/* of the latents: pixels / factor */
  float *image_latents;         /* [channels][height][width], posterior mode, not scaled */
  guint embedding_size;
  float *image_embedding;       /* [embedding_size] */
  float noise_aug_strength;
} SvdConditioning;

SVD_API void svd_conditioning_clear (SvdConditioning *conditioning);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SvdConditioning, svd_conditioning_clear)

/**
 * SvdFit: how a picture of another aspect ratio becomes width × height.
 * @SVD_FIT_CROP: cut what is too much, centred
 * @SVD_FIT_PAD: add black borders, centred
 * @SVD_FIT_STRETCH: change the aspect ratio, as diffusers does
 */
typedef enum {
  SVD_FIT_CROP,
  SVD_FIT_PAD,
  SVD_FIT_STRETCH,
} SvdFit;

/**
 * SvdEncodeParams:
 * @width: pixels of the clip, a multiple of the model's factor; 0: the model's
 * @height: likewise
 * @noise_aug_strength: 0…10, noise added to the picture before encoding;
 *     negative: the model's default
 * @seed: of the noise, as torch.Generator("cpu").manual_seed()
 */
typedef struct {
  guint width, height;
  SvdFit fit;
  gdouble noise_aug_strength;
  guint64 seed;
} SvdEncodeParams;

typedef struct _SvdEncoder SvdEncoder;

/* Loads the image encoder's and the autoencoder's weights. options
 * (nullable): the defaults. progress (nullable) is told of phase "load", in
 * bytes. */
SVD_API SvdEncoder *svd_encoder_new (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, SvdProgress progress, gpointer user_data,
    GCancellable *cancellable, GError **error);
/* Whether svd_encoder_new() will find all weights: opens their files and
 * looks for each tensor, but reads none. %SVD_ERROR_MODEL if not. */
SVD_API gboolean svd_encoder_check (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, GError **error);
SVD_API void svd_encoder_free (SvdEncoder *encoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SvdEncoder, svd_encoder_free)

/**
 * svd_encoder_encode:
 * @conditioning: (out caller-allocates): cleared by the caller
 *
 * Errors: %SVD_ERROR_SHAPE for sizes that the model cannot do (the message
 * names the nearest that it can).
 */
SVD_API gboolean svd_encoder_encode (SvdEncoder *encoder,
    const SvdPicture *picture, const SvdEncodeParams *params,
    SvdConditioning *conditioning, GCancellable *cancellable, GError **error);

/* Whether a clip of this size can be made: %SVD_ERROR_SHAPE if not. */
SVD_API gboolean svd_model_check_size (SvdModel *model, guint width,
    guint height, GError **error);

G_END_DECLS
