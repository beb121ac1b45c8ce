/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "config-reader.h"

G_BEGIN_DECLS

/* The configurations of Stable Video Diffusion's parts. Fields have
 * diffusers' names (0.42.1) and, where a file leaves a key out, diffusers'
 * defaults; what diffusers hard-codes (epsilons, group counts) is a field
 * too, so that models of other origin can set it. */

#define SVD_MAX_LEVELS 8
#define SVD_MAX_LAYERS 64       /* resnets a level, transformers' depth */

typedef enum {
  SVD_ACTIVATION_GELU,          /* exact, with erf */
  SVD_ACTIVATION_QUICK_GELU,    /* x · sigmoid(1.702 x) */
} SvdActivation;

/* transformers' CLIPVisionConfig */
typedef struct {
  guint hidden_size;
  guint intermediate_size;
  guint num_hidden_layers;
  guint num_attention_heads;    /* divides hidden_size */
  guint num_channels;           /* 3 */
  guint image_size;             /* pixels a side; pictures are resized to it */
  guint patch_size;             /* pixels a side, at most image_size */
  guint projection_dim;         /* width of the image embedding */
  double layer_norm_eps;
  SvdActivation hidden_act;
} SvdClipConfig;

/* diffusers' AutoencoderKLTemporalDecoder */
typedef struct {
  guint in_channels, out_channels;      /* both 3: pictures are RGB */
  guint latent_channels;
  guint n_blocks;                       /* levels: 1 … SVD_MAX_LEVELS */
  guint block_out_channels[SVD_MAX_LEVELS];
  guint layers_per_block;               /* encoder; the decoder has one more */
  guint sample_size;                    /* pixels; 0: not told */
  double scaling_factor;        /* sampler's latents = this × decoder's */
  gboolean force_upcast;                /* diffusers runs it in fp32 */

  guint factor;                         /* pixels a latent: 2^(n_blocks − 1) */
  guint norm_num_groups;                /* 32 */
  double resnet_eps;                    /* spatial norms: 1e-6 */
  double temporal_eps;                  /* temporal resnets' norms: 1e-5 */
  gboolean temporal_decoder;            /* FALSE: the 2-D image decoder */
  gboolean post_quant_conv;             /* only with an image decoder */
} SvdVaeConfig;

/* diffusers' UNetSpatioTemporalConditionModel. Arrays over levels are in
 * the down path's order, finest first; the level of up block i is
 * n_blocks − 1 − i. Only up_block_cross and resnet_eps_up are indexed by
 * up block. Up blocks have layers_per_block[level] + 1 resnets. The middle
 * block is built from the last level's values. */
typedef struct {
  guint in_channels;                    /* latents and the picture's latents */
  guint out_channels;
  guint n_blocks;                       /* levels: 1 … SVD_MAX_LEVELS */
  guint block_out_channels[SVD_MAX_LEVELS];
  gboolean down_block_cross[SVD_MAX_LEVELS];    /* has transformers */
  gboolean up_block_cross[SVD_MAX_LEVELS];
  guint layers_per_block[SVD_MAX_LEVELS];
  guint transformer_layers_per_block[SVD_MAX_LEVELS];
  guint num_attention_heads[SVD_MAX_LEVELS];    /* divides the level's width */
  guint cross_attention_dim[SVD_MAX_LEVELS];
  guint addition_time_embed_dim;        /* width of one id's sinusoid, even */
  guint projection_class_embeddings_input_dim;  /* 3 × that */
  guint num_frames;                     /* 0: not told by the checkpoint */
  guint sample_size;                    /* latents; 0: not told */

  guint norm_num_groups;        /* 32 */
  double resnet_eps_down[SVD_MAX_LEVELS];       /* attending 1e-6, else 1e-5 */
  double resnet_eps_mid;                        /* 1e-5 */
  double resnet_eps_up[SVD_MAX_LEVELS];         /* 1e-6 */
  double conv_norm_out_eps;                     /* 1e-5 */
  double transformer_norm_eps;                  /* the group norm: 1e-6 */
  double layer_norm_eps;                        /* 1e-5 */
} SvdUnetConfig;

/* diffusers' EulerDiscreteScheduler as SVD uses it: v-prediction, Karras
 * sigmas, continuous timesteps, a final sigma of 0. Anything else is
 * refused. */
typedef struct {
  double sigma_min, sigma_max;
  double rho;                   /* 7 */
  /* Start from noise × sqrt(sigma_max² + 1) ("leading" timestep spacing,
   * all SVD checkpoints) or × sigma_max ("linspace" and "trailing"). */
  gboolean leading_spacing;
} SvdSchedulerConfig;

/* transformers' CLIPImageProcessor, as far as the SVD pipeline uses it: it
 * resizes by itself and leaves only the normalization to the processor. */
typedef struct {
  double image_mean[3], image_std[3];   /* of RGB in [0, 1] */
} SvdPreprocessorConfig;

/* What a model recommends (recommended.json beside model_index.json). All
 * keys are optional: unset counts are −1, unset reals are NAN. */
typedef struct {
  int width, height;            /* pixels */
  int num_frames;
  int steps;
  int motion_bucket_id;
  int decode_chunk_size;        /* frames */
  double fps;
  double min_guidance_scale, max_guidance_scale;
  double noise_aug_strength;
} SvdRecommended;

/* Each reads one configuration (the reader stays the caller's) and checks
 * it by itself. Errors: KILN_ERROR_MODEL naming file, key and fault. */
gboolean svd_clip_config_read (SvdClipConfig *config,
    KilnConfigReader *reader, GError **error);
gboolean svd_vae_config_read (SvdVaeConfig *config,
    KilnConfigReader *reader, GError **error);
gboolean svd_unet_config_read (SvdUnetConfig *config,
    KilnConfigReader *reader, GError **error);
gboolean svd_scheduler_config_read (SvdSchedulerConfig *config,
    KilnConfigReader *reader, GError **error);
gboolean svd_preprocessor_config_read (SvdPreprocessorConfig *config,
    KilnConfigReader *reader, GError **error);
gboolean svd_recommended_read (SvdRecommended *recommended,
    KilnConfigReader *reader, GError **error);

/* The published values, for checkpoints that come without the file. */
void svd_scheduler_config_init (SvdSchedulerConfig *config);
void svd_preprocessor_config_init (SvdPreprocessorConfig *config);
/* Everything unset. */
void svd_recommended_init (SvdRecommended *recommended);

/* What diffusers hard-codes in SvdVaeConfig and SvdUnetConfig, from the
 * fields that are read. */
void svd_vae_config_derive (SvdVaeConfig *config);
void svd_unet_config_derive (SvdUnetConfig *config);

/* Whether a part's values fit together, read or inferred; label is what it
 * comes from. Errors: KILN_ERROR_MODEL. */
gboolean svd_clip_config_check (const SvdClipConfig *config,
    const char *label, GError **error);
gboolean svd_vae_config_check (const SvdVaeConfig *config,
    const char *label, GError **error);
gboolean svd_unet_config_check (const SvdUnetConfig *config,
    const char *label, GError **error);

/* Whether the parts fit together; parts that are NULL are not looked at.
 * label is the model's path. Errors: KILN_ERROR_MODEL. */
gboolean svd_configs_agree (const char *label, const SvdClipConfig *clip,
    const SvdVaeConfig *vae, const SvdUnetConfig *unet, GError **error);

G_END_DECLS
