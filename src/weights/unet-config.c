/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "svd-config.h"

#include <string.h>

#include "fault.h"

/* diffusers' defaults for UNetSpatioTemporalConditionModel. Those of the
 * arrays are for four levels. */
static const SvdUnetConfig defaults = {
  .in_channels = 8,
  .out_channels = 4,
  .n_blocks = 4,
  .block_out_channels = {320, 640, 1280, 1280},
  .down_block_cross = {TRUE, TRUE, TRUE, FALSE},
  .up_block_cross = {FALSE, TRUE, TRUE, TRUE},
  .layers_per_block = {2, 2, 2, 2, 2, 2, 2, 2},
  .transformer_layers_per_block = {1, 1, 1, 1, 1, 1, 1, 1},
  .num_attention_heads = {5, 10, 20, 20},
  .cross_attention_dim = {1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024},
  .addition_time_embed_dim = 256,
  .projection_class_embeddings_input_dim = 768,
  .num_frames = 25,
  .sample_size = 0,
};

/* Resnets in blocks with transformers are built with 1e-6, those of plain
 * down blocks and of the middle with 1e-5, those of all up blocks with 1e-6
 * (unet_3d_blocks.py, the resnet_eps arguments are not passed on). */
void
svd_unet_config_derive (SvdUnetConfig *config)
{
  config->norm_num_groups = 32;
  config->resnet_eps_mid = 1e-5;
  config->conv_norm_out_eps = 1e-5;
  config->transformer_norm_eps = 1e-6;
  config->layer_norm_eps = 1e-5;
  for (guint i = 0; i < config->n_blocks; i++) {
    config->resnet_eps_down[i] = config->down_block_cross[i] ? 1e-6 : 1e-5;
    config->resnet_eps_up[i] = 1e-6;
  }
}

/* A list of block classes, `plain` or with "CrossAttn" before it. */
static void
read_block_types (KilnConfigReader *reader, const char *key,
    const char *plain, guint n_blocks, gboolean *cross)
{
  const char *types[SVD_MAX_LEVELS];
  guint n_types = 0;

  if (!kiln_config_reader_has (reader, key)) {
    if (n_blocks != defaults.n_blocks)
      kiln_config_reader_fail (reader, "'%s' is missing", key);
    return;
  }
  kiln_config_reader_strings (reader, key, SVD_MAX_LEVELS, types, &n_types);
  if (n_types != n_blocks)
    kiln_config_reader_fail (reader, "%u '%s' for %u 'block_out_channels'",
        n_types, key, n_blocks);
  for (guint i = 0; i < n_types; i++) {
    cross[i] = g_str_has_prefix (types[i], "CrossAttn");
    if (!g_str_equal (types[i] + (cross[i] ? strlen ("CrossAttn") : 0),
            plain))
      kiln_config_reader_fail (reader, "'%s' has '%s': %s and CrossAttn%s "
          "are supported", key, types[i], plain, plain);
  }
}

/* Whether a level has transformers: in its down or up block, or, for the
 * last level, in the middle block. */
static gboolean
level_attends (const SvdUnetConfig *config, guint level)
{
  guint last = config->n_blocks - 1;

  return level == last || config->down_block_cross[level]
      || config->up_block_cross[last - level];
}

static gboolean
check_levels (const SvdUnetConfig *config, const char *label, GError **error)
{
  for (guint i = 0; i < config->n_blocks; i++) {
    guint width = config->block_out_channels[i];
    guint heads = config->num_attention_heads[i];

    if (width % 32 != 0)
      return kiln_model_fault (error, label, "'block_out_channels' has %u, "
          "which is no multiple of the 32 norm groups", width);
    if (level_attends (config, i) && (heads == 0 || width % heads != 0))
      return kiln_model_fault (error, label, "level %u: %u channels cannot "
          "be shared by %u 'num_attention_heads'", i, width, heads);
  }
  return TRUE;
}

gboolean
svd_unet_config_check (const SvdUnetConfig *config, const char *label,
    GError **error)
{
  guint width = config->addition_time_embed_dim;

  if (width % 2 != 0)
    return kiln_model_fault (error, label, "'addition_time_embed_dim' (%u) "
        "must be even", width);
  if (config->projection_class_embeddings_input_dim != 3 * width)
    return kiln_model_fault (error, label,
        "'projection_class_embeddings_input_dim' (%u) must be 3 times "
        "'addition_time_embed_dim' (%u): the ids are fps, motion bucket and "
        "noise strength", config->projection_class_embeddings_input_dim,
        width);
  return check_levels (config, label, error);
}

static void
check_class (KilnConfigReader *reader)
{
  static const char class_name[] = "UNetSpatioTemporalConditionModel";
  const char *name = kiln_config_reader_string (reader, "_class_name",
      class_name);

  if (!g_str_equal (name, class_name))
    kiln_config_reader_fail (reader, "'_class_name' is '%s': the UNet must "
        "be an %s", name, class_name);
}

static void
read_levels (SvdUnetConfig *config, KilnConfigReader *reader)
{
  kiln_config_reader_uints (reader, "block_out_channels", 32, 65536,
      SVD_MAX_LEVELS, config->block_out_channels, &config->n_blocks);
  read_block_types (reader, "down_block_types", "DownBlockSpatioTemporal",
      config->n_blocks, config->down_block_cross);
  read_block_types (reader, "up_block_types", "UpBlockSpatioTemporal",
      config->n_blocks, config->up_block_cross);
  kiln_config_reader_uint_per_level (reader, "layers_per_block", 1,
      SVD_MAX_LAYERS, config->n_blocks, config->layers_per_block);
  kiln_config_reader_uint_per_level (reader, "transformer_layers_per_block",
      1, SVD_MAX_LAYERS, config->n_blocks,
      config->transformer_layers_per_block);
  kiln_config_reader_uint_per_level (reader, "num_attention_heads", 1, 4096,
      config->n_blocks, config->num_attention_heads);
  kiln_config_reader_uint_per_level (reader, "cross_attention_dim", 1, 65536,
      config->n_blocks, config->cross_attention_dim);
}

gboolean
svd_unet_config_read (SvdUnetConfig *config, KilnConfigReader *reader,
    GError **error)
{
  *config = defaults;
  check_class (reader);
  kiln_config_reader_uint (reader, "in_channels", 2, 2048,
      &config->in_channels);
  kiln_config_reader_uint (reader, "out_channels", 1, 1024,
      &config->out_channels);
  read_levels (config, reader);
  kiln_config_reader_uint (reader, "addition_time_embed_dim", 2, 65536,
      &config->addition_time_embed_dim);
  kiln_config_reader_uint (reader, "projection_class_embeddings_input_dim",
      2, 262144, &config->projection_class_embeddings_input_dim);
  kiln_config_reader_uint (reader, "num_frames", 1, 4096,
      &config->num_frames);
  kiln_config_reader_uint (reader, "sample_size", 1, 65536,
      &config->sample_size);
  svd_unet_config_derive (config);
  return kiln_config_reader_finish (reader, error)
      && svd_unet_config_check (config,
      kiln_config_reader_get_label (reader), error);
}
