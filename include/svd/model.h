/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <svd/api.h>

G_BEGIN_DECLS

#define SVD_TYPE_MODEL (svd_model_get_type ())

/**
 * SvdModel: a checkpoint's configs and mapped weight files, on no device
 * (reference-counted boxed type, thread-safe).
 */
typedef struct _SvdModel SvdModel;

SVD_API GType svd_model_get_type (void);

/**
 * svd_model_open:
 * @name: (nullable): one of
 *     - the path of a folder in diffusers' layout or of an original
 *       .safetensors file;
 *     - a repository of Hugging Face,
 *       "stabilityai/stable-video-diffusion-img2vid-xt";
 *     - a short name: "svd", "svd-xt", "svd-xt-1-1", "svd-tiny", or that of a
 *       folder or .safetensors file in one of the places below;
 *     - %NULL or "": the embedded svd-tiny
 *
 * Repositories and names are looked for in Hugging Face's cache
 * ($HF_HUB_CACHE, $HF_HOME/hub, ~/.cache/huggingface/hub), ComfyUI's
 * checkpoints ($COMFYUI_MODEL_PATH/checkpoints,
 * $COMFYUI_PATH/models/checkpoints), $XDG_DATA_HOME/gst-svd/models and the
 * installed models ($SVD_MODEL_PATH where that is set). Nothing is downloaded.
 *
 * Reads and checks the configs; weight files are opened by the stage that
 * needs them.
 *
 * Returns: (transfer full): the model, or %NULL: %SVD_ERROR_MODEL, or
 *     %G_FILE_ERROR_NOENT where there is none of that name, with the command
 *     that downloads it.
 */
SVD_API SvdModel *svd_model_open (const char *name, GError **error);
SVD_API SvdModel *svd_model_ref (SvdModel *model);
SVD_API void svd_model_unref (SvdModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SvdModel, svd_model_unref)

/* Where it was found. */
SVD_API const char *svd_model_get_path (SvdModel *model);

/**
 * SvdModelInfo:
 * @factor: pixels a latent position (8 in SVD); widths and heights are multiples
 * @latent_channels: channels of the latents (4 in SVD)
 * @embedding_size: numbers of the image embedding (1024 in SVD)
 *
 * The rest are the defaults for this model: what its recommended.json says
 * (of an original file: what generative-models samples it with), else its
 * configs, else diffusers' pipeline. @decode_chunk_size 0: all
 * frames at once.
 */
typedef struct {
  guint factor;
  guint latent_channels;
  guint embedding_size;

  guint width, height;
  guint num_frames;
  guint steps;
  gdouble min_guidance_scale, max_guidance_scale;
  guint fps;
  guint motion_bucket_id;
  gdouble noise_aug_strength;
  guint decode_chunk_size;
} SvdModelInfo;

SVD_API const SvdModelInfo *svd_model_get_info (SvdModel *model);

G_END_DECLS
