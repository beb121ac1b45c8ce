/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "choices.h"

#include "private.h"
#include "shader-table.h"

#include <string.h>

/* The first line; then one a key: "KEY NAME", the name without spaces. */
#define HEADER "gst-svd choices for shaders "

static void
parse_line (GHashTable *choices, const char *line)
{
  const char *space = strrchr (line, ' ');

  if (space != NULL && space > line && space[1] != '\0')
    g_hash_table_insert (choices, g_strndup (line, space - line),
        (gpointer) g_intern_string (space + 1));
}

static void
load (GHashTable *choices, const char *path)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return;
  lines = g_strsplit (text, "\n", -1);
  if (lines[0] == NULL || !g_str_has_prefix (lines[0], HEADER)
      || strcmp (lines[0] + strlen (HEADER), kiln_shaders_hash) != 0)
    return;
  for (guint i = 1; lines[i] != NULL; i++)
    parse_line (choices, lines[i]);
}

void
kiln_choices_init (KilnDevice *self)
{
  self->choices = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->choices_path = kiln_device_cache_path (self, "choices", "txt");
  load (self->choices, self->choices_path);
}

void
kiln_choices_clear (KilnDevice *self)
{
  g_clear_pointer (&self->choices, g_hash_table_unref);
  g_free (self->choices_path);
}

const char *
kiln_device_get_choice (KilnDevice *self, const char *key)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->choices_lock);

  return g_hash_table_lookup (self->choices, key);
}

void
kiln_device_set_choice (KilnDevice *self, const char *key, const char *name)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->choices_lock);

  if (name != NULL)
    g_hash_table_insert (self->choices, g_strdup (key),
        (gpointer) g_intern_string (name));
  else
    g_hash_table_remove (self->choices, key);
}

/* Sorted, so that the same choices are the same file. */
static char *
format (KilnDevice *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->choices_lock);
  g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (self->choices),
      (GCompareFunc) strcmp);
  GString *text = g_string_new (HEADER);

  g_string_append_printf (text, "%s\n", kiln_shaders_hash);
  for (const GList *key = keys; key != NULL; key = key->next)
    g_string_append_printf (text, "%s %s\n", (const char *) key->data,
        (const char *) g_hash_table_lookup (self->choices, key->data));
  return g_string_free (text, FALSE);
}

gboolean
kiln_device_save_choices (KilnDevice *self, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (self->choices_path);
  g_autofree char *text = format (self);

  g_mkdir_with_parents (folder, 0700);
  return g_file_set_contents (self->choices_path, text, -1, error);
}

const char *
kiln_device_get_choices_path (KilnDevice *self)
{
  return self->choices_path;
}
