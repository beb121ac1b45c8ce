/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "single-file.h"

#include <string.h>

#include "fault.h"
#include "model-files-private.h"

char *
svd_single_file_find_encoder (KilnSafetensors *file)
{
  for (guint i = 1; i < 16; i++) {
    g_autofree char *prefix = g_strdup_printf ("conditioner.embedders.%u."
        "encoder.", i);
    g_autofree char *mark = g_strconcat (prefix, "quant_conv.weight", NULL);

    if (kiln_safetensors_find (file, mark))
      return g_steal_pointer (&prefix);
  }
  return NULL;
}

static gboolean
block_has (KilnSafetensors *file, const char *list, guint n, const char *rest)
{
  g_autofree char *name = g_strdup_printf (SVD_UNET_PREFIX "%s.%u.%s", list,
      n, rest);

  return kiln_safetensors_find (file, name) != NULL;
}

GArray *
svd_single_file_list_inputs (KilnSafetensors *file)
{
  GArray *places = g_array_new (FALSE, TRUE, sizeof (SvdPlace));
  SvdPlace place = { 0 };

  for (guint n = 1; place.level < SVD_MAX_LEVELS
      && place.layer < SVD_MAX_LAYERS; n++) {
    place.downsampler = block_has (file, "input_blocks", n, "0.op.weight");
    if (!place.downsampler
        && !block_has (file, "input_blocks", n, "0.in_layers.0.weight"))
      break;
    g_array_append_val (places, place);
    place.layer = place.downsampler ? 0 : place.layer + 1;
    place.level += place.downsampler;
  }
  return places;
}

GArray *
svd_single_file_list_outputs (KilnSafetensors *file)
{
  GArray *places = g_array_new (FALSE, TRUE, sizeof (SvdPlace));
  SvdPlace place = { 0 };

  for (guint n = 0; place.level < SVD_MAX_LEVELS
      && place.layer <= SVD_MAX_LAYERS; n++) {
    if (!block_has (file, "output_blocks", n, "0.in_layers.0.weight"))
      break;
    place.upsampler =
        block_has (file, "output_blocks", n, "1.conv.weight") ? 1
        : block_has (file, "output_blocks", n, "2.conv.weight") ? 2 : 0;
    g_array_append_val (places, place);
    place.layer = place.upsampler ? 0 : place.layer + 1;
    place.level += place.upsampler != 0;
  }
  return places;
}

/* The frame count is not in the weights: the metadata's num_frames, or what
 * the published files' names tell, or 0. */
static guint
guess_num_frames (KilnSafetensors *file)
{
  static const struct {
    const char *part;
    guint num_frames;
  } names[] = {
    {"svd_xt", 25}, {"svd-xt", 25}, {"img2vid-xt", 25}, {"img2vid_xt", 25},
    {"svd", 14}, {"img2vid", 14},
  };
  const char *written = kiln_safetensors_get_metadata (file, "num_frames");
  g_autofree char *base =
      g_path_get_basename (kiln_safetensors_get_path (file));
  g_autofree char *name = g_ascii_strdown (base, -1);
  guint64 num_frames = 0;

  if (written && g_ascii_string_to_unsigned (written, 10, 1, 4096,
          &num_frames, NULL))
    return (guint) num_frames;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strstr (name, names[i].part))
      return names[i].num_frames;
  return 0;
}

/* How generative-models samples from each of its files: frames and steps
 * from scripts/sampling/simple_video_sample.py, guidance from
 * scripts/sampling/configs/svd.yaml and svd_xt.yaml (and their
 * image_decoder and 1_1 siblings, which say the same). */
static void
recommend (SvdRecommended *recommended, guint num_frames)
{
  static const struct {
    guint num_frames;
    int steps;
    double min_guidance_scale, max_guidance_scale;
  } presets[] = {
    {14, 25, 1.0, 2.5},         /* svd */
    {25, 30, 1.5, 3.0},         /* svd_xt */
  };

  for (guint i = 0; i < G_N_ELEMENTS (presets); i++)
    if (presets[i].num_frames == num_frames) {
      recommended->steps = presets[i].steps;
      recommended->min_guidance_scale = presets[i].min_guidance_scale;
      recommended->max_guidance_scale = presets[i].max_guidance_scale;
    }
}

static KilnTensorSource *
open_source (SvdModelFiles *files, SvdPart part, gboolean prefer_fp16,
    GError **error)
{
  KilnSafetensors *file = files->single_file;
  g_autoptr (KilnKeyMap) map = NULL;
  gboolean has = FALSE;

  switch (part) {
    case SVD_PART_IMAGE_ENCODER:
      has = files->has_clip;
      map = svd_key_map_clip (file);
      break;
    case SVD_PART_VAE:
      has = files->has_vae;
      map = svd_key_map_vae (file);
      break;
    case SVD_PART_UNET:
      has = files->has_unet;
      map = svd_key_map_unet (file);
      break;
  }
  if (has)
    return kiln_key_map_apply (map, file, error);
  kiln_model_fault (error, files->path, "the file has no %s",
      svd_part_get_name (part));
  return NULL;
}

/* Whether anything is there, and a UNet is one for video: those for still
 * pictures have the same names but for the temporal ones. */
static gboolean
find_parts (SvdModelFiles *files, GError **error)
{
  KilnSafetensors *file = files->single_file;

  files->has_clip = kiln_safetensors_find (file, SVD_CLIP_MARK) != NULL;
  files->has_vae = kiln_safetensors_find (file, SVD_DECODER_MARK) != NULL;
  files->has_unet = kiln_safetensors_find (file, SVD_UNET_MARK) != NULL;
  if (files->has_unet
      && !block_has (file, "input_blocks", 1, "0.time_mixer.mix_factor"))
    return kiln_model_fault (error, files->path, "this checkpoint makes still "
        "pictures; a Stable Video Diffusion checkpoint is needed");
  if (!files->has_clip && !files->has_vae && !files->has_unet)
    return kiln_model_fault (error, files->path, "this is no Stable Video "
        "Diffusion checkpoint in the original layout; looked for "
        SVD_UNET_MARK ", " SVD_DECODER_MARK " and " SVD_CLIP_MARK);
  return TRUE;
}

static gboolean
infer_configs (SvdModelFiles *files, GError **error)
{
  KilnSafetensors *file = files->single_file;

  if (files->has_clip && !svd_infer_clip (file, &files->clip, error))
    return FALSE;
  if (files->has_vae && !svd_infer_vae (file, &files->vae, error))
    return FALSE;
  if (files->has_unet && !svd_infer_unet (file, &files->unet, error))
    return FALSE;
  files->unet.num_frames = guess_num_frames (file);
  recommend (&files->recommended, files->unet.num_frames);
  svd_scheduler_config_init (&files->scheduler);
  files->has_scheduler = TRUE;
  return TRUE;
}

gboolean
svd_single_file_read (SvdModelFiles *files, GError **error)
{
  files->open_source = open_source;
  files->single_file = kiln_safetensors_open (files->path, error);
  return files->single_file && find_parts (files, error)
      && infer_configs (files, error);
}
