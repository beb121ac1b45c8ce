/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "single-file.h"

#include <string.h>

#include "infer.h"

/* Not in the tensors; all published models' attention heads are so wide. */
#define HEAD_CHANNELS 64

/* value is a level's if it is the first one seen (0), else must repeat. */
static void
agree (KilnInference *inference, guint level, const char *what, guint *known,
    guint value)
{
  if (*known == 0)
    *known = value;
  else if (*known != value)
    kiln_infer_fail (inference, "the UNet's level %u has %s of %u and of %u; "
        "only equal ones are supported", level, what, *known, value);
}

/* A transformer of that level, if there is one. */
static gboolean
infer_transformer (KilnInference *inference, SvdUnetConfig *config,
    guint level, const char *module)
{
  if (!kiln_infer_has (inference, "%s.proj_in.weight", module))
    return FALSE;
  agree (inference, level, "transformers",
      &config->transformer_layers_per_block[level],
      kiln_infer_count (inference, SVD_MAX_LAYERS, ".norm1.weight",
          "%s.transformer_blocks.", module));
  agree (inference, level, "contexts", &config->cross_attention_dim[level],
      kiln_infer_extent (inference, 1,
          "%s.transformer_blocks.0.attn2.to_k.weight", module));
  return TRUE;
}

/* All of a block's layers have a transformer or none has. */
static void
agree_cross (KilnInference *inference, guint layer, gboolean *known,
    gboolean cross)
{
  if (layer == 0)
    *known = cross;
  else if (*known != cross)
    kiln_infer_fail (inference, "the UNet has a level of which only some "
        "blocks attend; that is not supported");
}

static void
infer_down (KilnInference *inference, SvdUnetConfig *config)
{
  g_autoptr (GArray) inputs = svd_single_file_list_inputs (inference->file);

  config->n_blocks = 1;
  for (guint i = 0; i < inputs->len; i++) {
    const SvdPlace *place = &g_array_index (inputs, SvdPlace, i);
    g_autofree char *module = g_strdup_printf ("input_blocks.%u.1", i + 1);

    config->n_blocks = place->level + 1;
    if (place->downsampler)
      continue;
    agree (inference, place->level, "widths",
        &config->block_out_channels[place->level],
        kiln_infer_extent (inference, 0,
            "input_blocks.%u.0.out_layers.3.weight", i + 1));
    agree_cross (inference, place->layer,
        &config->down_block_cross[place->level],
        infer_transformer (inference, config, place->level, module));
    config->layers_per_block[place->level] = place->layer + 1;
  }
}

static void
infer_up (KilnInference *inference, SvdUnetConfig *config)
{
  g_autoptr (GArray) outputs = svd_single_file_list_outputs (inference->file);
  guint n_layers[SVD_MAX_LEVELS] = { 0 };

  for (guint i = 0; i < outputs->len; i++) {
    const SvdPlace *place = &g_array_index (outputs, SvdPlace, i);
    g_autofree char *module = g_strdup_printf ("output_blocks.%u.1", i);

    if (place->level >= config->n_blocks)
      break;
    agree_cross (inference, place->layer,
        &config->up_block_cross[place->level],
        infer_transformer (inference, config,
            config->n_blocks - 1 - place->level, module));
    n_layers[place->level] = place->layer + 1;
  }
  for (guint i = 0; i < config->n_blocks; i++)
    if (n_layers[i] != config->layers_per_block[config->n_blocks - 1 - i] + 1)
      kiln_infer_fail (inference, "the UNet's output blocks do not mirror its "
          "input blocks");
}

/* Levels without transformers take the middle block's values; nothing
 * uses them. */
static void
infer_heads (KilnInference *inference, SvdUnetConfig *config)
{
  guint last = config->n_blocks - 1;

  for (guint i = 0; i <= last; i++) {
    guint width = config->block_out_channels[i];
    gboolean attends = config->transformer_layers_per_block[i] != 0;

    if (attends && width > HEAD_CHANNELS && width % HEAD_CHANNELS != 0)
      kiln_infer_fail (inference, "how many attention heads the UNet's %u "
          "channels are for is not known", width);
    config->num_attention_heads[i] = MAX (width / HEAD_CHANNELS, 1);
    if (attends)
      continue;
    config->transformer_layers_per_block[i] =
        config->transformer_layers_per_block[last];
    config->cross_attention_dim[i] = config->cross_attention_dim[last];
  }
}

/* SVD's ids are three sinusoids of one width; SV3D's angles are others. */
static void
infer_ids (KilnInference *inference, SvdUnetConfig *config)
{
  guint width = kiln_infer_extent (inference, 1, "label_emb.0.0.weight");

  if (width % 6 != 0)
    kiln_infer_fail (inference, "the UNet is conditioned on %u numbers, which "
        "are not three sinusoids (SV3D models are not supported)", width);
  config->addition_time_embed_dim = width / 3;
  config->projection_class_embeddings_input_dim = width;
}

/* Original resnets all have 1e-5, where diffusers has 1e-6 in most. */
static void
set_epsilons (SvdUnetConfig *config)
{
  svd_unet_config_derive (config);
  config->resnet_eps_mid = 1e-5;
  for (guint i = 0; i < config->n_blocks; i++)
    config->resnet_eps_down[i] = config->resnet_eps_up[i] = 1e-5;
}

gboolean
svd_infer_unet (KilnSafetensors *file, SvdUnetConfig *config, GError **error)
{
  KilnInference inference = { file, SVD_UNET_PREFIX };

  memset (config, 0, sizeof *config);
  config->in_channels = kiln_infer_extent (&inference, 1,
      "input_blocks.0.0.weight");
  config->out_channels = kiln_infer_extent (&inference, 0, "out.2.weight");
  infer_down (&inference, config);
  infer_up (&inference, config);
  if (!infer_transformer (&inference, config, config->n_blocks - 1,
          "middle_block.1"))
    kiln_infer_fail (&inference, "the UNet's middle block has no "
        "transformer");
  infer_heads (&inference, config);
  infer_ids (&inference, config);
  set_epsilons (config);
  return kiln_infer_finish (&inference, error)
      && svd_unet_config_check (config, kiln_safetensors_get_path (file),
      error);
}
