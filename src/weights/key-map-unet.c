/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VideoUNet of generative-models → UNetSpatioTemporalConditionModel. */

#include "single-file.h"

static const KilnKeyRule top[] = {
  {"time_embed.0", "time_embedding.linear_1"},
  {"time_embed.2", "time_embedding.linear_2"},
  {"label_emb.0.0", "add_embedding.linear_1"},
  {"label_emb.0.2", "add_embedding.linear_2"},
  {"input_blocks.0.0", "conv_in"},
  {"out.0", "conv_norm_out"},
  {"out.2", "conv_out"},
  {NULL}
};

static const KilnKeyRule resnet[] = {
  {"in_layers.0", "spatial_res_block.norm1"},
  {"in_layers.2", "spatial_res_block.conv1"},
  {"emb_layers.1", "spatial_res_block.time_emb_proj"},
  {"out_layers.0", "spatial_res_block.norm2"},
  {"out_layers.3", "spatial_res_block.conv2"},
  {"skip_connection", "spatial_res_block.conv_shortcut"},
  {"time_stack.in_layers.0", "temporal_res_block.norm1"},
  {"time_stack.in_layers.2", "temporal_res_block.conv1"},
  {"time_stack.emb_layers.1", "temporal_res_block.time_emb_proj"},
  {"time_stack.out_layers.0", "temporal_res_block.norm2"},
  {"time_stack.out_layers.3", "temporal_res_block.conv2"},
  {"time_mixer", "time_mixer"},
  {NULL}
};

static const KilnKeyRule transformer[] = {
  {"norm", "norm"},
  {"proj_in", "proj_in", KILN_KEY_MATRIX},
  {"proj_out", "proj_out", KILN_KEY_MATRIX},
  {"transformer_blocks", "transformer_blocks"},
  {"time_stack", "temporal_transformer_blocks"},
  {"time_pos_embed.0", "time_pos_embed.linear_1"},
  {"time_pos_embed.2", "time_pos_embed.linear_2"},
  {"time_mixer", "time_mixer"},
  {NULL}
};

static const struct {
  const char *from, *to;
  const KilnKeyRule *rules;
} middle[] = {
  {"middle_block.0", "mid_block.resnets.0", resnet},
  {"middle_block.1", "mid_block.attentions.0", transformer},
  {"middle_block.2", "mid_block.resnets.1", resnet},
};

/* One part of block n: "<list>.n.part" → "<blocks>.level.kind.layer". */
static void
add_part (KilnKeyMap *map, const char *list, guint n, const char *part,
    const char *blocks, guint level, const char *kind, guint layer,
    const KilnKeyRule *rules)
{
  g_autofree char *from = g_strdup_printf (SVD_UNET_PREFIX "%s.%u.%s", list,
      n, part);
  g_autofree char *to = g_strdup_printf ("%s.%u.%s.%u", blocks, level, kind,
      layer);

  kiln_key_map_add (map, from, to, rules);
}

static void
add_input (KilnKeyMap *map, guint n, const SvdPlace *place)
{
  static const KilnKeyRule op[] = { {"op", "conv"}, {NULL} };

  if (place->downsampler) {
    add_part (map, "input_blocks", n, "0", "down_blocks", place->level,
        "downsamplers", 0, op);
    return;
  }
  add_part (map, "input_blocks", n, "0", "down_blocks", place->level,
      "resnets", place->layer, resnet);
  add_part (map, "input_blocks", n, "1", "down_blocks", place->level,
      "attentions", place->layer, transformer);
}

static void
add_output (KilnKeyMap *map, guint n, const SvdPlace *place)
{
  add_part (map, "output_blocks", n, "0", "up_blocks", place->level,
      "resnets", place->layer, resnet);
  if (place->upsampler != 1)
    add_part (map, "output_blocks", n, "1", "up_blocks", place->level,
        "attentions", place->layer, transformer);
  if (place->upsampler != 0)
    add_part (map, "output_blocks", n, place->upsampler == 1 ? "1" : "2",
        "up_blocks", place->level, "upsamplers", 0, NULL);
}

KilnKeyMap *
svd_key_map_unet (KilnSafetensors *file)
{
  g_autoptr (GArray) inputs = svd_single_file_list_inputs (file);
  g_autoptr (GArray) outputs = svd_single_file_list_outputs (file);
  KilnKeyMap *map = kiln_key_map_new ();

  kiln_key_map_add (map, "model.diffusion_model", "", top);
  for (guint i = 0; i < G_N_ELEMENTS (middle); i++) {
    g_autofree char *from = g_strconcat (SVD_UNET_PREFIX, middle[i].from,
        NULL);

    kiln_key_map_add (map, from, middle[i].to, middle[i].rules);
  }
  for (guint i = 0; i < inputs->len; i++)
    add_input (map, i + 1, &g_array_index (inputs, SvdPlace, i));
  for (guint i = 0; i < outputs->len; i++)
    add_output (map, i, &g_array_index (outputs, SvdPlace, i));
  return map;
}
