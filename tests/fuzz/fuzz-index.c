/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An index of shards from anywhere, in a folder with two good shards: it
 * must end in a source or an error, and open nothing outside the folder. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/weights/tensor-source.h"
#include "fuzz.h"

static char *folder, *index_path;

static void
remove_folder (void)
{
  static const char *const names[] = { "i.json", "a", "b.safetensors" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (folder, names[i], NULL);

    remove (path);
  }
  remove (folder);
  g_free (folder);
  g_free (index_path);
}

/* Without g_file_set_contents()'s waiting for the disk. */
static void
write_file (const char *path, const void *bytes, gsize size)
{
  FILE *file = fopen (path, "wb");

  g_assert_nonnull (file);
  if (size > 0)
    g_assert_cmpuint (fwrite (bytes, 1, size, file), ==, size);
  fclose (file);
}

/* A shard with the tensors x and y of four bytes each. */
static void
write_shard (const char *name)
{
  static const char header[] = "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],"
      "\"data_offsets\":[0,4]},\"y\":{\"dtype\":\"F16\",\"shape\":[2],"
      "\"data_offsets\":[4,8]}}";
  guint8 bytes[8 + sizeof header - 1 + 8] = { sizeof header - 1 };
  g_autofree char *path = g_build_filename (folder, name, NULL);

  memcpy (bytes + 8, header, sizeof header - 1);
  write_file (path, bytes, sizeof bytes);
}

static void
make_folder (void)
{
  folder = g_dir_make_tmp ("fuzz-index-XXXXXX", NULL);
  g_assert_nonnull (folder);
  index_path = g_build_filename (folder, "i.json", NULL);
  write_shard ("a");
  write_shard ("b.safetensors");
  atexit (remove_folder);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnTensorSource) source = NULL;

  if (folder == NULL)
    make_folder ();
  write_file (index_path, data, size);
  source = kiln_tensor_source_open_index (index_path, &error);
  g_assert_true ((source == NULL) == (error != NULL));
  /* The two tensors are all there are. */
  g_assert_true (!source || kiln_tensor_source_get_n_tensors (source) <= 2);
  return 0;
}
