/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration from anywhere, read as each of the kinds there are. */

#include "../../src/weights/svd-config.h"
#include "fuzz.h"

typedef union {
  SvdClipConfig clip;
  SvdVaeConfig vae;
  SvdUnetConfig unet;
  SvdSchedulerConfig scheduler;
  SvdPreprocessorConfig preprocessor;
  SvdRecommended recommended;
} Config;

#define N_KINDS 6

static gboolean
read_kind (guint kind, Config *config, KilnConfigReader *reader,
    GError **error)
{
  switch (kind) {
    case 0:
      return svd_clip_config_read (&config->clip, reader, error);
    case 1:
      return svd_vae_config_read (&config->vae, reader, error);
    case 2:
      return svd_unet_config_read (&config->unet, reader, error);
    case 3:
      return svd_scheduler_config_read (&config->scheduler, reader, error);
    case 4:
      return svd_preprocessor_config_read (&config->preprocessor, reader,
          error);
    default:
      return svd_recommended_read (&config->recommended, reader, error);
  }
}

static void
ignore_log (const char *domain, GLogLevelFlags level, const char *message,
    gpointer unused)
{
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_log_set_default_handler (ignore_log, NULL);
  for (guint kind = 0; kind < N_KINDS; kind++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (KilnConfigReader) reader =
        kiln_config_reader_new ((const char *) data, size, "input", &error);
    Config config;

    if (!reader)
      return 0;
    g_assert_true (read_kind (kind, &config, reader, &error)
        == (error == NULL));
  }
  return 0;
}
