/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the networks see of a picture, against Pillow and diffusers. */
#include <math.h>

#include "golden.h"
#include "measure.h"
#include "../../src/preprocess.h"

#define N_PICTURES 7

static KilnDevice *device;

static float *
read_pixels (KilnBuffer *buffer, const KilnShape *shape)
{
  float *rows = g_malloc (kiln_shape_bytes (shape));
  g_autoptr (GError) error = NULL;

  kiln_buffer_read (buffer, 0, rows, kiln_shape_bytes (shape), &error);
  g_assert_no_error (error);
  return rows;
}

static KilnBuffer *
new_buffer (const KilnShape *shape)
{
  g_autoptr (GError) error = NULL;
  KilnBuffer *buffer = kiln_buffer_new (device, kiln_shape_bytes (shape),
      KILN_MEMORY_DEVICE, &error);

  g_assert_no_error (error);
  return buffer;
}

static void
fit (const KilnSafetensorsEntry *rgb, guint width, guint height,
    SvdFitted *fitted)
{
  gsize n = rgb->info.shape[0] * rgb->info.shape[1];
  g_autofree guint8 *pixels = g_malloc0 (4 * n);
  const SvdPicture picture = {
    .height = rgb->info.shape[0], .width = rgb->info.shape[1],
    .stride = 4 * rgb->info.shape[1], .pixels = pixels,
  };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < n; i++)
    memcpy (pixels + 4 * i, rgb->info.data + 3 * i, 3);
  svd_picture_fit (&picture, SVD_FIT_STRETCH, width, height, fitted, &error);
  g_assert_no_error (error);
}

/* Equal to the bit: pixels in [−1, 1] are bytes · 2/255 − 1. */
static void
check_lanczos (const float *rows, const KilnSafetensorsEntry *lanczos)
{
  gsize n = lanczos->info.shape[0] * lanczos->info.shape[1];

  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < 3; c++)
      g_assert_cmpint (lrintf ((rows[4 * i + c] + 1) * 127.5f), ==,
          lanczos->info.data[3 * i + c]);
}

static void
check_clip (const char *stage, const float *rows, const KilnShape *shape,
    const KilnSafetensorsEntry *entry)
{
  g_autofree float *planes = g_new (float, 3 * kiln_shape_rows (shape));
  g_autofree float *expected = NULL;
  gsize n;

  expected = golden_floats (entry, &n);
  svd_rows_to_planes (rows, shape, planes);
  measure_error (stage, "f32", relative_l2 (planes, expected, n), 1e-5);
}

static void
test_picture (gconstpointer data)
{
  guint n = GPOINTER_TO_UINT (data);
  g_autoptr (Golden) golden = golden_open ("common");
  const KilnSafetensorsEntry *lanczos =
      golden_entry (golden, "preprocess/%u/lanczos", n);
  KilnShape clip = { KILN_F32, 1, 224, 224, 3 };
  KilnShape vae = {
    KILN_F32, 1, lanczos->info.shape[0], lanczos->info.shape[1], 3
  };
  SvdPreprocess params = {
    .clip_size = 224, .width = vae.width, .height = vae.height
  };
  g_autofree char *stage = g_strdup_printf ("CLIP's picture %u", n);
  g_autoptr (KilnBuffer) clip_pixels = new_buffer (&clip);
  g_autoptr (KilnBuffer) vae_pixels = new_buffer (&vae);
  g_autofree float *clip_rows = NULL, *vae_rows = NULL;
  g_auto (SvdFitted) fitted = { 0 };
  SvdPreprocessorConfig config;
  g_autoptr (GError) error = NULL;

  svd_preprocessor_config_init (&config);
  for (guint c = 0; c < 3; c++) {
    params.mean[c] = config.image_mean[c];
    params.std[c] = config.image_std[c];
  }
  fit (golden_entry (golden, "preprocess/%u/picture", n), vae.width,
      vae.height, &fitted);
  svd_preprocess (device, &params, &fitted, NULL, clip_pixels, vae_pixels,
      NULL, &error);
  g_assert_no_error (error);
  clip_rows = read_pixels (clip_pixels, &clip);
  vae_rows = read_pixels (vae_pixels, &vae);
  check_lanczos (vae_rows, lanczos);
  check_clip (stage, clip_rows, &clip,
      golden_entry (golden, "preprocess/%u/clip", n));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kiln_device_open (NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < N_PICTURES; i++) {
    g_autofree char *path = g_strdup_printf ("/preprocess/%u", i);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_picture);
  }
  result = g_test_run ();
  measure_print_table ();
  kiln_device_unref (device);
  return result;
}
