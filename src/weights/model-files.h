/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "../graph/weight-source.h"
#include "svd-config.h"

G_BEGIN_DECLS

/* A Stable Video Diffusion checkpoint on disk, whatever its layout:
 *
 * - a folder as diffusers writes it: model_index.json, and unet/, vae/,
 *   image_encoder/, scheduler/, feature_extractor/ with their JSON
 *   configurations and safetensors files;
 * - one .safetensors file in the original layout of generative-models,
 *   whose architecture is inferred from the tensors.
 *
 * Configurations are read when it is opened, weights when they are asked
 * for: a stage needs only its own part's files. Any thread may use it. */
typedef struct _SvdModelFiles SvdModelFiles;

typedef enum {
  SVD_PART_IMAGE_ENCODER,       /* CLIPVisionModelWithProjection */
  SVD_PART_VAE,                 /* AutoencoderKLTemporalDecoder */
  SVD_PART_UNET,                /* UNetSpatioTemporalConditionModel */
} SvdPart;

/* Reads and checks every configuration that is there. Errors:
 * KILN_ERROR_MODEL saying what was looked for and what to do. */
SvdModelFiles *svd_model_files_open (const char *path, GError **error);

SvdModelFiles *svd_model_files_ref (SvdModelFiles *files);
void svd_model_files_unref (SvdModelFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SvdModelFiles, svd_model_files_unref)

const char *svd_model_files_get_path (SvdModelFiles *files);

/* NULL and an error where the checkpoint lacks that part's configuration.
 * What is returned belongs to files. */
const SvdClipConfig *svd_model_files_get_clip_config (SvdModelFiles *files,
    GError **error);
const SvdVaeConfig *svd_model_files_get_vae_config (SvdModelFiles *files,
    GError **error);
const SvdUnetConfig *svd_model_files_get_unet_config (SvdModelFiles *files,
    GError **error);
const SvdSchedulerConfig *svd_model_files_get_scheduler_config (
    SvdModelFiles *files, GError **error);

/* Never NULL: CLIP's values, and nothing recommended, where not given. */
const SvdPreprocessorConfig *svd_model_files_get_preprocessor_config (
    SvdModelFiles *files);
const SvdRecommended *svd_model_files_get_recommended (SvdModelFiles *files);

/* The part's weights under diffusers' names ("down_blocks.0.…"), mapped on
 * the first call. Where a folder has both the variant fp16 and full weights,
 * prefer_fp16 chooses. Belongs to files and lives as long. */
KilnWeightSource *svd_model_files_get_source (SvdModelFiles *files,
    SvdPart part, gboolean prefer_fp16, GError **error);

/* From now on the sources are random weights in the shapes that the
 * configurations ask for, and no file of weights is looked for. */
void svd_model_files_make_up_weights (SvdModelFiles *files);

/* "unet", "vae", "image_encoder": the part's folder and name in messages. */
const char *svd_part_get_name (SvdPart part);

G_END_DECLS
