/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A checkpoint of F32, F16 and BF16 tensors computes, bit by bit, what the
 * same numbers do as F32. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "networks.h"
#include "../ops/half.h"

static KilnDevice *device;

/* A number near this one that all three types hold. */
static float
round_to_all (float value)
{
  guint32 bits;

  if (!(fabsf (value) >= 0x1p-14f))
    return 0;
  memcpy (&bits, &value, 4);
  bits &= 0xffff0000u;
  memcpy (&value, &bits, 4);
  return value;
}

static void
append_as (GByteArray *data, KilnSourceType type, float value)
{
  guint32 bits;
  guint16 half;

  memcpy (&bits, &value, 4);
  half = type == KILN_SOURCE_F16 ? half_from_float (value) : bits >> 16;
  if (type == KILN_SOURCE_F32)
    g_byte_array_append (data, (guint8 *) &bits, 4);
  else
    g_byte_array_append (data, (guint8 *) &half, 2);
}

/* A tensor of F32 in the type: its bytes, and its line of the header. */
static void
append_tensor (GString *header, GByteArray *data,
    const KilnSafetensorsEntry *entry, KilnSourceType type)
{
  static const char *const names[] = {
    [KILN_SOURCE_F32] = "F32", [KILN_SOURCE_F16] = "F16",
    [KILN_SOURCE_BF16] = "BF16",
  };
  guint begin = data->len;

  g_assert_cmpint (entry->info.type, ==, KILN_SOURCE_F32);
  for (gsize i = 0; i < entry->info.size; i += 4) {
    float value;

    memcpy (&value, entry->info.data + i, 4);
    append_as (data, type, round_to_all (value));
  }
  g_string_append_printf (header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[",
      header->len > 1 ? "," : "", entry->name, names[type]);
  for (guint i = 0; i < entry->info.n_dims; i++)
    g_string_append_printf (header, "%s%" G_GUINT64_FORMAT, i ? "," : "",
        entry->info.shape[i]);
  g_string_append_printf (header, "],\"data_offsets\":[%u,%u]}", begin,
      data->len);
}

static GByteArray *
convert (KilnSafetensors *file, gboolean mixed)
{
  g_autoptr (GString) header = g_string_new ("{");
  g_autoptr (GByteArray) data = g_byte_array_new ();
  GByteArray *result = g_byte_array_new ();
  guint64 length;

  for (guint i = 0; i < kiln_safetensors_get_n_tensors (file); i++)
    append_tensor (header, data, kiln_safetensors_get_nth (file, i),
        mixed ? i % 3 : KILN_SOURCE_F32);
  g_string_append_c (header, '}');
  length = GUINT64_TO_LE ((guint64) header->len);
  g_byte_array_append (result, (guint8 *) &length, 8);
  g_byte_array_append (result, (guint8 *) header->str, header->len);
  g_byte_array_append (result, data->data, data->len);
  return result;
}

/* The golden's UNet by itself, its weights converted. */
static SvdModelFiles *
open_converted (Golden *golden, gboolean mixed)
{
  static const char weights[] = "diffusion_pytorch_model.safetensors";
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("svd-mixed-XXXXXX", &error);
  g_autofree char *unet = g_build_filename (folder, "unet", NULL);
  g_autofree char *from = g_build_filename (golden_get_model_path (golden),
      "unet", weights, NULL);
  g_autofree char *to = g_build_filename (unet, weights, NULL);
  g_autofree char *config_from = g_build_filename (golden_get_model_path
      (golden), "unet", "config.json", NULL);
  g_autofree char *config_to = g_build_filename (unet, "config.json", NULL);
  g_autoptr (KilnSafetensors) file = kiln_safetensors_open (from, &error);
  g_autoptr (GByteArray) bytes = NULL;
  g_autofree char *config = NULL;
  SvdModelFiles *files;

  g_assert_no_error (error);
  bytes = convert (file, mixed);
  g_mkdir (unet, 0700);
  g_assert_true (g_file_get_contents (config_from, &config, NULL, NULL));
  g_assert_true (g_file_set_contents (config_to, config, -1, NULL));
  g_assert_true (g_file_set_contents (to, (char *) bytes->data, bytes->len,
          NULL));
  files = svd_model_files_open (folder, &error);
  g_assert_no_error (error);
  /* Mapped, it may go. */
  svd_model_files_get_source (files, SVD_PART_UNET, FALSE, &error);
  g_assert_no_error (error);
  g_unlink (to);
  g_unlink (config_to);
  g_rmdir (unet);
  g_rmdir (folder);
  return files;
}

static float *
run (KilnType type, gboolean mixed, gsize *n)
{
  g_auto (Checkpoint) checkpoint = { 0 };
  g_autoptr (Net) net = NULL;
  gsize rows, channels;
  float *values;

  checkpoint_init (&checkpoint, "alpha", device, type);
  svd_model_files_unref (checkpoint.files);
  checkpoint.files = open_converted (checkpoint.golden, mixed);
  net = build_golden_unet (&checkpoint, 1);
  net_run (net);
  values = net_read_rows (net, "out", &rows, &channels);
  *n = rows * channels;
  return values;
}

static void
test_unet (gconstpointer data)
{
  KilnType type = GPOINTER_TO_INT (data);
  gsize n, n_mixed;
  g_autofree float *expected = run (type, FALSE, &n);
  g_autofree float *mixed = run (type, TRUE, &n_mixed);
  float sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += fabsf (expected[i]);
  g_assert_true (isfinite (sum) && sum > 0.1f * n);
  g_assert_cmpmem (mixed, n_mixed * sizeof *mixed, expected,
      n * sizeof *expected);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kiln_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_data_func ("/mixed-types/f32", GINT_TO_POINTER (KILN_F32),
      test_unet);
  g_test_add_data_func ("/mixed-types/f16", GINT_TO_POINTER (KILN_F16),
      test_unet);
  result = g_test_run ();
  kiln_device_unref (device);
  return result;
}
