/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch-caches.h"

#include <glib/gstdio.h>

char *
bench_scratch_caches_new (GError **error)
{
  /* GLib's, Mesa's, NVIDIA's */
  static const char *const variables[] = {
    "XDG_CACHE_HOME", "MESA_SHADER_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH",
  };
  char *folder = g_dir_make_tmp ("svd-bench-XXXXXX", error);

  for (guint i = 0; folder != NULL && i < G_N_ELEMENTS (variables); i++)
    g_setenv (variables[i], folder, TRUE);
  return folder;
}

void
bench_scratch_caches_remove (char *path)
{
  g_autofree char *owned = path;
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL) {
    char *entry = g_build_filename (path, name, NULL);

    if (g_file_test (entry, G_FILE_TEST_IS_DIR)
        && !g_file_test (entry, G_FILE_TEST_IS_SYMLINK))
      bench_scratch_caches_remove (entry);
    else {
      g_unlink (entry);
      g_free (entry);
    }
  }
  g_rmdir (path);
}
