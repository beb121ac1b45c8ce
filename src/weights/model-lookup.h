/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* From what a user calls a model to its folder or file:
 *
 * - a path;
 * - a repository of Hugging Face, "stabilityai/stable-video-diffusion-img2vid";
 * - a short name, "svd", "svd-xt", "svd-xt-1-1", "svd-tiny", or that of a
 *   folder or file in one of the places below.
 *
 * A short name from this list is never a path; all else is one where it
 * exists. Names are looked for, in this order, in
 *
 * 1. Hugging Face's cache: $HF_HUB_CACHE, $HF_HOME/hub or
 *    ~/.cache/huggingface/hub, the snapshot of the branch "main";
 * 2. ComfyUI's checkpoints: $COMFYUI_MODEL_PATH/checkpoints and
 *    $COMFYUI_PATH/models/checkpoints;
 * 3. $XDG_DATA_HOME/gst-svd/models (~/.local/share/gst-svd/models);
 * 4. installed, the folder of the models that come with the library.
 *
 * model may be NULL or "", which is svd-tiny. Returns a path to be freed
 * with g_free(). Errors: G_FILE_ERROR_NOENT saying where it was looked for
 * and how to download it; KILN_ERROR_MODEL for a download that is incomplete,
 * naming what is missing. */
char *svd_model_lookup (const char *model, const char *installed,
    GError **error);

G_END_DECLS
