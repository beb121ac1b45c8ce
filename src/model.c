/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stage.h"

#include <math.h>

#include "weights/model-lookup.h"

struct _SvdModel
{
  gatomicrefcount refs;
  SvdModelFiles *files;
  SvdModelInfo info;
};

G_DEFINE_BOXED_TYPE (SvdModel, svd_model, svd_model_ref, svd_model_unref)

const char *
svd_installed_models (void)
{
  const char *folder = g_getenv ("SVD_MODEL_PATH");

  return folder ? folder : SVD_MODEL_DIR;
}

/* ---- Defaults: diffusers' pipeline's, then the configs', then what the
 * model recommends. */

static guint
or_count (int recommended, guint otherwise)
{
  return recommended >= 0 ? (guint) recommended : otherwise;
}

static double
or_real (double recommended, double otherwise)
{
  return isnan (recommended) ? otherwise : recommended;
}

static void
set_defaults (SvdModelInfo *info, const SvdUnetConfig *unet,
    const SvdRecommended *recommended)
{
  /* diffusers: sample_size · factor, both ways; the published checkpoints
   * (96) were trained at 1024×576. */
  guint side = unet->sample_size * info->factor;
  gboolean published = unet->sample_size == 96 && info->factor == 8;

  info->width = or_count (recommended->width, published ? 1024 : side);
  info->height = or_count (recommended->height, published ? 576 : side);
  info->num_frames = or_count (recommended->num_frames,
      unet->num_frames ? unet->num_frames : 14);
  info->steps = or_count (recommended->steps, 25);
  info->min_guidance_scale = or_real (recommended->min_guidance_scale, 1.0);
  info->max_guidance_scale = or_real (recommended->max_guidance_scale, 3.0);
  info->fps = or_real (recommended->fps, 7);
  info->motion_bucket_id = or_count (recommended->motion_bucket_id, 127);
  info->noise_aug_strength = or_real (recommended->noise_aug_strength, 0.02);
  info->decode_chunk_size = or_count (recommended->decode_chunk_size, 0);
}

static gboolean
fill_info (SvdModel *self, GError **error)
{
  const SvdClipConfig *clip =
      svd_model_files_get_clip_config (self->files, error);
  const SvdVaeConfig *vae =
      clip ? svd_model_files_get_vae_config (self->files, error) : NULL;
  const SvdUnetConfig *unet =
      vae ? svd_model_files_get_unet_config (self->files, error) : NULL;

  if (unet == NULL)
    return FALSE;
  self->info.factor = vae->factor;
  self->info.latent_channels = vae->latent_channels;
  self->info.embedding_size = clip->projection_dim;
  set_defaults (&self->info, unet,
      svd_model_files_get_recommended (self->files));
  return TRUE;
}

SvdModel *
svd_model_open (const char *name, GError **error)
{
  g_autoptr (SvdModel) self = g_new0 (SvdModel, 1);
  g_autofree char *path = svd_model_lookup (name, svd_installed_models (), error);

  g_atomic_ref_count_init (&self->refs);
  if (path == NULL)
    return NULL;
  self->files = svd_model_files_open (path, error);
  if (self->files == NULL || !fill_info (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

SvdModel *
svd_model_ref (SvdModel *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
svd_model_unref (SvdModel *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_clear_pointer (&self->files, svd_model_files_unref);
  g_free (self);
}

SvdModelFiles *
svd_model_get_files (SvdModel *self)
{
  return self->files;
}

const char *
svd_model_get_path (SvdModel *self)
{
  return svd_model_files_get_path (self->files);
}

const SvdModelInfo *
svd_model_get_info (SvdModel *self)
{
  return &self->info;
}

/* ---- Sizes */

static guint
nearest (guint size, guint factor)
{
  return MAX ((size + factor / 2) / factor, 1) * factor;
}

gboolean
svd_info_check_size (const SvdModelInfo *info, guint width, guint height,
    GError **error)
{
  guint factor = info->factor;

  if (width > 0 && height > 0 && width % factor == 0 && height % factor == 0)
    return TRUE;
  g_set_error (error, SVD_ERROR, SVD_ERROR_SHAPE,
      "A clip of %ux%u cannot be made: this model's widths and heights are "
      "multiples of %u; the nearest is %ux%u", width, height, factor,
      nearest (width, factor), nearest (height, factor));
  return FALSE;
}

gboolean
svd_info_resolve_size (const SvdModelInfo *info, guint *width,
    guint *height, GError **error)
{
  *width = *width ? *width : info->width;
  *height = *height ? *height : info->height;
  return svd_info_check_size (info, *width, *height, error);
}

gboolean
svd_model_check_size (SvdModel *self, guint width, guint height,
    GError **error)
{
  return svd_info_check_size (&self->info, width, height, error);
}
