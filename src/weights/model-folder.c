/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A checkpoint in diffusers' layout: one folder a part. */

#include "model-files-private.h"

#include "fault.h"

typedef gboolean (*ReadConfig) (gpointer config, KilnConfigReader *reader,
    GError **error);

/* Reads folder/file if it is there; has (optional) tells. */
static gboolean
read_config (SvdModelFiles *files, const char *folder, const char *file,
    ReadConfig read, gpointer config, gboolean *has, GError **error)
{
  g_autofree char *path = g_build_filename (files->path, folder, file, NULL);
  g_autoptr (KilnConfigReader) reader = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  reader = kiln_config_reader_open (path, error);
  if (!reader || !read (config, reader, error))
    return FALSE;
  if (has)
    *has = TRUE;
  return TRUE;
}

/* model_index.json holds nothing that is needed but the pipeline's name. */
static gboolean
read_index (gpointer unused, KilnConfigReader *reader, GError **error)
{
  static const char pipeline[] = "StableVideoDiffusionPipeline";
  const char *name = kiln_config_reader_string (reader, "_class_name",
      pipeline);

  if (!g_str_equal (name, pipeline))
    kiln_config_reader_fail (reader, "this is a model for %s; only %s is "
        "supported", name, pipeline);
  return kiln_config_reader_finish (reader, error);
}

static gboolean
read_configs (SvdModelFiles *files, GError **error)
{
  return read_config (files, "", "model_index.json", read_index, NULL, NULL,
      error)
      && read_config (files, "image_encoder", "config.json",
      (ReadConfig) svd_clip_config_read, &files->clip, &files->has_clip,
      error)
      && read_config (files, "vae", "config.json",
      (ReadConfig) svd_vae_config_read, &files->vae, &files->has_vae, error)
      && read_config (files, "unet", "config.json",
      (ReadConfig) svd_unet_config_read, &files->unet, &files->has_unet,
      error)
      && read_config (files, "scheduler", "scheduler_config.json",
      (ReadConfig) svd_scheduler_config_read, &files->scheduler,
      &files->has_scheduler, error)
      && read_config (files, "feature_extractor", "preprocessor_config.json",
      (ReadConfig) svd_preprocessor_config_read, &files->preprocessor, NULL,
      error)
      && read_config (files, "", "recommended.json",
      (ReadConfig) svd_recommended_read, &files->recommended, NULL, error);
}

static KilnTensorSource *
open_source (SvdModelFiles *files, SvdPart part, gboolean prefer_fp16,
    GError **error)
{
  g_autofree char *folder = g_build_filename (files->path,
      svd_part_get_name (part), NULL);

  return kiln_tensor_source_open_folder (folder, prefer_fp16, error);
}

/* A checkpoint of the other layout that lies in the folder, or NULL. */
static char *
find_single_file (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;
  char *found = NULL;

  while (dir && !found && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".safetensors"))
      found = g_build_filename (folder, name, NULL);
  g_clear_pointer (&dir, g_dir_close);
  return found;
}

static gboolean
report_no_model (SvdModelFiles *files, GError **error)
{
  g_autofree char *single_file = find_single_file (files->path);

  if (single_file)
    return kiln_model_fault (error, files->path, "this folder is not in "
        "diffusers' layout; to use the checkpoint in it give '%s'",
        single_file);
  return kiln_model_fault (error, files->path, "this folder holds no model; "
      "looked for unet/config.json, vae/config.json and "
      "image_encoder/config.json. Give the folder of a Stable Video Diffusion "
      "model in diffusers' layout, or an original .safetensors file");
}

gboolean
svd_model_folder_read (SvdModelFiles *files, GError **error)
{
  files->open_source = open_source;
  if (!read_configs (files, error))
    return FALSE;
  if (!files->has_clip && !files->has_vae && !files->has_unet)
    return report_no_model (files, error);
  return TRUE;
}
