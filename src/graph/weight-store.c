/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"
#include "weight-store.h"

#include <string.h>

#define ALIGNMENT 256
#define BLOCK_BYTES (256u << 20)

struct _KilnWeightStore
{
  KilnDevice *device;
  GHashTable *views;            /* key → KilnView */
  GPtrArray *blocks;            /* KilnBuffer */
};

KilnWeightStore *
kiln_weight_store_new (KilnDevice *device)
{
  KilnWeightStore *self = g_new0 (KilnWeightStore, 1);

  self->device = kiln_device_ref (device);
  self->views = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  self->blocks =
      g_ptr_array_new_with_free_func ((GDestroyNotify) kiln_buffer_unref);
  return self;
}

void
kiln_weight_store_free (KilnWeightStore *self)
{
  g_hash_table_unref (self->views);
  g_ptr_array_unref (self->blocks);
  kiln_device_unref (self->device);
  g_free (self);
}

KilnView
kiln_weight_store_get (KilnWeightStore *self, const KilnTensor *tensor)
{
  return *(KilnView *) g_hash_table_lookup (self->views, tensor->weight->key);
}

guint64
kiln_weight_store_get_bytes (KilnWeightStore *self)
{
  guint64 bytes = 0;

  for (guint i = 0; i < self->blocks->len; i++)
    bytes += kiln_buffer_get_size (self->blocks->pdata[i]);
  return bytes;
}

/* ---- Space: blocks shared by many tensors. */

static guint64
aligned_bytes (const KilnTensor *tensor)
{
  return (kiln_shape_bytes (&tensor->shape) + ALIGNMENT - 1)
      & ~(guint64) (ALIGNMENT - 1);
}

static GPtrArray *
missing_weights (KilnWeightStore *self, KilnGraph *graph)
{
  GPtrArray *missing = g_ptr_array_new ();

  for (guint i = 0; i < graph->tensors->len; i++) {
    KilnTensor *tensor = graph->tensors->pdata[i];

    if (tensor->weight != NULL
        && !g_hash_table_contains (self->views, tensor->weight->key))
      g_ptr_array_add (missing, tensor);
  }
  return missing;
}

static KilnBuffer *
new_block (KilnWeightStore *self, const GPtrArray *tensors, guint first,
    GError **error)
{
  guint64 bytes = aligned_bytes (tensors->pdata[first]);
  KilnBuffer *block;

  for (guint i = first + 1; i < tensors->len; i++) {
    guint64 more = aligned_bytes (tensors->pdata[i]);

    if (bytes + more > BLOCK_BYTES)
      break;
    bytes += more;
  }
  block = kiln_buffer_new (self->device, bytes, KILN_MEMORY_DEVICE, error);
  if (block != NULL)
    g_ptr_array_add (self->blocks, block);
  return block;
}

/* Gives every tensor its view; they are not filled yet. */
static KilnView *
allocate_views (KilnWeightStore *self, const GPtrArray *tensors,
    GError **error)
{
  g_autofree KilnView *views = g_new0 (KilnView, tensors->len);
  KilnBuffer *block = NULL;
  guint64 used = 0;

  for (guint i = 0; i < tensors->len; i++) {
    KilnTensor *tensor = tensors->pdata[i];
    guint64 bytes = aligned_bytes (tensor);

    if (block == NULL || used + bytes > kiln_buffer_get_size (block)) {
      block = new_block (self, tensors, i, error);
      if (block == NULL)
        return NULL;
      used = 0;
    }
    views[i] = (KilnView) { tensor->shape, block, used };
    used += bytes;
  }
  return g_steal_pointer (&views);
}

/* ---- Upload: raw bytes through one staging buffer, packed by shaders. */

typedef struct {
  KilnWeightStore *store;
  KilnBuffer *staging;
  KilnRecorder *recorder;       /* what fills from the staging buffer */
  guint64 used;
  guint64 staged;               /* bytes of the checkpoint among them */
  KilnUploadFunc uploaded;
  gpointer user_data;
  GCancellable *cancellable;
} Upload;

static gboolean
flush (Upload *upload, GError **error)
{
  g_autoptr (KilnCommands) commands = NULL;

  if (upload->recorder == NULL)
    return TRUE;
  kiln_recorder_barrier (upload->recorder);
  commands = kiln_recorder_finish (g_steal_pointer (&upload->recorder), error);
  if (commands == NULL
      || !kiln_commands_run (commands, upload->cancellable, error))
    return FALSE;
  if (upload->uploaded != NULL)
    upload->uploaded (upload->staged, upload->user_data);
  upload->used = upload->staged = 0;
  return TRUE;
}

static gboolean
stage (Upload *upload, const KilnPack *pack, const KilnWeightInfo *info,
    const guint8 *data, guint64 bytes, guint32 first_output,
    guint32 n_outputs, const KilnView *view, GError **error)
{
  if (upload->used + bytes > kiln_buffer_get_size (upload->staging)
      && !flush (upload, error))
    return FALSE;
  if (upload->recorder == NULL)
    upload->recorder = kiln_recorder_new (upload->store->device);
  memcpy (kiln_buffer_get_data (upload->staging) + upload->used, data, bytes);
  kiln_pack_record (upload->recorder, pack, info->type, upload->staging,
      upload->used, first_output, n_outputs, view);
  upload->used = (upload->used + bytes + 15) & ~(guint64) 15;
  upload->staged += bytes;
  return TRUE;
}

/* A part larger than the staging buffer goes by runs of outputs. */
static gboolean
upload_part (Upload *upload, const KilnWeight *weight,
    const KilnWeightPart *part, const KilnView *view, GError **error)
{
  KilnPack pack = weight->pack;
  guint64 staging = kiln_buffer_get_size (upload->staging);
  guint64 an_output = part->info.size / part->n_outputs;
  guint32 at_once = part->n_outputs;

  pack.transposed = part->info.transposed;
  if (part->info.size > staging && !pack.transposed)
    at_once = MAX (staging / an_output / 8 * 8, 8);
  for (guint32 n = 0; n < part->n_outputs; n += at_once) {
    guint32 run = MIN (at_once, part->n_outputs - n);

    if (!stage (upload, &pack, &part->info, part->info.data + n * an_output,
            run * an_output, part->first_output + n, run, view, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
upload_all (Upload *upload, const GPtrArray *tensors, const KilnView *views,
    GError **error)
{
  for (guint i = 0; i < tensors->len; i++) {
    const KilnWeight *weight = ((KilnTensor *) tensors->pdata[i])->weight;

    for (guint j = 0; j < weight->n_parts; j++)
      if (!upload_part (upload, weight, &weight->parts[j], &views[i], error))
        return FALSE;
  }
  return flush (upload, error);
}

static guint64
packed_bytes (const GPtrArray *tensors)
{
  guint64 total = 0;

  for (guint i = 0; i < tensors->len; i++)
    total += aligned_bytes (tensors->pdata[i]);
  return total;
}

static guint64
raw_bytes (const GPtrArray *tensors, guint64 *largest_whole)
{
  guint64 total = 0;

  for (guint i = 0; i < tensors->len; i++) {
    const KilnWeight *weight = ((KilnTensor *) tensors->pdata[i])->weight;

    for (guint j = 0; j < weight->n_parts; j++) {
      const KilnWeightInfo *info = &weight->parts[j].info;

      total += info->size + 16;
      if (info->transposed)
        *largest_whole = MAX (*largest_whole, info->size);
    }
  }
  return total;
}

guint64
kiln_weight_store_get_missing (KilnWeightStore *self, KilnGraph *graph)
{
  g_autoptr (GPtrArray) tensors = missing_weights (self, graph);
  guint64 bytes = 0;

  for (guint i = 0; i < tensors->len; i++) {
    const KilnWeight *weight = ((KilnTensor *) tensors->pdata[i])->weight;

    for (guint j = 0; j < weight->n_parts; j++)
      bytes += weight->parts[j].info.size;
  }
  return bytes;
}

gboolean
kiln_weight_store_load (KilnWeightStore *self, KilnGraph *graph,
    KilnUploadFunc uploaded, gpointer user_data, GCancellable *cancellable,
    GError **error)
{
  g_autoptr (GPtrArray) tensors = missing_weights (self, graph);
  g_autoptr (KilnBuffer) staging = NULL;
  g_autofree KilnView *views = NULL;
  guint64 largest = KILN_STAGING_BYTES;
  guint64 total = raw_bytes (tensors, &largest);
  Upload upload = {
    .store = self, .uploaded = uploaded, .user_data = user_data,
    .cancellable = cancellable,
  };
  gboolean ok;

  if (tensors->len == 0)
    return TRUE;
  if (!kiln_device_check_room (self->device, packed_bytes (tensors)
          + MIN (total, largest), "The weights", error))
    return FALSE;
  views = allocate_views (self, tensors, error);
  if (views == NULL)
    return FALSE;
  staging = kiln_buffer_new (self->device, MIN (total, largest),
      KILN_MEMORY_UPLOAD, error);
  if (staging == NULL)
    return FALSE;
  upload.staging = staging;
  ok = upload_all (&upload, tensors, views, error);
  if (upload.recorder != NULL) {
    g_autoptr (KilnCommands) unused =
        kiln_recorder_finish (upload.recorder, NULL);
  }
  for (guint i = 0; ok && i < tensors->len; i++) {
    const KilnTensor *tensor = tensors->pdata[i];

    g_hash_table_insert (self->views, g_strdup (tensor->weight->key),
        g_memdup2 (&views[i], sizeof views[i]));
  }
  return ok;
}
