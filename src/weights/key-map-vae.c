/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* generative-models' autoencoder → AutoencoderKLTemporalDecoder, or, with an
 * image decoder, AutoencoderKL. */

#include "single-file.h"

/* Of the encoder and of the decoder. */
static const KilnKeyRule ends[] = {
  {"conv_in", "conv_in"},
  {"norm_out", "conv_norm_out"},
  {"conv_out.time_mix_conv", "time_conv_out"},
  {"conv_out", "conv_out"},
  {NULL}
};

static const KilnKeyRule resnet[] = {
  {"norm1", "norm1"},
  {"conv1", "conv1"},
  {"norm2", "norm2"},
  {"conv2", "conv2"},
  {"nin_shortcut", "conv_shortcut"},
  {NULL}
};

static const KilnKeyRule temporal_resnet[] = {
  {"norm1", "spatial_res_block.norm1"},
  {"conv1", "spatial_res_block.conv1"},
  {"norm2", "spatial_res_block.norm2"},
  {"conv2", "spatial_res_block.conv2"},
  {"nin_shortcut", "spatial_res_block.conv_shortcut"},
  {"time_stack.in_layers.0", "temporal_res_block.norm1"},
  {"time_stack.in_layers.2", "temporal_res_block.conv1"},
  {"time_stack.out_layers.0", "temporal_res_block.norm2"},
  {"time_stack.out_layers.3", "temporal_res_block.conv2"},
  {"mix_factor", "time_mixer.mix_factor"},
  {NULL}
};

static const KilnKeyRule attention[] = {
  {"norm", "group_norm"},
  {"q", "to_q", KILN_KEY_MATRIX},
  {"k", "to_k", KILN_KEY_MATRIX},
  {"v", "to_v", KILN_KEY_MATRIX},
  {"proj_out", "to_out.0", KILN_KEY_MATRIX},
  {NULL}
};

/* One half of the autoencoder: its own name, and where it is in the file. */
typedef struct {
  KilnKeyMap *map;
  const char *from;             /* "first_stage_model.decoder" */
  const char *to;               /* "decoder" */
  const KilnKeyRule *resnet;
} Half;

static void
add (const Half *half, const char *from, const char *to,
    const KilnKeyRule *rules)
{
  g_autofree char *full_from = g_strconcat (half->from, from, NULL);
  g_autofree char *full_to = g_strconcat (half->to, to, NULL);

  kiln_key_map_add (half->map, full_from, full_to, rules);
}

/* ".down.1.block" → ".down_blocks.1.resnets", with all its members. */
static void
add_level (const Half *half, const char *direction, guint from, guint to)
{
  g_autofree char *sampler_from = g_strdup_printf (".%s.%u.%ssample",
      direction, from, direction);
  g_autofree char *sampler_to = g_strdup_printf (".%s_blocks.%u.%ssamplers.0",
      direction, to, direction);

  add (half, sampler_from, sampler_to, NULL);
  for (guint i = 0; i <= SVD_MAX_LAYERS; i++) {
    g_autofree char *block_from = g_strdup_printf (".%s.%u.block.%u",
        direction, from, i);
    g_autofree char *block_to = g_strdup_printf (".%s_blocks.%u.resnets.%u",
        direction, to, i);

    add (half, block_from, block_to, half->resnet);
  }
}

static void
add_middle (const Half *half)
{
  add (half, "", "", ends);
  add (half, ".mid.block_1", ".mid_block.resnets.0", half->resnet);
  add (half, ".mid.attn_1", ".mid_block.attentions.0", attention);
  add (half, ".mid.block_2", ".mid_block.resnets.1", half->resnet);
}

/* The encoder that conditioning uses, and the convolution after it. */
static void
add_encoder (KilnKeyMap *map, const char *prefix)
{
  g_autofree char *encoder = g_strconcat (prefix, "encoder", NULL);
  g_autofree char *quant_conv = g_strconcat (prefix, "quant_conv", NULL);
  const Half half = { map, encoder, "encoder", resnet };

  add_middle (&half);
  for (guint i = 0; i < SVD_MAX_LEVELS; i++)
    add_level (&half, "down", i, i);
  kiln_key_map_add (map, quant_conv, "quant_conv", NULL);
}

static guint
count_decoder_levels (KilnSafetensors *file)
{
  for (guint i = 0; i < SVD_MAX_LEVELS; i++) {
    g_autofree char *name = g_strdup_printf (SVD_DECODER_PREFIX
        "decoder.up.%u.block.0.norm1.weight", i);

    if (!kiln_safetensors_find (file, name))
      return i;
  }
  return SVD_MAX_LEVELS;
}

/* Up blocks are numbered as the encoder's, finest first, so they run from
 * the last to the first; diffusers numbers them as they run. */
static void
add_decoder (KilnKeyMap *map, KilnSafetensors *file)
{
  gboolean temporal = kiln_safetensors_find (file, SVD_TEMPORAL_MARK) != NULL;
  guint n_levels = count_decoder_levels (file);
  const Half half = { map, SVD_DECODER_PREFIX "decoder", "decoder",
    temporal ? temporal_resnet : resnet
  };

  add_middle (&half);
  for (guint i = 0; i < n_levels; i++)
    add_level (&half, "up", i, n_levels - 1 - i);
  if (!temporal)
    kiln_key_map_add (map, SVD_DECODER_PREFIX "post_quant_conv",
        "post_quant_conv", NULL);
}

KilnKeyMap *
svd_key_map_vae (KilnSafetensors *file)
{
  KilnKeyMap *map = kiln_key_map_new ();
  g_autofree char *encoder = svd_single_file_find_encoder (file);

  if (encoder)
    add_encoder (map, encoder);
  add_decoder (map, file);
  return map;
}
