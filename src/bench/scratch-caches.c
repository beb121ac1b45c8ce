/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch-caches.h"

#include <glib/gstdio.h>

/* What was tuned is not to be measured anew. g_get_user_cache_dir() would
 * remember the folder. */
static void
copy_choices (const char *to)
{
  const char *home = g_getenv ("XDG_CACHE_HOME");
  g_autofree char *from = home != NULL
      ? g_build_filename (home, "gst-svd", NULL)
      : g_build_filename (g_get_home_dir (), ".cache", "gst-svd", NULL);
  g_autofree char *folder = g_build_filename (to, "gst-svd", NULL);
  g_autoptr (GDir) entries = g_dir_open (from, 0, NULL);
  const char *name;

  g_mkdir (folder, 0700);
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL) {
    g_autofree char *old = g_build_filename (from, name, NULL);
    g_autofree char *new = g_build_filename (folder, name, NULL);
    g_autofree char *text = NULL;
    gsize size;

    if (g_str_has_prefix (name, "choices-")
        && g_file_get_contents (old, &text, &size, NULL))
      g_file_set_contents (new, text, size, NULL);
  }
}

char *
bench_scratch_caches_new (GError **error)
{
  /* GLib's, Mesa's, NVIDIA's */
  static const char *const variables[] = {
    "XDG_CACHE_HOME", "MESA_SHADER_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH",
  };
  char *folder = g_dir_make_tmp ("svd-bench-XXXXXX", error);

  if (folder != NULL)
    copy_choices (folder);
  for (guint i = 0; folder != NULL && i < G_N_ELEMENTS (variables); i++)
    g_setenv (variables[i], folder, TRUE);
  return folder;
}

typedef void (*EntryFunc) (char *path, gboolean is_folder, gpointer data);

static void
for_each_entry (const char *path, EntryFunc func, gpointer data)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL) {
    char *entry = g_build_filename (path, name, NULL);

    func (entry, g_file_test (entry, G_FILE_TEST_IS_DIR)
        && !g_file_test (entry, G_FILE_TEST_IS_SYMLINK), data);
  }
}

static void
remove_entry (char *path, gboolean is_folder, gpointer data)
{
  if (is_folder)
    bench_scratch_caches_remove (path);
  else {
    g_unlink (path);
    g_free (path);
  }
}

void
bench_scratch_caches_remove (char *path)
{
  for_each_entry (path, remove_entry, NULL);
  g_rmdir (path);
  g_free (path);
}

static void
add_size (char *path, gboolean is_folder, gpointer data)
{
  guint64 *bytes = data;
  GStatBuf status;

  if (is_folder)
    *bytes += bench_scratch_caches_size (path);
  else if (g_stat (path, &status) == 0)
    *bytes += status.st_size;
  g_free (path);
}

guint64
bench_scratch_caches_size (const char *folder)
{
  guint64 bytes = 0;

  for_each_entry (folder, add_size, &bytes);
  return bytes;
}
