/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "single-file.h"

#include "infer.h"

/* Widths and layers of the encoder's levels. */
static void
infer_levels (KilnInference *encoder, SvdVaeConfig *config)
{
  config->n_blocks = kiln_infer_count (encoder, SVD_MAX_LEVELS,
      ".block.0.norm1.weight", "encoder.down.");
  if (config->n_blocks == 0)
    kiln_infer_fail (encoder, "the VAE's encoder has no levels");
  config->n_blocks = MAX (config->n_blocks, 1);
  for (guint i = 0; i < config->n_blocks; i++) {
    guint n_layers = kiln_infer_count (encoder, SVD_MAX_LAYERS,
        ".norm1.weight", "encoder.down.%u.block.", i);

    config->block_out_channels[i] = kiln_infer_extent (encoder, 0,
        "encoder.down.%u.block.0.conv1.weight", i);
    if (i == 0)
      config->layers_per_block = n_layers;
    else if (n_layers != config->layers_per_block)
      kiln_infer_fail (encoder, "the VAE's levels have %u and %u layers; only "
          "equal ones are supported", config->layers_per_block, n_layers);
  }
}

static void
check_channels (KilnInference *decoder, const SvdVaeConfig *config)
{
  if (config->in_channels != 3 || config->out_channels != 3)
    kiln_infer_fail (decoder, "the VAE is for pictures of %u and %u channels, "
        "not 3", config->in_channels, config->out_channels);
  if (kiln_infer_extent (decoder, 1, "decoder.conv_in.weight")
      != config->latent_channels)
    kiln_infer_fail (decoder, "the VAE's encoder and decoder do not have the "
        "same number of latent channels");
}

gboolean
svd_infer_vae (KilnSafetensors *file, SvdVaeConfig *config, GError **error)
{
  g_autofree char *prefix = svd_single_file_find_encoder (file);
  KilnInference encoder = { file, prefix ? prefix : "" };
  KilnInference decoder = { file, SVD_DECODER_PREFIX };

  if (!prefix)
    kiln_infer_fail (&encoder, "no conditioner.embedders.N.encoder.quant_conv "
        "is there, so nothing that encodes the picture");
  config->in_channels = kiln_infer_extent (&encoder, 1,
      "encoder.conv_in.weight");
  config->latent_channels = kiln_infer_extent (&encoder, 0,
      "quant_conv.weight") / 2;
  infer_levels (&encoder, config);
  config->out_channels = kiln_infer_extent (&decoder, 0,
      "decoder.conv_out.weight");
  config->sample_size = 0;
  config->scaling_factor = 0.18215;
  config->force_upcast = TRUE;
  config->temporal_decoder = kiln_safetensors_find (file, SVD_TEMPORAL_MARK)
      != NULL;
  config->post_quant_conv = !config->temporal_decoder
      && kiln_infer_has (&decoder, "post_quant_conv.weight");
  check_channels (&decoder, config);
  svd_vae_config_derive (config);
  if (!kiln_infer_finish (&encoder, error)) {
    g_clear_error (&decoder.fault);
    return FALSE;
  }
  return kiln_infer_finish (&decoder, error)
      && svd_vae_config_check (config, kiln_safetensors_get_path (file),
      error);
}
