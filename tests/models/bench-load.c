/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How fast the UNet of a checkpoint is loaded, and in what memory:
 *
 *     bench-load MODEL fp16|fp32 [ROUNDS]
 *
 * Each of ROUNDS rounds (3) copies the file from the page cache to fresh
 * memory, then loads it, and prints the ratio of the bytes of the file a
 * second. What is read before them warms the cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <svd/svd.h>

#include "../cpu-clock.h"

typedef struct {
  gint64 wall;                  /* microseconds */
  double cpu;                   /* seconds, of all threads */
} Stopwatch;

static Stopwatch
start (void)
{
  return (Stopwatch) { g_get_monotonic_time (), cpu_seconds () };
}

/* Seconds; prints both. */
static double
stop (const char *what, const Stopwatch *since)
{
  double wall = (g_get_monotonic_time () - since->wall) * 1e-6;

  printf ("%s %.2f s (CPU %.2f s)  ", what, wall,
      cpu_seconds () - since->cpu);
  return wall;
}

static void
warm (const char *path)
{
  static char buffer[1 << 20];
  FILE *file = fopen (path, "rb");

  g_assert_nonnull (file);
  while (fread (buffer, 1, sizeof buffer, file) > 0);
  fclose (file);
}

/* As many bytes as the mapping has, into memory that is used for the first
 * time. */
static double
copy (GMappedFile *file)
{
  gsize size = g_mapped_file_get_length (file);
  Stopwatch since = start ();
  guint8 *to = g_malloc (size);
  double wall;

  memcpy (to, g_mapped_file_get_contents (file), size);
  wall = stop ("copy", &since);
  g_free (to);
  return wall;
}

/* The process's memory now, and the most since forget_peak(): "VmHWM" counts
 * mapped files too. */
static void
print_memory (void)
{
  g_autofree char *status = NULL;
  g_auto (GStrv) lines = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/status", &status, NULL,
          NULL));
  lines = g_strsplit (status, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], "VmHWM")
        || g_str_has_prefix (lines[i], "RssAnon")
        || g_str_has_prefix (lines[i], "RssFile")
        || g_str_has_prefix (lines[i], "RssShmem"))
      printf ("  %s", g_strdelimit (lines[i], "\t", ' '));
  printf ("\n");
}

static void
forget_peak (void)
{
  FILE *file = fopen ("/proc/self/clear_refs", "w");

  g_assert_nonnull (file);
  fputs ("5", file);
  fclose (file);
}

static double
load (SvdDevice *device, SvdModel *model, SvdPrecision precision)
{
  const SvdStageOptions options = { .precision = precision };
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdSampler) sampler = NULL;
  Stopwatch since;
  double wall;

  forget_peak ();
  since = start ();
  sampler = svd_sampler_new (device, model, &options, NULL, NULL, NULL,
      &error);
  g_assert_no_error (error);
  wall = stop ("load", &since);
  print_memory ();
  return wall;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdDevice) device = NULL;
  g_autofree char *path = NULL;
  gint rounds = argc > 3 ? atoi (argv[3]) : 3;

  if (argc < 3)
    return 1;
  path = g_build_filename (argv[1], "unet",
      "diffusion_pytorch_model.safetensors", NULL);
  device = svd_device_open (NULL, &error);
  g_assert_no_error (error);
  for (gint i = 0; i < rounds; i++) {
    g_autoptr (GMappedFile) file = NULL;
    g_autoptr (SvdModel) model = NULL;
    double copied, loaded;

    warm (path);
    file = g_mapped_file_new (path, FALSE, &error);
    g_assert_no_error (error);
    model = svd_model_open (argv[1], &error);
    g_assert_no_error (error);
    copied = copy (file);
    loaded = load (device, model, strcmp (argv[2], "fp16") == 0
        ? SVD_PRECISION_FP16 : SVD_PRECISION_FP32);
    printf ("ratio %.2f\n", copied / loaded);
  }
  return 0;
}
