/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A safetensors file: 8 bytes header length (little endian), the header, a
 * JSON object {name: {"dtype", "shape", "data_offsets": [begin, end]}}, and
 * the tensors' bytes, to which the offsets are relative. */

#include "safetensors.h"

#include <string.h>

#include "fault.h"
#include "json-scan.h"

struct _KilnSafetensors {
  gatomicrefcount ref_count;
  char *path;
  GBytes *bytes;
  const guint8 *data;           /* behind the header */
  guint64 data_size;
  GStringChunk *strings;
  GArray *entries;              /* KilnSafetensorsEntry, by offset */
  GHashTable *by_name;          /* name → entry */
  GHashTable *metadata;         /* key → value, both in strings */
};

/* What one tensor's object says, before it is checked. */
typedef struct {
  GString *dtype;
  guint64 shape[KILN_MAX_DIMS];
  guint n_dims;
  guint64 begin, end;
  gboolean has_dtype, has_shape, has_offsets;
} Description;

static const struct {
  const char *name;
  guint bits;
  gboolean usable;
  KilnSourceType type;
} dtypes[] = {
  {"F32", 32, TRUE, KILN_SOURCE_F32},
  {"F16", 16, TRUE, KILN_SOURCE_F16},
  {"BF16", 16, TRUE, KILN_SOURCE_BF16},
  {"BOOL", 8}, {"U8", 8}, {"I8", 8}, {"F8_E5M2", 8}, {"F8_E4M3", 8},
  {"F8_E8M0", 8}, {"I16", 16}, {"U16", 16}, {"I32", 32}, {"U32", 32},
  {"I64", 64}, {"U64", 64}, {"F64", 64}, {"C64", 64},
};

static gboolean
json_fault (GError **error, KilnSafetensors *file, const KilnJson *json)
{
  return kiln_model_fault (error, file->path,
      "the header is not valid: %s at byte %"
      G_GSIZE_FORMAT, json->fault, json->fault_offset);
}

/* --- one tensor --- */

static gboolean
read_shape (KilnSafetensors *file, KilnJson *json, const char *name,
    Description *description, GError **error)
{
  if (!kiln_json_open (json, '['))
    return json_fault (error, file, json);
  for (description->n_dims = 0; kiln_json_next (json, ']');
      description->n_dims++) {
    if (description->n_dims == KILN_MAX_DIMS)
      return kiln_model_fault (error, file->path,
          "tensor '%s' has more than %d dimensions", name, KILN_MAX_DIMS);
    if (!kiln_json_uint64 (json, &description->shape[description->n_dims]))
      break;
  }
  return !json->fault || json_fault (error, file, json);
}

static gboolean
read_offsets (KilnSafetensors *file, KilnJson *json, const char *name,
    Description *description, GError **error)
{
  guint64 offsets[2];
  guint n;

  if (!kiln_json_open (json, '['))
    return json_fault (error, file, json);
  for (n = 0; n < 2 && kiln_json_next (json, ']'); n++)
    if (!kiln_json_uint64 (json, &offsets[n]))
      break;
  if (n == 2 && !kiln_json_next (json, ']') && !json->fault) {
    description->begin = offsets[0];
    description->end = offsets[1];
    return TRUE;
  }
  if (json->fault)
    return json_fault (error, file, json);
  return kiln_model_fault (error, file->path,
      "tensor '%s': data_offsets must be two numbers", name);
}

static gboolean
read_field (KilnSafetensors *file, KilnJson *json, const char *name,
    const char *key, Description *description, GError **error)
{
  gboolean *has = NULL;

  if (g_str_equal (key, "dtype"))
    has = &description->has_dtype;
  else if (g_str_equal (key, "shape"))
    has = &description->has_shape;
  else if (g_str_equal (key, "data_offsets"))
    has = &description->has_offsets;
  else
    return kiln_json_skip (json) || json_fault (error, file, json);

  if (*has)
    return kiln_model_fault (error, file->path,
        "tensor '%s' has two '%s'", name, key);
  *has = TRUE;
  if (has == &description->has_shape)
    return read_shape (file, json, name, description, error);
  if (has == &description->has_offsets)
    return read_offsets (file, json, name, description, error);
  return kiln_json_string (json, description->dtype)
      || json_fault (error, file, json);
}

static gboolean
read_description (KilnSafetensors *file, KilnJson *json, const char *name,
    Description *description, GString *key, GError **error)
{
  description->has_dtype = description->has_shape = FALSE;
  description->has_offsets = FALSE;
  if (!kiln_json_open (json, '{'))
    return json_fault (error, file, json);
  while (kiln_json_next (json, '}') && kiln_json_key (json, key))
    if (!read_field (file, json, name, key->str, description, error))
      return FALSE;
  if (json->fault)
    return json_fault (error, file, json);
  if (!description->has_dtype || !description->has_shape
      || !description->has_offsets)
    return kiln_model_fault (error, file->path,
        "tensor '%s' lacks its %s", name,
        !description->has_dtype ? "dtype" : !description->has_shape ?
        "shape" : "data_offsets");
  return TRUE;
}

static gboolean
check_place (KilnSafetensors *file, const char *name,
    const Description *description, GError **error)
{
  if (description->begin > description->end)
    return kiln_model_fault (error, file->path,
        "tensor '%s' ends (%" G_GUINT64_FORMAT
        ") before it begins (%" G_GUINT64_FORMAT ")", name,
        description->end, description->begin);
  if (description->end > file->data_size)
    return kiln_model_fault (error, file->path,
        "tensor '%s' ends at byte %" G_GUINT64_FORMAT
        " of the data, but the file holds only %" G_GUINT64_FORMAT
        ": it is truncated, get it again", name, description->end,
        file->data_size);
  return TRUE;
}

/* The bytes that a tensor of that shape takes. */
static gboolean
check_size (KilnSafetensors *file, const char *name,
    const Description *description, guint bits, GError **error)
{
  guint64 n_bits = bits;

  for (guint i = 0; i < description->n_dims; i++)
    if (!g_uint64_checked_mul (&n_bits, n_bits, description->shape[i]))
      return kiln_model_fault (error, file->path,
          "tensor '%s' has an impossible shape: its "
          "size is past 64 bits", name);
  if (n_bits == 0)
    return kiln_model_fault (error, file->path,
        "tensor '%s' has no elements", name);
  if (n_bits / 8 != description->end - description->begin)
    return kiln_model_fault (error, file->path,
        "tensor '%s' takes %" G_GUINT64_FORMAT
        " bytes by its type and shape, but %" G_GUINT64_FORMAT
        " by its data_offsets", name, n_bits / 8,
        description->end - description->begin);
  return TRUE;
}

/* Types that the format may gain later are carried along unusable: only
 * their place can be checked. */
static gboolean
add_entry (KilnSafetensors *file, const char *name,
    const Description *description, GError **error)
{
  KilnSafetensorsEntry entry = { name };

  if (!check_place (file, name, description, error))
    return FALSE;
  entry.dtype = g_string_chunk_insert_const (file->strings,
      description->dtype->str);
  entry.info.n_dims = description->n_dims;
  memcpy (entry.info.shape, description->shape,
      description->n_dims * sizeof description->shape[0]);
  entry.info.data = file->data + description->begin;
  entry.info.size = description->end - description->begin;
  for (guint i = 0; i < G_N_ELEMENTS (dtypes); i++) {
    if (!g_str_equal (entry.dtype, dtypes[i].name))
      continue;
    if (!check_size (file, name, description, dtypes[i].bits, error))
      return FALSE;
    entry.usable = dtypes[i].usable;
    entry.info.type = dtypes[i].type;
  }
  g_array_append_val (file->entries, entry);
  return TRUE;
}

/* --- the header --- */

static gboolean
read_metadata (KilnSafetensors *file, KilnJson *json, GString *key,
    GError **error)
{
  g_autoptr (GString) value = g_string_new (NULL);

  if (!kiln_json_open (json, '{'))
    return json_fault (error, file, json);
  while (kiln_json_next (json, '}') && kiln_json_key (json, key)
      && kiln_json_string (json, value)) {
    if (g_hash_table_size (file->metadata) == KILN_SAFETENSORS_MAX_TENSORS)
      return kiln_model_fault (error, file->path,
          "more than %d entries in __metadata__", KILN_SAFETENSORS_MAX_TENSORS);
    g_hash_table_insert (file->metadata,
        g_string_chunk_insert_const (file->strings, key->str),
        g_string_chunk_insert (file->strings, value->str));
  }
  return !json->fault || json_fault (error, file, json);
}

static gboolean
read_members (KilnSafetensors *file, KilnJson *json, Description *description,
    GString *key, GError **error)
{
  if (!kiln_json_open (json, '{'))
    return json_fault (error, file, json);
  while (kiln_json_next (json, '}') && kiln_json_key (json, key)) {
    const char *name;

    if (g_str_equal (key->str, "__metadata__")) {
      if (!read_metadata (file, json, key, error))
        return FALSE;
      continue;
    }
    if (file->entries->len == KILN_SAFETENSORS_MAX_TENSORS)
      return kiln_model_fault (error, file->path, "more than %d tensors",
          KILN_SAFETENSORS_MAX_TENSORS);
    name = g_string_chunk_insert (file->strings, key->str);
    if (!read_description (file, json, name, description, key, error)
        || !add_entry (file, name, description, error))
      return FALSE;
  }
  return kiln_json_end (json) || json_fault (error, file, json);
}

static gboolean
read_header (KilnSafetensors *file, const char *header, gsize length,
    GError **error)
{
  Description description = { g_string_new (NULL) };
  GString *key = g_string_new (NULL);
  KilnJson json;
  gboolean ok;

  kiln_json_init (&json, header, length);
  ok = read_members (file, &json, &description, key, error);
  g_string_free (description.dtype, TRUE);
  g_string_free (key, TRUE);
  return ok;
}

static int
compare_places (gconstpointer a, gconstpointer b)
{
  const KilnSafetensorsEntry *first = a, *second = b;

  if (first->info.data != second->info.data)
    return first->info.data < second->info.data ? -1 : 1;
  return first->info.size < second->info.size ? -1
      : first->info.size > second->info.size;
}

static gboolean
index_names (KilnSafetensors *file, GError **error)
{
  for (guint i = 0; i < file->entries->len; i++) {
    KilnSafetensorsEntry *entry =
        &g_array_index (file->entries, KilnSafetensorsEntry, i);

    if (!g_hash_table_insert (file->by_name, (char *) entry->name, entry))
      return kiln_model_fault (error, file->path,
          "tensor '%s' is there twice", entry->name);
  }
  return TRUE;
}

/* Sorted tensors must fill the data from its first byte to its last. */
static gboolean
check_coverage (KilnSafetensors *file, GError **error)
{
  const guint8 *covered = file->data;
  const char *previous = NULL;

  for (guint i = 0; i < file->entries->len; i++) {
    const KilnSafetensorsEntry *entry =
        &g_array_index (file->entries, KilnSafetensorsEntry, i);

    if (entry->info.data < covered)
      return kiln_model_fault (error, file->path,
          "tensors '%s' and '%s' overlap", previous, entry->name);
    if (entry->info.data > covered)
      return kiln_model_fault (error, file->path,
          "there is a hole before tensor '%s'", entry->name);
    covered = entry->info.data + entry->info.size;
    previous = entry->name;
  }
  if (covered != file->data + file->data_size)
    return kiln_model_fault (error, file->path,
        "%" G_GSIZE_FORMAT " bytes behind the last "
        "tensor belong to none",
        (gsize) (file->data + file->data_size - covered));
  return TRUE;
}

/* What people most often have in place of the weights. */
static gboolean
check_kind (KilnSafetensors *file, const guint8 *bytes, gsize size,
    GError **error)
{
  static const char lfs[] = "version https://git-lfs";

  if (size >= sizeof lfs && !memcmp (bytes, lfs, sizeof lfs - 1))
    return kiln_model_fault (error, file->path,
        "this is a Git LFS pointer, not the weights: "
        "run `git lfs pull` in its repository");
  if (size >= 4 && !memcmp (bytes, "PK\3\4", 4))
    return kiln_model_fault (error, file->path,
        "this is a PyTorch pickle (.ckpt, .bin); only "
        "safetensors files are read");
  return TRUE;
}

static gboolean
parse (KilnSafetensors *file, GError **error)
{
  gsize size;
  const guint8 *bytes = g_bytes_get_data (file->bytes, &size);
  guint64 length;

  if (!check_kind (file, bytes, size, error))
    return FALSE;
  if (size < 8)
    return kiln_model_fault (error, file->path,
        "%" G_GSIZE_FORMAT " bytes are too few for a "
        "safetensors file: it is truncated, get it again", size);
  memcpy (&length, bytes, 8);
  length = GUINT64_FROM_LE (length);
  if (length > KILN_SAFETENSORS_MAX_HEADER)
    return kiln_model_fault (error, file->path,
        "a header of %" G_GUINT64_FORMAT " bytes is "
        "past the limit of %d: this is no safetensors file", length,
        KILN_SAFETENSORS_MAX_HEADER);
  if (length > size - 8)
    return kiln_model_fault (error, file->path,
        "the header takes %" G_GUINT64_FORMAT
        " bytes, but the file has only %" G_GSIZE_FORMAT ": it is truncated, "
        "get it again", length, size);
  file->data = bytes + 8 + length;
  file->data_size = size - 8 - length;
  if (!read_header (file, (const char *) bytes + 8, length, error))
    return FALSE;
  g_array_sort (file->entries, compare_places);
  return index_names (file, error) && check_coverage (file, error);
}

/* --- opening and asking --- */

KilnSafetensors *
kiln_safetensors_new_from_bytes (GBytes *bytes, const char *label,
    GError **error)
{
  g_autoptr (KilnSafetensors) file = g_new0 (KilnSafetensors, 1);

  g_atomic_ref_count_init (&file->ref_count);
  file->path = g_strdup (label);
  file->bytes = g_bytes_ref (bytes);
  file->strings = g_string_chunk_new (4096);
  file->entries = g_array_new (FALSE, FALSE, sizeof (KilnSafetensorsEntry));
  file->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  file->metadata = g_hash_table_new (g_str_hash, g_str_equal);
  return parse (file, error) ? g_steal_pointer (&file) : NULL;
}

KilnSafetensors *
kiln_safetensors_open (const char *path, GError **error)
{
  GMappedFile *mapping = g_mapped_file_new (path, FALSE, error);
  g_autoptr (GBytes) bytes = NULL;

  if (!mapping)
    return NULL;
  bytes = g_mapped_file_get_bytes (mapping);
  g_mapped_file_unref (mapping);
  return kiln_safetensors_new_from_bytes (bytes, path, error);
}

KilnSafetensors *
kiln_safetensors_ref (KilnSafetensors *file)
{
  g_atomic_ref_count_inc (&file->ref_count);
  return file;
}

void
kiln_safetensors_unref (KilnSafetensors *file)
{
  if (!g_atomic_ref_count_dec (&file->ref_count))
    return;
  g_hash_table_unref (file->by_name);
  g_hash_table_unref (file->metadata);
  g_array_unref (file->entries);
  g_string_chunk_free (file->strings);
  g_bytes_unref (file->bytes);
  g_free (file->path);
  g_free (file);
}

const char *
kiln_safetensors_get_path (KilnSafetensors *file)
{
  return file->path;
}

guint
kiln_safetensors_get_n_tensors (KilnSafetensors *file)
{
  return file->entries->len;
}

const KilnSafetensorsEntry *
kiln_safetensors_get_nth (KilnSafetensors *file, guint index)
{
  g_return_val_if_fail (index < file->entries->len, NULL);
  return &g_array_index (file->entries, KilnSafetensorsEntry, index);
}

const KilnSafetensorsEntry *
kiln_safetensors_find (KilnSafetensors *file, const char *name)
{
  return g_hash_table_lookup (file->by_name, name);
}

const char *
kiln_safetensors_get_metadata (KilnSafetensors *file, const char *key)
{
  return g_hash_table_lookup (file->metadata, key);
}
