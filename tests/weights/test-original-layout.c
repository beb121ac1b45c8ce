/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same weights as a diffusers folder, $SVD_GOLDEN_DIR/alpha/model, and
 * as tools/original_layout.py wrote it in one file, beside it as
 * original/svd.safetensors: every tensor must be the same, byte by byte. */

#include <string.h>

#include "../../src/weights/model-files.h"
#include "../../src/weights/safetensors.h"

static char *folder, *single_file;

static gsize
count_elements (const KilnWeightInfo *info)
{
  gsize n = 1;

  for (guint i = 0; i < info->n_dims; i++)
    n *= info->shape[i];
  return n;
}

/* Element (row, column) of one is element (column, row) of the other. */
static gboolean
equal_transposed (const KilnWeightInfo *wanted, const KilnWeightInfo *stored)
{
  gsize rows = wanted->shape[0], columns = wanted->shape[1];
  gsize size = wanted->size / (rows * columns);

  if (stored->shape[0] != columns || stored->shape[1] != rows)
    return FALSE;
  for (gsize i = 0; i < rows; i++)
    for (gsize j = 0; j < columns; j++)
      if (memcmp (wanted->data + (i * columns + j) * size,
              stored->data + (j * rows + i) * size, size) != 0)
        return FALSE;
  return TRUE;
}

static gboolean
equal (const KilnWeightInfo *wanted, const KilnWeightInfo *stored)
{
  if (wanted->type != stored->type || wanted->size != stored->size
      || wanted->n_dims != stored->n_dims)
    return FALSE;
  if (stored->transposed)
    return equal_transposed (wanted, stored);
  return count_elements (wanted) == count_elements (stored)
      && memcmp (wanted->shape, stored->shape,
      wanted->n_dims * sizeof wanted->shape[0]) == 0
      && memcmp (wanted->data, stored->data, wanted->size) == 0;
}

static void
compare_part (SvdModelFiles *files, SvdPart part, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, svd_part_get_name (part),
      name, NULL);
  g_autoptr (KilnSafetensors) wanted = kiln_safetensors_open (path, &error);
  KilnWeightSource *source;

  g_assert_no_error (error);
  source = svd_model_files_get_source (files, part, FALSE, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < kiln_safetensors_get_n_tensors (wanted); i++) {
    const KilnSafetensorsEntry *entry = kiln_safetensors_get_nth (wanted, i);
    KilnWeightInfo info;

    if (!entry->usable)         /* position_ids */
      continue;
    if (!source->find (source, entry->name, &info))
      g_error ("there is no %s", entry->name);
    if (!equal (&entry->info, &info))
      g_error ("%s is not the same", entry->name);
  }
}

static void
test_tensors (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModelFiles) files = svd_model_files_open (single_file, &error);

  g_assert_no_error (error);
  compare_part (files, SVD_PART_UNET, "diffusion_pytorch_model.safetensors");
  compare_part (files, SVD_PART_VAE, "diffusion_pytorch_model.safetensors");
  compare_part (files, SVD_PART_IMAGE_ENCODER, "model.safetensors");
}

static void
compare_unets (const SvdUnetConfig *one, const SvdUnetConfig *other)
{
  g_assert_cmpuint (one->n_blocks, ==, other->n_blocks);
  g_assert_cmpuint (one->in_channels, ==, other->in_channels);
  g_assert_cmpuint (one->num_frames, ==, other->num_frames);
  g_assert_cmpuint (one->addition_time_embed_dim, ==,
      other->addition_time_embed_dim);
  for (guint i = 0; i < one->n_blocks; i++) {
    g_assert_cmpuint (one->block_out_channels[i], ==,
        other->block_out_channels[i]);
    g_assert_cmpuint (one->layers_per_block[i], ==,
        other->layers_per_block[i]);
    g_assert_cmpuint (one->cross_attention_dim[i], ==,
        other->cross_attention_dim[i]);
    g_assert_cmpint (one->down_block_cross[i], ==, other->down_block_cross[i]);
    g_assert_cmpint (one->up_block_cross[i], ==, other->up_block_cross[i]);
  }
}

static void
test_configs (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModelFiles) one = svd_model_files_open (folder, &error);
  g_autoptr (SvdModelFiles) other = svd_model_files_open (single_file, &error);
  const SvdClipConfig *clip = svd_model_files_get_clip_config (one, NULL);
  const SvdClipConfig *other_clip =
      svd_model_files_get_clip_config (other, NULL);
  const SvdVaeConfig *vae = svd_model_files_get_vae_config (one, NULL);
  const SvdVaeConfig *other_vae = svd_model_files_get_vae_config (other, NULL);

  g_assert_no_error (error);
  compare_unets (svd_model_files_get_unet_config (one, NULL),
      svd_model_files_get_unet_config (other, NULL));
  g_assert_cmpuint (vae->factor, ==, other_vae->factor);
  g_assert_cmpuint (vae->layers_per_block, ==, other_vae->layers_per_block);
  g_assert_cmpuint (clip->image_size, ==, other_clip->image_size);
  g_assert_cmpuint (clip->num_hidden_layers, ==,
      other_clip->num_hidden_layers);
}

int
main (int argc, char **argv)
{
  const char *goldens = g_getenv ("SVD_GOLDEN_DIR");
  int result;

  g_test_init (&argc, &argv, NULL);
  folder = g_build_filename (goldens ? goldens : "", "alpha", "model", NULL);
  single_file = g_build_filename (goldens ? goldens : "", "alpha", "original",
      "svd.safetensors", NULL);
  if (!goldens || !g_file_test (single_file, G_FILE_TEST_EXISTS)) {
    g_printerr ("no goldens: SVD_GOLDEN_DIR must name what tools/golden "
        "made, and tools/original_layout.py alpha/original in it\n");
    return 77;
  }
  g_test_add_func ("/original-layout/tensors", test_tensors);
  g_test_add_func ("/original-layout/configs", test_configs);
  result = g_test_run ();
  g_free (folder);
  g_free (single_file);
  return result;
}
