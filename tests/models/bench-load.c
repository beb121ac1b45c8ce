/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long the UNet of a checkpoint takes to load, and in what memory:
 *
 *     bench-load MODEL fp16|fp32
 *
 * Beside it stands what reading the same file from the page cache into one
 * small buffer takes, which comes first and so warms the cache. */
#include <stdio.h>
#include <string.h>
#include <svd/svd.h>

static gint64
read_through (const char *path)
{
  static char buffer[1 << 20];
  FILE *file = fopen (path, "rb");
  gint64 start;

  g_assert_nonnull (file);
  while (fread (buffer, 1, sizeof buffer, file) > 0);
  rewind (file);
  start = g_get_monotonic_time ();
  while (fread (buffer, 1, sizeof buffer, file) > 0);
  fclose (file);
  return g_get_monotonic_time () - start;
}

/* The process's own memory, mapped files apart: "VmHWM" counts both. */
static void
print_memory (const char *when)
{
  g_autofree char *status = NULL;
  g_auto (GStrv) lines = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/status", &status, NULL,
          NULL));
  lines = g_strsplit (status, "\n", -1);
  printf ("%s:", when);
  for (guint i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], "VmHWM")
        || g_str_has_prefix (lines[i], "RssAnon")
        || g_str_has_prefix (lines[i], "RssFile")
        || g_str_has_prefix (lines[i], "RssShmem"))
      printf ("  %s", g_strdelimit (lines[i], "\t", ' '));
  printf ("\n");
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdDevice) device = NULL;
  g_autoptr (SvdModel) model = NULL;
  g_autoptr (SvdSampler) sampler = NULL;
  g_autofree char *path = NULL;
  SvdStageOptions options = { 0 };
  gint64 start;

  if (argc != 3)
    return 1;
  path = g_build_filename (argv[1], "unet",
      "diffusion_pytorch_model.safetensors", NULL);
  printf ("read: %.2f s\n", read_through (path) / 1e6);
  device = svd_device_open (NULL, &error);
  g_assert_no_error (error);
  model = svd_model_open (argv[1], &error);
  g_assert_no_error (error);
  print_memory ("before");
  start = g_get_monotonic_time ();
  options.precision = strcmp (argv[2], "fp16") == 0 ? SVD_PRECISION_FP16
      : SVD_PRECISION_FP32;
  sampler = svd_sampler_new (device, model, &options, NULL, NULL, NULL,
      &error);
  g_assert_no_error (error);
  printf ("load: %.2f s\n", (g_get_monotonic_time () - start) / 1e6);
  print_memory ("after");
  return 0;
}
