/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A model file from anywhere: opening it, inferring its architecture and
 * translating its names must end in a model or an error, whatever the bytes. */

#include <string.h>

#include "../../src/weights/single-file.h"
#include "fuzz.h"

/* Every byte that the reader hands out must be there to be read. */
static void
read_all (KilnSafetensors *file)
{
  G_GNUC_UNUSED volatile guint8 sum = 0;

  for (guint i = 0; i < kiln_safetensors_get_n_tensors (file); i++) {
    const KilnWeightInfo *info = &kiln_safetensors_get_nth (file, i)->info;

    for (gsize j = 0; j < info->size; j++)
      sum += info->data[j];
  }
}

static void
infer_all (KilnSafetensors *file)
{
  SvdClipConfig clip;
  SvdVaeConfig vae;
  SvdUnetConfig unet;

  svd_infer_clip (file, &clip, NULL);
  svd_infer_vae (file, &vae, NULL);
  svd_infer_unet (file, &unet, NULL);
}

static void
translate_all (KilnSafetensors *file)
{
  KilnKeyMap *maps[] = { svd_key_map_clip (file), svd_key_map_vae (file),
    svd_key_map_unet (file)
  };

  for (guint i = 0; i < G_N_ELEMENTS (maps); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (KilnTensorSource) source =
        kiln_key_map_apply (maps[i], file, &error);

    g_assert_true ((source == NULL) == (error != NULL));
    kiln_key_map_free (maps[i]);
  }
}

static void
open_and_use (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnSafetensors) file =
      kiln_safetensors_new_from_bytes (bytes, "input", &error);

  g_assert_true ((file == NULL) == (error != NULL));
  if (!file)
    return;
  read_all (file);
  infer_all (file);
  translate_all (file);
}

/* Mutations rarely keep the header's length right, so the input is tried
 * a second time with the length that ends it at its last brace. */
static void
open_repaired (const uint8_t *data, size_t size)
{
  g_autofree guint8 *repaired = g_memdup2 (data, size);
  guint64 length;
  size_t end = size;

  while (end > 8 && repaired[end - 1] != '}')
    end--;
  if (end <= 8)
    return;
  length = GUINT64_TO_LE ((guint64) end - 8);
  memcpy (repaired, &length, 8);
  open_and_use (repaired, size);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  open_and_use (data, size);
  open_repaired (data, size);
  return 0;
}
