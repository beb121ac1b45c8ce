/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tensor-source.h"

#include <string.h>

#include "fault.h"
#include "json-scan.h"

/* The largest published checkpoints have a few hundred. */
#define MAX_SHARDS 4096

struct _KilnTensorSource {
  KilnWeightSource weights;     /* first: the interface is the object */
  gatomicrefcount ref_count;
  char *description;
  GHashTable *table;            /* name → Tensor */
  GHashTable *files;            /* set of KilnSafetensors */
  guint64 n_elements, n_bytes;  /* of usable tensors */
};

typedef struct {
  KilnWeightInfo info;
  const char *dtype;            /* belongs to the file */
  gboolean usable;
} Tensor;

static gboolean
find (KilnWeightSource *weights, const char *name, KilnWeightInfo *info)
{
  KilnTensorSource *source = (KilnTensorSource *) weights;
  const Tensor *tensor = g_hash_table_lookup (source->table, name);

  if (!tensor || !tensor->usable)
    return FALSE;
  *info = tensor->info;
  return TRUE;
}

static const char *
get_unusable_type (KilnWeightSource *weights, const char *name)
{
  KilnTensorSource *source = (KilnTensorSource *) weights;
  const Tensor *tensor = g_hash_table_lookup (source->table, name);

  return tensor && !tensor->usable ? tensor->dtype : NULL;
}

static const char *
describe (KilnWeightSource *weights)
{
  return ((KilnTensorSource *) weights)->description;
}

KilnTensorSource *
kiln_tensor_source_new (const char *description)
{
  KilnTensorSource *source = g_new0 (KilnTensorSource, 1);

  source->weights.find = find;
  source->weights.describe = describe;
  source->weights.get_unusable_type = get_unusable_type;
  g_atomic_ref_count_init (&source->ref_count);
  source->description = g_strdup (description);
  source->table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  source->files = g_hash_table_new_full (NULL, NULL,
      (GDestroyNotify) kiln_safetensors_unref, NULL);
  return source;
}

KilnTensorSource *
kiln_tensor_source_ref (KilnTensorSource *source)
{
  g_atomic_ref_count_inc (&source->ref_count);
  return source;
}

void
kiln_tensor_source_unref (KilnTensorSource *source)
{
  if (!g_atomic_ref_count_dec (&source->ref_count))
    return;
  g_hash_table_unref (source->table);
  g_hash_table_unref (source->files);
  g_free (source->description);
  g_free (source);
}

static guint64
count_elements (const KilnWeightInfo *info)
{
  return info->size / (info->type == KILN_SOURCE_F32 ? 4 : 2);
}

gboolean
kiln_tensor_source_add (KilnTensorSource *source, const char *name,
    KilnSafetensors *file, const KilnSafetensorsEntry *entry,
    const KilnWeightInfo *info)
{
  Tensor *tensor;

  if (g_hash_table_contains (source->table, name))
    return FALSE;
  tensor = g_new (Tensor, 1);
  tensor->info = info ? *info : entry->info;
  tensor->dtype = entry->dtype;
  tensor->usable = entry->usable;
  g_hash_table_insert (source->table, g_strdup (name), tensor);
  if (!g_hash_table_contains (source->files, file))
    g_hash_table_add (source->files, kiln_safetensors_ref (file));
  if (entry->usable) {
    source->n_elements += count_elements (&tensor->info);
    source->n_bytes += tensor->info.size;
  }
  return TRUE;
}

KilnWeightSource *
kiln_tensor_source_as_weights (KilnTensorSource *source)
{
  return &source->weights;
}

guint
kiln_tensor_source_get_n_tensors (KilnTensorSource *source)
{
  return g_hash_table_size (source->table);
}

guint64
kiln_tensor_source_get_n_elements (KilnTensorSource *source)
{
  return source->n_elements;
}

guint64
kiln_tensor_source_get_n_bytes (KilnTensorSource *source)
{
  return source->n_bytes;
}

/* --- one file --- */

KilnTensorSource *
kiln_tensor_source_open_file (const char *path, GError **error)
{
  g_autoptr (KilnSafetensors) file = kiln_safetensors_open (path, error);
  KilnTensorSource *source;

  if (!file)
    return NULL;
  source = kiln_tensor_source_new (path);
  for (guint i = 0; i < kiln_safetensors_get_n_tensors (file); i++) {
    const KilnSafetensorsEntry *entry = kiln_safetensors_get_nth (file, i);

    kiln_tensor_source_add (source, entry->name, file, entry, NULL);
  }
  return source;
}

/* --- shards: {"weight_map": {tensor: file name, …}, …} --- */

typedef struct {
  KilnTensorSource *source;
  const char *path;             /* of the index */
  char *folder;
  GHashTable *shards;           /* file name → KilnSafetensors */
  GString *name, *shard;        /* scratch */
} Index;

static gboolean
index_json_fault (Index *index, GError **error, const KilnJson *json)
{
  return kiln_model_fault (error, index->path,
      "this is no valid shard index: %s at "
      "byte %" G_GSIZE_FORMAT, json->fault, json->fault_offset);
}

/* An index must not reach outside its folder. */
static gboolean
is_plain_name (const char *name)
{
  return *name && *name != '.' && !strpbrk (name, "/\\:");
}

static KilnSafetensors *
open_shard (Index *index, const char *name, GError **error)
{
  KilnSafetensors *file = g_hash_table_lookup (index->shards, name);
  g_autofree char *path = NULL;

  if (file)
    return file;
  if (!is_plain_name (name)) {
    kiln_model_fault (error, index->path,
        "'%s' is no name of a file in its folder", name);
    return NULL;
  }
  if (g_hash_table_size (index->shards) == MAX_SHARDS) {
    kiln_model_fault (error, index->path, "more than %d shards", MAX_SHARDS);
    return NULL;
  }
  path = g_build_filename (index->folder, name, NULL);
  file = kiln_safetensors_open (path, error);
  if (file)
    g_hash_table_insert (index->shards, g_strdup (name), file);
  else
    g_prefix_error (error, "%s: a shard is missing or damaged: ",
        index->path);
  return file;
}

static gboolean
add_mapped (Index *index, GError **error)
{
  const char *name = index->name->str, *shard = index->shard->str;
  KilnSafetensors *file = open_shard (index, shard, error);
  const KilnSafetensorsEntry *entry;

  if (!file)
    return FALSE;
  entry = kiln_safetensors_find (file, name);
  if (!entry)
    return kiln_model_fault (error, index->path,
        "tensor '%s' is not in its shard '%s'", name, shard);
  if (!kiln_tensor_source_add (index->source, name, file, entry, NULL))
    return kiln_model_fault (error, index->path,
        "tensor '%s' is listed twice", name);
  return TRUE;
}

static gboolean
read_weight_map (Index *index, KilnJson *json, GError **error)
{
  kiln_json_open (json, '{');
  while (kiln_json_next (json, '}') && kiln_json_key (json, index->name)
      && kiln_json_string (json, index->shard))
    if (!add_mapped (index, error))
      return FALSE;
  return !json->fault || index_json_fault (index, error, json);
}

static gboolean
read_index (Index *index, KilnJson *json, GError **error)
{
  kiln_json_open (json, '{');
  while (kiln_json_next (json, '}') && kiln_json_key (json, index->name)) {
    if (!g_str_equal (index->name->str, "weight_map"))
      kiln_json_skip (json);
    else if (!read_weight_map (index, json, error))
      return FALSE;
  }
  if (!kiln_json_end (json))
    return index_json_fault (index, error, json);
  if (kiln_tensor_source_get_n_tensors (index->source) == 0)
    return kiln_model_fault (error, index->path,
        "its weight_map is missing or empty");
  return TRUE;
}

KilnTensorSource *
kiln_tensor_source_open_index (const char *path, GError **error)
{
  GMappedFile *mapping = g_mapped_file_new (path, FALSE, error);
  Index index = { NULL, path };
  KilnJson json;

  if (!mapping)
    return NULL;
  kiln_json_init (&json, g_mapped_file_get_contents (mapping),
      g_mapped_file_get_length (mapping));
  index.source = kiln_tensor_source_new (path);
  index.folder = g_path_get_dirname (path);
  index.shards = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) kiln_safetensors_unref);
  index.name = g_string_new (NULL);
  index.shard = g_string_new (NULL);
  if (!read_index (&index, &json, error))
    g_clear_pointer (&index.source, kiln_tensor_source_unref);
  g_string_free (index.name, TRUE);
  g_string_free (index.shard, TRUE);
  g_hash_table_unref (index.shards);
  g_free (index.folder);
  g_mapped_file_unref (mapping);
  return index.source;
}

/* --- a component's folder --- */

/* Where the writers put the word fp16 into an index's name has changed over
 * the years; all of these exist. */
static const char *const candidates[] = {
  "diffusion_pytorch_model.safetensors",
  "diffusion_pytorch_model.safetensors.index.json",
  "model.safetensors",
  "model.safetensors.index.json",
};

static const char *const fp16_candidates[] = {
  "diffusion_pytorch_model.fp16.safetensors",
  "diffusion_pytorch_model.safetensors.index.fp16.json",
  "diffusion_pytorch_model.safetensors.fp16.index.json",
  "diffusion_pytorch_model.fp16.safetensors.index.json",
  "model.fp16.safetensors",
  "model.safetensors.index.fp16.json",
  "model.safetensors.fp16.index.json",
  "model.fp16.safetensors.index.json",
};

/* The path of the first that is there, or NULL. */
static char *
find_candidate (const char *folder, gboolean fp16)
{
  const char *const *names = fp16 ? fp16_candidates : candidates;
  guint n = fp16 ? G_N_ELEMENTS (fp16_candidates) : G_N_ELEMENTS (candidates);

  for (guint i = 0; i < n; i++) {
    char *path = g_build_filename (folder, names[i], NULL);

    if (g_file_test (path, G_FILE_TEST_EXISTS))
      return path;
    g_free (path);
  }
  return NULL;
}

static char *
find_weights (const char *folder, gboolean prefer_fp16)
{
  char *path = find_candidate (folder, prefer_fp16);

  return path ? path : find_candidate (folder, !prefer_fp16);
}

/* A file in folder that holds weights in a format that is not read, or a
 * link that leads nowhere; NULL without one. */
static char *
find_unreadable (const char *folder, gboolean *dangling)
{
  static const char *const endings[] = { ".bin", ".ckpt", ".pt", ".pth" };
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;
  char *found = NULL;

  *dangling = FALSE;
  while (dir && !found && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
      if (!found && g_str_has_suffix (name, endings[i]))
        found = g_strdup (name);
    if (!found && strstr (name, ".safetensors")
        && !g_file_test (path, G_FILE_TEST_EXISTS)) {
      *dangling = TRUE;
      found = g_strdup (name);
    }
  }
  g_clear_pointer (&dir, g_dir_close);
  return found;
}

static void
report_nothing_found (const char *folder, GError **error)
{
  gboolean dangling;
  g_autofree char *unreadable = find_unreadable (folder, &dangling);

  if (unreadable && dangling)
    kiln_model_fault (error, folder, "'%s' is a link to a file that does not "
        "exist: the download is incomplete, get the model again", unreadable);
  else if (unreadable)
    kiln_model_fault (error, folder, "only '%s' is there, and only "
        "safetensors files are read: download the model's .safetensors files",
        unreadable);
  else
    kiln_model_fault (error, folder, "no weights are there; looked for "
        "diffusion_pytorch_model and model as .safetensors, "
        ".fp16.safetensors and .safetensors.index.json");
}

gboolean
kiln_tensor_source_has_weights (const char *folder)
{
  g_autofree char *path = find_weights (folder, FALSE);

  return path != NULL;
}

KilnTensorSource *
kiln_tensor_source_open_folder (const char *folder, gboolean prefer_fp16,
    GError **error)
{
  g_autofree char *path = find_weights (folder, prefer_fp16);

  if (!path) {
    report_nothing_found (folder, error);
    return NULL;
  }
  if (g_str_has_suffix (path, ".json"))
    return kiln_tensor_source_open_index (path, error);
  return kiln_tensor_source_open_file (path, error);
}
