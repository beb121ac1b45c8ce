/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "svd-config.h"

#include "fault.h"

/* The UNet's input is the noisy latents beside the picture's latents. */
static gboolean
latents_agree (const char *label, const SvdVaeConfig *vae,
    const SvdUnetConfig *unet, GError **error)
{
  if (unet->in_channels == 2 * vae->latent_channels
      && unet->out_channels == vae->latent_channels)
    return TRUE;
  return kiln_model_fault (error, label, "the VAE has %u latent channels, so "
      "the UNet must have %u input and %u output channels, not %u and %u",
      vae->latent_channels, 2 * vae->latent_channels, vae->latent_channels,
      unet->in_channels, unet->out_channels);
}

/* Every transformer attends to the image embedding. */
static gboolean
contexts_agree (const char *label, const SvdClipConfig *clip,
    const SvdUnetConfig *unet, GError **error)
{
  guint last = unet->n_blocks - 1;

  for (guint i = 0; i <= last; i++) {
    if (i != last && !unet->down_block_cross[i]
        && !unet->up_block_cross[last - i])
      continue;
    if (unet->cross_attention_dim[i] == clip->projection_dim)
      continue;
    return kiln_model_fault (error, label, "the image encoder's "
        "projection_dim is %u, but the UNet's cross_attention_dim %u",
        clip->projection_dim, unet->cross_attention_dim[i]);
  }
  return TRUE;
}

gboolean
svd_configs_agree (const char *label, const SvdClipConfig *clip,
    const SvdVaeConfig *vae, const SvdUnetConfig *unet, GError **error)
{
  if (vae && unet && !latents_agree (label, vae, unet, error))
    return FALSE;
  return !clip || !unet || contexts_agree (label, clip, unet, error);
}
