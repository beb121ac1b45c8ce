/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* open_clip's VisionTransformer → CLIPVisionModelWithProjection of
 * transformers. The text tower and logit_scale beside it are left out. */

#include "single-file.h"

static const KilnKeyRule top[] = {
  {"class_embedding", "vision_model.embeddings.class_embedding"},
  {"positional_embedding", "vision_model.embeddings.position_embedding.weight"},
  {"conv1", "vision_model.embeddings.patch_embedding"},
  {"ln_pre", "vision_model.pre_layrnorm"},      /* as transformers spells it */
  {"ln_post", "vision_model.post_layernorm"},
  {"proj", "visual_projection.weight", KILN_KEY_TRANSPOSED},
  {NULL}
};

static const KilnKeyRule layer[] = {
  {"ln_1", "layer_norm1"},
  {"attn.in_proj_weight", "self_attn.{q,k,v}_proj.weight", KILN_KEY_SPLIT},
  {"attn.in_proj_bias", "self_attn.{q,k,v}_proj.bias", KILN_KEY_SPLIT},
  {"attn.out_proj", "self_attn.out_proj"},
  {"ln_2", "layer_norm2"},
  {"mlp.c_fc", "mlp.fc1"},
  {"mlp.c_proj", "mlp.fc2"},
  {NULL}
};

static gboolean
has_layer (KilnSafetensors *file, guint n)
{
  g_autofree char *name = g_strdup_printf (SVD_CLIP_PREFIX
      "transformer.resblocks.%u.ln_1.weight", n);

  return kiln_safetensors_find (file, name) != NULL;
}

KilnKeyMap *
svd_key_map_clip (KilnSafetensors *file)
{
  KilnKeyMap *map = kiln_key_map_new ();

  kiln_key_map_add (map, "conditioner.embedders.0.open_clip.model.visual", "",
      top);
  for (guint i = 0; has_layer (file, i); i++) {
    g_autofree char *from = g_strdup_printf (SVD_CLIP_PREFIX
        "transformer.resblocks.%u", i);
    g_autofree char *to = g_strdup_printf ("vision_model.encoder.layers.%u",
        i);

    kiln_key_map_add (map, from, to, layer);
  }
  return map;
}
