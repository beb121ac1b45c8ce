/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#include <glib/gstdio.h>
#include <string.h>

#include "../../src/device/error.h"

GBytes *
make_safetensors (const char *header, gsize n_data)
{
  guint64 length = GUINT64_TO_LE ((guint64) strlen (header));
  gsize n_header = strlen (header), size = 8 + n_header + n_data;
  guint8 *bytes = g_malloc (size);

  memcpy (bytes, &length, 8);
  memcpy (bytes + 8, header, n_header);
  for (gsize i = 0; i < n_data; i++)
    bytes[8 + n_header + i] = (guint8) i;
  return g_bytes_new_take (bytes, size);
}

char *
make_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("svd-test-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

void
remove_folder (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR))
      remove_folder (path);
    else
      g_unlink (path);
  }
  g_clear_pointer (&dir, g_dir_close);
  g_rmdir (folder);
}

static void
write_content (const char *folder, const char *name, const char *content,
    gssize length)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_file_set_contents (path, content, length, &error);
  g_assert_no_error (error);
}

void
write_file (const char *folder, const char *name, const char *text)
{
  write_content (folder, name, text, -1);
}

void
write_bytes (const char *folder, const char *name, GBytes *bytes)
{
  gsize size;
  const char *content = g_bytes_get_data (bytes, &size);

  write_content (folder, name, content ? content : "", size);
}

void
assert_model_error (GError **error, const char *part)
{
  g_assert_error (*error, KILN_ERROR, KILN_ERROR_MODEL);
  if (!strstr ((*error)->message, part))
    g_error ("'%s' is not in: %s", part, (*error)->message);
  g_clear_error (error);
}
