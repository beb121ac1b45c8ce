/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "svd-config.h"

#include "fault.h"

/* diffusers' defaults for AutoencoderKLTemporalDecoder */
static const SvdVaeConfig defaults = {
  .in_channels = 3,
  .out_channels = 3,
  .latent_channels = 4,
  .n_blocks = 1,
  .block_out_channels = {64},
  .layers_per_block = 1,
  .sample_size = 32,
  .scaling_factor = 0.18215,
  .force_upcast = TRUE,
  .temporal_decoder = TRUE,
};

void
svd_vae_config_derive (SvdVaeConfig *config)
{
  config->factor = 1u << (config->n_blocks - 1);
  config->norm_num_groups = 32;
  config->resnet_eps = 1e-6;
  config->temporal_eps = 1e-5;
}

static void
check_block_types (const SvdVaeConfig *config, KilnConfigReader *reader)
{
  const char *types[SVD_MAX_LEVELS] = { "DownEncoderBlock2D" };
  guint n_types = 1;

  kiln_config_reader_strings (reader, "down_block_types", SVD_MAX_LEVELS,
      types, &n_types);
  if (n_types != config->n_blocks)
    kiln_config_reader_fail (reader, "%u 'down_block_types' for %u "
        "'block_out_channels'", n_types, config->n_blocks);
  for (guint i = 0; i < n_types; i++)
    if (!g_str_equal (types[i], "DownEncoderBlock2D"))
      kiln_config_reader_fail (reader, "'down_block_types' has '%s': only "
          "DownEncoderBlock2D is supported", types[i]);
}

gboolean
svd_vae_config_check (const SvdVaeConfig *config, const char *label,
    GError **error)
{
  for (guint i = 0; i < config->n_blocks; i++)
    if (config->block_out_channels[i] % 32 != 0)
      return kiln_model_fault (error, label, "'block_out_channels' has %u, "
          "which is no multiple of the 32 norm groups",
          config->block_out_channels[i]);
  return TRUE;
}

static void
check_class (KilnConfigReader *reader)
{
  static const char class_name[] = "AutoencoderKLTemporalDecoder";
  const char *name = kiln_config_reader_string (reader, "_class_name",
      class_name);

  if (!g_str_equal (name, class_name))
    kiln_config_reader_fail (reader, "'_class_name' is '%s': the VAE must be "
        "an %s", name, class_name);
}

gboolean
svd_vae_config_read (SvdVaeConfig *config, KilnConfigReader *reader,
    GError **error)
{
  *config = defaults;
  check_class (reader);
  kiln_config_reader_uint (reader, "in_channels", 3, 3,
      &config->in_channels);
  kiln_config_reader_uint (reader, "out_channels", 3, 3,
      &config->out_channels);
  kiln_config_reader_uint (reader, "latent_channels", 1, 1024,
      &config->latent_channels);
  kiln_config_reader_uints (reader, "block_out_channels", 32, 65536,
      SVD_MAX_LEVELS, config->block_out_channels, &config->n_blocks);
  kiln_config_reader_uint (reader, "layers_per_block", 1, SVD_MAX_LAYERS,
      &config->layers_per_block);
  kiln_config_reader_uint (reader, "sample_size", 1, 65536,
      &config->sample_size);
  kiln_config_reader_double (reader, "scaling_factor", 1e-6, 1e6,
      &config->scaling_factor);
  kiln_config_reader_boolean (reader, "force_upcast",
      &config->force_upcast);
  check_block_types (config, reader);
  svd_vae_config_derive (config);
  return kiln_config_reader_finish (reader, error)
      && svd_vae_config_check (config, kiln_config_reader_get_label (reader),
      error);
}
