/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "svd-config.h"

#include "fault.h"

/* transformers' defaults for CLIPVisionConfig */
static const SvdClipConfig defaults = {
  .hidden_size = 768,
  .intermediate_size = 3072,
  .num_hidden_layers = 12,
  .num_attention_heads = 12,
  .num_channels = 3,
  .image_size = 224,
  .patch_size = 32,
  .projection_dim = 512,
  .layer_norm_eps = 1e-5,
  .hidden_act = SVD_ACTIVATION_QUICK_GELU,
};

/* A vision configuration, or a whole CLIP's that holds one. */
static void
enter_vision_config (KilnConfigReader *reader)
{
  const char *type = kiln_config_reader_string (reader, "model_type",
      "clip_vision_model");

  if (g_str_equal (type, "clip"))
    kiln_config_reader_enter (reader, "vision_config");
  else if (!g_str_equal (type, "clip_vision_model"))
    kiln_config_reader_fail (reader, "'model_type' is '%s': the image "
        "encoder must be a clip_vision_model", type);
}

static void
read_activation (SvdClipConfig *config, KilnConfigReader *reader)
{
  const char *name = kiln_config_reader_string (reader, "hidden_act",
      "quick_gelu");

  if (g_str_equal (name, "gelu"))
    config->hidden_act = SVD_ACTIVATION_GELU;
  else if (!g_str_equal (name, "quick_gelu"))
    kiln_config_reader_fail (reader, "'hidden_act' is '%s': gelu and "
        "quick_gelu are supported", name);
}

gboolean
svd_clip_config_check (const SvdClipConfig *config, const char *label,
    GError **error)
{
  if (config->hidden_size % config->num_attention_heads != 0)
    return kiln_model_fault (error, label, "'hidden_size' (%u) is no "
        "multiple of 'num_attention_heads' (%u)", config->hidden_size,
        config->num_attention_heads);
  if (config->patch_size > config->image_size)
    return kiln_model_fault (error, label, "'patch_size' (%u) exceeds "
        "'image_size' (%u)", config->patch_size, config->image_size);
  return TRUE;
}

gboolean
svd_clip_config_read (SvdClipConfig *config, KilnConfigReader *reader,
    GError **error)
{
  *config = defaults;
  enter_vision_config (reader);
  kiln_config_reader_uint (reader, "hidden_size", 1, 65536,
      &config->hidden_size);
  kiln_config_reader_uint (reader, "intermediate_size", 1, 262144,
      &config->intermediate_size);
  kiln_config_reader_uint (reader, "num_hidden_layers", 1, 512,
      &config->num_hidden_layers);
  kiln_config_reader_uint (reader, "num_attention_heads", 1, 1024,
      &config->num_attention_heads);
  kiln_config_reader_uint (reader, "num_channels", 3, 3,
      &config->num_channels);
  kiln_config_reader_uint (reader, "image_size", 1, 4096,
      &config->image_size);
  kiln_config_reader_uint (reader, "patch_size", 1, 4096,
      &config->patch_size);
  kiln_config_reader_uint (reader, "projection_dim", 1, 65536,
      &config->projection_dim);
  kiln_config_reader_double (reader, "layer_norm_eps", 0, 1,
      &config->layer_norm_eps);
  read_activation (config, reader);
  return kiln_config_reader_finish (reader, error)
      && svd_clip_config_check (config,
      kiln_config_reader_get_label (reader), error);
}
