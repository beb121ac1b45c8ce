/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A checkpoint in the original layout of generative-models: all parts in
 * one file, no configuration beside it. What the tensors' shapes tell is
 * inferred; the rest is what every published checkpoint has.
 *
 *   model.diffusion_model.              the UNet
 *   first_stage_model.decoder.          the VAE's decoder
 *   conditioner.embedders.N.encoder.    the VAE's encoder with quant_conv
 *   conditioner.embedders.0.open_clip.model.visual.     CLIP
 *
 * Beside first_stage_model.decoder there is an encoder that conditioning
 * does not use, and beside embedders.N's encoder a decoder. */

#include <glib.h>
#include "key-map.h"
#include "svd-config.h"

G_BEGIN_DECLS

#define SVD_UNET_PREFIX "model.diffusion_model."
#define SVD_DECODER_PREFIX "first_stage_model."
#define SVD_CLIP_PREFIX "conditioner.embedders.0.open_clip.model.visual."

/* The tensor whose presence tells that a part is there. */
#define SVD_UNET_MARK SVD_UNET_PREFIX "input_blocks.0.0.weight"
#define SVD_DECODER_MARK SVD_DECODER_PREFIX "decoder.conv_in.weight"
/* The one that the image decoder lacks. */
#define SVD_TEMPORAL_MARK SVD_DECODER_PREFIX \
  "decoder.conv_out.time_mix_conv.weight"
#define SVD_CLIP_MARK SVD_CLIP_PREFIX "conv1.weight"

/* "conditioner.embedders.N.encoder." of the embedder that encodes the
 * picture: the one with a quant_conv (3 in SVD). NULL without one. */
char *svd_single_file_find_encoder (KilnSafetensors *file);

/* Where one block of the UNet's lists stands: the lists count through all
 * levels, and a level ends with its resampler. */
typedef struct {
  guint level;                  /* input: finest first; output: deepest first */
  guint layer;
  gboolean downsampler;         /* input: the block is one */
  guint upsampler;              /* output: its place in the block, or 0 */
} SvdPlace;

/* Block n of input_blocks is element n − 1 (block 0 is the first
 * convolution), block n of output_blocks element n. Not more than
 * SVD_MAX_LEVELS levels. */
GArray *svd_single_file_list_inputs (KilnSafetensors *file);
GArray *svd_single_file_list_outputs (KilnSafetensors *file);

/* The names' maps, onto diffusers' and transformers'. */
KilnKeyMap *svd_key_map_unet (KilnSafetensors *file);
KilnKeyMap *svd_key_map_vae (KilnSafetensors *file);
KilnKeyMap *svd_key_map_clip (KilnSafetensors *file);

/* The parts' configurations. Errors: KILN_ERROR_MODEL. */
gboolean svd_infer_unet (KilnSafetensors *file, SvdUnetConfig *config,
    GError **error);
gboolean svd_infer_vae (KilnSafetensors *file, SvdVaeConfig *config,
    GError **error);
gboolean svd_infer_clip (KilnSafetensors *file, SvdClipConfig *config,
    GError **error);

G_END_DECLS
