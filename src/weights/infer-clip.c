/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "single-file.h"

#include <math.h>

#include "infer.h"

/* The published ViT-H/14 has heads 80 wide; 64 is open_clip's usual. */
static guint
infer_heads (KilnInference *inference, guint width)
{
  if (width % 80 == 0)
    return width / 80;
  if (width % 64 == 0)
    return width / 64;
  kiln_infer_fail (inference, "how many attention heads CLIP's %u channels "
      "are for is not known", width);
  return 1;
}

/* Pixels a side: the position embedding has one row a patch of a square
 * picture and one for the class. */
static guint
infer_image_size (KilnInference *inference, guint patch_size)
{
  guint n_patches = kiln_infer_extent (inference, 0, "positional_embedding")
      - 1;
  guint side = (guint) lround (sqrt (n_patches));

  if (side == 0 || side * side != n_patches)
    kiln_infer_fail (inference, "CLIP's position embedding is for %u patches, "
        "which is no square", n_patches);
  return side * patch_size;
}

gboolean
svd_infer_clip (KilnSafetensors *file, SvdClipConfig *config, GError **error)
{
  KilnInference inference = { file, SVD_CLIP_PREFIX };

  config->hidden_size = kiln_infer_extent (&inference, 0, "conv1.weight");
  config->num_channels = kiln_infer_extent (&inference, 1, "conv1.weight");
  config->patch_size = kiln_infer_extent (&inference, 2, "conv1.weight");
  config->image_size = infer_image_size (&inference, config->patch_size);
  config->num_hidden_layers = kiln_infer_count (&inference, 512,
      ".ln_1.weight", "transformer.resblocks.");
  config->intermediate_size = kiln_infer_extent (&inference, 0,
      "transformer.resblocks.0.mlp.c_fc.weight");
  config->projection_dim = kiln_infer_extent (&inference, 1, "proj");
  config->num_attention_heads = infer_heads (&inference,
      config->hidden_size);
  config->layer_norm_eps = 1e-5;
  config->hidden_act = SVD_ACTIVATION_GELU;
  if (config->num_channels != 3)
    kiln_infer_fail (&inference, "CLIP wants pictures of %u channels, not 3",
        config->num_channels);
  return kiln_infer_finish (&inference, error)
      && svd_clip_config_check (config, kiln_safetensors_get_path (file),
      error);
}
