/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "svd-config.h"

/* The values CLIP was trained with, OPENAI_CLIP_MEAN and OPENAI_CLIP_STD. */
void
svd_preprocessor_config_init (SvdPreprocessorConfig *config)
{
  static const SvdPreprocessorConfig clip = {
    .image_mean = {0.48145466, 0.4578275, 0.40821073},
    .image_std = {0.26862954, 0.26130258, 0.27577711},
  };

  *config = clip;
}

static void
read_rgb (KilnConfigReader *reader, const char *key, double min,
    double *values)
{
  guint n = 3;

  kiln_config_reader_doubles (reader, key, min, 1e3, 3, values, &n);
  if (n != 3)
    kiln_config_reader_fail (reader, "'%s' must have 3 items, not %u", key,
        n);
}

gboolean
svd_preprocessor_config_read (SvdPreprocessorConfig *config,
    KilnConfigReader *reader, GError **error)
{
  svd_preprocessor_config_init (config);
  read_rgb (reader, "image_mean", -1e3, config->image_mean);
  read_rgb (reader, "image_std", 1e-6, config->image_std);
  return kiln_config_reader_finish (reader, error);
}
