/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "model-files-private.h"

#include "fault.h"

static gboolean
read_layout (SvdModelFiles *files, GError **error)
{
  if (g_file_test (files->path, G_FILE_TEST_IS_DIR))
    return svd_model_folder_read (files, error);
  if (g_file_test (files->path, G_FILE_TEST_EXISTS))
    return svd_single_file_read (files, error);
  return kiln_model_fault (error, files->path, "there is no model; give a "
      "folder in diffusers' layout (model_index.json, unet/, vae/, "
      "image_encoder/, scheduler/) or an original .safetensors file");
}

SvdModelFiles *
svd_model_files_open (const char *path, GError **error)
{
  g_autoptr (SvdModelFiles) files = g_new0 (SvdModelFiles, 1);

  g_atomic_ref_count_init (&files->ref_count);
  g_mutex_init (&files->lock);
  files->path = g_strdup (path);
  svd_preprocessor_config_init (&files->preprocessor);
  svd_recommended_init (&files->recommended);
  if (!read_layout (files, error))
    return NULL;
  if (!svd_configs_agree (path, files->has_clip ? &files->clip : NULL,
          files->has_vae ? &files->vae : NULL,
          files->has_unet ? &files->unet : NULL, error))
    return NULL;
  return g_steal_pointer (&files);
}

SvdModelFiles *
svd_model_files_ref (SvdModelFiles *files)
{
  g_atomic_ref_count_inc (&files->ref_count);
  return files;
}

void
svd_model_files_unref (SvdModelFiles *files)
{
  if (!g_atomic_ref_count_dec (&files->ref_count))
    return;
  for (guint i = 0; i < SVD_N_PARTS; i++)
    for (guint j = 0; j < 2; j++)
      g_clear_pointer (&files->sources[i][j], kiln_tensor_source_unref);
  g_clear_pointer (&files->single_file, kiln_safetensors_unref);
  g_clear_pointer (&files->made_up, svd_random_weights_free);
  g_mutex_clear (&files->lock);
  g_free (files->path);
  g_free (files);
}

const char *
svd_model_files_get_path (SvdModelFiles *files)
{
  return files->path;
}

const char *
svd_part_get_name (SvdPart part)
{
  static const char *const names[SVD_N_PARTS] = {
    [SVD_PART_IMAGE_ENCODER] = "image_encoder",
    [SVD_PART_VAE] = "vae",
    [SVD_PART_UNET] = "unet",
  };

  return names[part];
}

/* config, or the error that the checkpoint lacks it. */
static gconstpointer
present (SvdModelFiles *files, gboolean has, gconstpointer config,
    const char *what, GError **error)
{
  if (has)
    return config;
  kiln_model_fault (error, files->path,
      "the model has no %s; download it completely", what);
  return NULL;
}

const SvdClipConfig *
svd_model_files_get_clip_config (SvdModelFiles *files, GError **error)
{
  return present (files, files->has_clip, &files->clip,
      "image_encoder/config.json", error);
}

const SvdVaeConfig *
svd_model_files_get_vae_config (SvdModelFiles *files, GError **error)
{
  return present (files, files->has_vae, &files->vae, "vae/config.json",
      error);
}

const SvdUnetConfig *
svd_model_files_get_unet_config (SvdModelFiles *files, GError **error)
{
  return present (files, files->has_unet, &files->unet, "unet/config.json",
      error);
}

const SvdSchedulerConfig *
svd_model_files_get_scheduler_config (SvdModelFiles *files, GError **error)
{
  return present (files, files->has_scheduler, &files->scheduler,
      "scheduler/scheduler_config.json", error);
}

const SvdPreprocessorConfig *
svd_model_files_get_preprocessor_config (SvdModelFiles *files)
{
  return &files->preprocessor;
}

const SvdRecommended *
svd_model_files_get_recommended (SvdModelFiles *files)
{
  return &files->recommended;
}

KilnWeightSource *
svd_model_files_get_source (SvdModelFiles *files, SvdPart part,
    gboolean prefer_fp16, GError **error)
{
  KilnTensorSource **source = &files->sources[part][prefer_fp16 ? 1 : 0];

  if (files->made_up)
    return files->made_up;
  g_mutex_lock (&files->lock);
  if (!*source)
    *source = files->open_source (files, part, prefer_fp16, error);
  g_mutex_unlock (&files->lock);
  return *source ? kiln_tensor_source_as_weights (*source) : NULL;
}

void
svd_model_files_make_up_weights (SvdModelFiles *files)
{
  if (!files->made_up)
    files->made_up = svd_random_weights_new ();
}
