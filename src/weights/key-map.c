/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "key-map.h"

#include <string.h>

#include "fault.h"

typedef struct {
  char *to;
  const KilnKeyRule *rules;
} Module;

struct _KilnKeyMap {
  GHashTable *modules;          /* from → Module */
};

static void
free_module (gpointer data)
{
  Module *module = data;

  g_free (module->to);
  g_free (module);
}

KilnKeyMap *
kiln_key_map_new (void)
{
  KilnKeyMap *map = g_new (KilnKeyMap, 1);

  map->modules = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      free_module);
  return map;
}

void
kiln_key_map_free (KilnKeyMap *map)
{
  g_hash_table_unref (map->modules);
  g_free (map);
}

void
kiln_key_map_add (KilnKeyMap *map, const char *from, const char *to,
    const KilnKeyRule *rules)
{
  Module *module = g_new (Module, 1);

  module->to = g_strdup (to);
  module->rules = rules;
  g_hash_table_replace (map->modules, g_strdup (from), module);
}

/* "a" and "b" as "a.b"; either may be empty, and b may start with a dot. */
static char *
join (const char *module, const char *rest)
{
  if (*rest == '.')
    rest++;
  if (!*module || !*rest)
    return g_strconcat (module, rest, NULL);
  return g_strconcat (module, ".", rest, NULL);
}

static char *
translate_rest (const Module *module, const char *rest,
    KilnKeyChange *change)
{
  *change = KILN_KEY_AS_IS;
  if (!module->rules)
    return join (module->to, rest);
  for (const KilnKeyRule *rule = module->rules; rule->from; rule++) {
    gsize length = strlen (rule->from);
    g_autofree char *to = NULL;

    if (!g_str_has_prefix (rest, rule->from)
        || (rest[length] && rest[length] != '.'))
      continue;
    *change = rule->change;
    to = join (module->to, rule->to);
    return join (to, rest + length);
  }
  return NULL;
}

/* Tries name's prefixes from the longest, down to none. */
char *
kiln_key_map_translate (const KilnKeyMap *map, const char *name,
    KilnKeyChange *change)
{
  g_autofree char *prefix = g_strdup (name);

  for (;;) {
    const Module *module = g_hash_table_lookup (map->modules, prefix);
    gsize length = strlen (prefix);
    char *dot = strrchr (prefix, '.');

    if (module)
      return translate_rest (module,
          name + length + (name[length] == '.'), change);
    if (length == 0)
      return NULL;
    *(dot ? dot : prefix) = '\0';
  }
}

static gboolean
add (KilnTensorSource *source, const char *name, KilnSafetensors *file,
    const KilnSafetensorsEntry *entry, const KilnWeightInfo *info,
    GError **error)
{
  if (kiln_tensor_source_add (source, name, file, entry, info))
    return TRUE;
  return kiln_model_fault (error, kiln_safetensors_get_path (file),
      "tensor '%s' and another one are both '%s'", entry->name, name);
}

/* name is "before{a,b,c}after". */
static gboolean
add_parts (KilnTensorSource *source, const char *name, KilnSafetensors *file,
    const KilnSafetensorsEntry *entry, GError **error)
{
  const char *brace = strchr (name, '{'), *end = strchr (name, '}');
  g_autofree char *before = g_strndup (name, brace - name);
  g_autofree char *list = g_strndup (brace + 1, end - brace - 1);
  g_auto (GStrv) parts = g_strsplit (list, ",", -1);
  guint n_parts = g_strv_length (parts);
  KilnWeightInfo info = entry->info;

  if (!entry->usable)
    return TRUE;
  if (info.n_dims == 0 || info.shape[0] % n_parts != 0)
    return kiln_model_fault (error, kiln_safetensors_get_path (file),
        "tensor '%s' should be %u stacked ones, but its height is no "
        "multiple of that", entry->name, n_parts);
  info.shape[0] /= n_parts;
  info.size /= n_parts;
  for (guint i = 0; i < n_parts; i++) {
    g_autofree char *part = g_strconcat (before, parts[i], end + 1, NULL);

    info.data = entry->info.data + i * info.size;
    if (!add (source, part, file, entry, &info, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
add_changed (KilnTensorSource *source, const char *name,
    KilnSafetensors *file, const KilnSafetensorsEntry *entry,
    KilnKeyChange change, GError **error)
{
  KilnWeightInfo info = entry->info;

  if (change == KILN_KEY_SPLIT)
    return add_parts (source, name, file, entry, error);
  if (change == KILN_KEY_TRANSPOSED)
    info.transposed = TRUE;
  if (change == KILN_KEY_MATRIX && info.n_dims == 4 && info.shape[2] == 1
      && info.shape[3] == 1)
    info.n_dims = 2;
  return add (source, name, file, entry, &info, error);
}

KilnTensorSource *
kiln_key_map_apply (const KilnKeyMap *map, KilnSafetensors *file,
    GError **error)
{
  g_autoptr (KilnTensorSource) source =
      kiln_tensor_source_new (kiln_safetensors_get_path (file));

  for (guint i = 0; i < kiln_safetensors_get_n_tensors (file); i++) {
    const KilnSafetensorsEntry *entry = kiln_safetensors_get_nth (file, i);
    KilnKeyChange change;
    g_autofree char *name = kiln_key_map_translate (map, entry->name,
        &change);

    if (name && !add_changed (source, name, file, entry, change, error))
      return NULL;
  }
  return g_steal_pointer (&source);
}
