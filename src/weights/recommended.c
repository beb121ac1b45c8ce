/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "svd-config.h"

#include <math.h>

void
svd_recommended_init (SvdRecommended *recommended)
{
  recommended->width = recommended->height = -1;
  recommended->num_frames = -1;
  recommended->steps = -1;
  recommended->motion_bucket_id = -1;
  recommended->decode_chunk_size = -1;
  recommended->fps = NAN;
  recommended->min_guidance_scale = NAN;
  recommended->max_guidance_scale = NAN;
  recommended->noise_aug_strength = NAN;
}

static void
read_count (KilnConfigReader *reader, const char *key, guint min, guint max,
    int *value)
{
  guint count = 0;

  if (!kiln_config_reader_has (reader, key))
    return;
  kiln_config_reader_uint (reader, key, min, max, &count);
  *value = (int) count;
}

gboolean
svd_recommended_read (SvdRecommended *recommended, KilnConfigReader *reader,
    GError **error)
{
  static const char *const known[] = { "width", "height", "num_frames",
    "steps", "motion_bucket_id", "decode_chunk_size", "fps",
    "min_guidance_scale", "max_guidance_scale", "noise_aug_strength", NULL
  };

  svd_recommended_init (recommended);
  read_count (reader, "width", 1, 65536, &recommended->width);
  read_count (reader, "height", 1, 65536, &recommended->height);
  read_count (reader, "num_frames", 1, 4096, &recommended->num_frames);
  read_count (reader, "steps", 1, 1000, &recommended->steps);
  read_count (reader, "motion_bucket_id", 0, 1000000,
      &recommended->motion_bucket_id);
  read_count (reader, "decode_chunk_size", 1, 4096,
      &recommended->decode_chunk_size);
  kiln_config_reader_double (reader, "fps", 1e-3, 1e3, &recommended->fps);
  kiln_config_reader_double (reader, "min_guidance_scale", 0, 1e3,
      &recommended->min_guidance_scale);
  kiln_config_reader_double (reader, "max_guidance_scale", 0, 1e3,
      &recommended->max_guidance_scale);
  kiln_config_reader_double (reader, "noise_aug_strength", 0, 1e3,
      &recommended->noise_aug_strength);
  kiln_config_reader_warn_unknown (reader, known);
  return kiln_config_reader_finish (reader, error);
}
