/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packer.h"
#include "private.h"
#include "weight-store.h"

#define ALIGNMENT 256
#define BLOCK_BYTES (256u << 20)
/* What is packed between two reports, and by one processor at a time. */
#define BATCH_BYTES (KILN_STAGING_BYTES / 2)
#define JOB_BYTES (1u << 20)

struct _KilnWeightStore
{
  KilnDevice *device;
  GHashTable *views;            /* key → KilnView */
  GPtrArray *blocks;            /* KilnBuffer on the device */
  GPtrArray *host_blocks;       /* KilnBuffer, of streamed weights */
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
  self->host_blocks =
      g_ptr_array_new_with_free_func ((GDestroyNotify) kiln_buffer_unref);
  return self;
}

void
kiln_weight_store_free (KilnWeightStore *self)
{
  g_hash_table_unref (self->views);
  g_ptr_array_unref (self->blocks);
  g_ptr_array_unref (self->host_blocks);
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

gboolean
kiln_weight_store_suits (KilnWeightStore *self, KilnGraph *graph)
{
  for (guint i = 0; i < graph->tensors->len; i++) {
    const KilnTensor *tensor = graph->tensors->pdata[i];
    const KilnView *view = tensor->weight == NULL ? NULL
        : g_hash_table_lookup (self->views, tensor->weight->key);

    if (view != NULL && tensor->streamed
        != g_ptr_array_find (self->host_blocks, view->buffer, NULL))
      return FALSE;
  }
  return TRUE;
}

void
kiln_weight_store_clear (KilnWeightStore *self)
{
  g_hash_table_remove_all (self->views);
  g_ptr_array_set_size (self->blocks, 0);
  g_ptr_array_set_size (self->host_blocks, 0);
}

/* ---- Space: blocks shared by many tensors. */

static guint64
aligned_bytes (const KilnTensor *tensor)
{
  return (kiln_shape_bytes (&tensor->shape) + ALIGNMENT - 1)
      & ~(guint64) (ALIGNMENT - 1);
}

/* Those that are streamed, or those that are not. */
static GPtrArray *
missing_weights (KilnWeightStore *self, KilnGraph *graph, gboolean streamed)
{
  GPtrArray *missing = g_ptr_array_new ();

  for (guint i = 0; i < graph->tensors->len; i++) {
    KilnTensor *tensor = graph->tensors->pdata[i];

    if (tensor->weight != NULL && tensor->streamed == streamed
        && !g_hash_table_contains (self->views, tensor->weight->key))
      g_ptr_array_add (missing, tensor);
  }
  return missing;
}

static KilnBuffer *
new_block (KilnWeightStore *self, const GPtrArray *tensors, guint first,
    GError **error)
{
  gboolean streamed = ((KilnTensor *) tensors->pdata[first])->streamed;
  guint64 bytes = aligned_bytes (tensors->pdata[first]);
  KilnBuffer *block;

  for (guint i = first + 1; i < tensors->len; i++) {
    guint64 more = aligned_bytes (tensors->pdata[i]);

    if (bytes + more > BLOCK_BYTES)
      break;
    bytes += more;
  }
  block = kiln_buffer_new (self->device, bytes,
      streamed ? KILN_MEMORY_UPLOAD : KILN_MEMORY_DEVICE, error);
  if (block != NULL)
    g_ptr_array_add (streamed ? self->host_blocks : self->blocks, block);
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

/* ---- Loading: the host packs, batch by batch, each a range of one block.
 * Where it sees the device's memory it packs right there, else into one of
 * two staging buffers while the other one is copied. */

typedef struct {
  const GPtrArray *tensors;
  const KilnView *views;
  KilnPacker *packer;
  guint64 batch_bytes;          /* at most */
  guint tensor;                 /* where the next batch begins */
  guint32 slice;
} Loader;

typedef struct {
  KilnBuffer *block;
  guint64 offset, bytes;        /* the range, with gaps between tensors */
  guint64 packed;               /* bytes without */
} Batch;

static guint64
slice_bytes (const KilnTensor *tensor)
{
  return kiln_pack_slice_bytes (&tensor->weight->pack);
}

/* Where the next batch begins, in its block. */
static guint64
next_offset (const Loader *self)
{
  return self->views[self->tensor].offset
      + self->slice * slice_bytes (self->tensors->pdata[self->tensor]);
}

/* Has as many slices of the next tensor packed as there is room for.
 * Returns their bytes. */
static guint64
push_slices (Loader *self, guint64 room, guint8 *to)
{
  const KilnTensor *tensor = self->tensors->pdata[self->tensor];
  const KilnWeight *weight = tensor->weight;
  guint64 bytes = slice_bytes (tensor);
  guint32 left = kiln_pack_n_slices (&weight->pack) - self->slice;
  guint32 n = MIN (room / bytes, left);
  guint32 a_job = MAX (JOB_BYTES / bytes, 1);

  for (guint32 i = 0; i < n; i += a_job)
    kiln_packer_push (self->packer, &weight->pack, weight->parts,
        weight->n_parts, self->slice + i, MIN (a_job, n - i), to + i * bytes);
  self->slice += n;
  if (n == left) {
    self->slice = 0;
    self->tensor++;
  }
  return n * bytes;
}

/* The next batch, which is being packed when this returns. It has no bytes
 * after the last one. */
static Batch
push_batch (Loader *self, KilnBuffer *staging)
{
  Batch batch = { 0 };
  guint8 *to;

  if (self->tensor == self->tensors->len)
    return batch;
  batch.block = self->views[self->tensor].buffer;
  batch.offset = next_offset (self);
  to = staging != NULL ? kiln_buffer_get_data (staging)
      : kiln_buffer_get_data (batch.block) + batch.offset;
  while (self->tensor < self->tensors->len
      && self->views[self->tensor].buffer == batch.block) {
    guint64 begin = next_offset (self) - batch.offset;
    guint64 room = self->batch_bytes - MIN (begin, self->batch_bytes);
    guint64 pushed = push_slices (self, room, to + begin);

    if (pushed == 0)
      break;
    batch.bytes = begin + pushed;
    batch.packed += pushed;
  }
  return batch;
}

static gboolean
load_batches (Loader *self, KilnBuffer *const staging[2],
    KilnUploadFunc uploaded, gpointer user_data, GError **error)
{
  Batch batch = push_batch (self, staging[0]);

  for (guint i = 0; batch.bytes > 0; i ^= 1) {
    Batch next;

    if (!kiln_packer_wait (self->packer, error))
      return FALSE;
    next = push_batch (self, staging[i ^ 1]);
    if (staging[i] != NULL && !kiln_buffer_copy (staging[i], batch.block,
            batch.offset, batch.bytes, error))
      return FALSE;
    if (uploaded != NULL)
      uploaded (batch.packed, user_data);
    batch = next;
  }
  return TRUE;
}

static gboolean
fill_views (const GPtrArray *tensors, const KilnView *views,
    KilnUploadFunc uploaded, gpointer user_data, GCancellable *cancellable,
    GError **error)
{
  KilnDevice *device = kiln_buffer_get_device (views[0].buffer);
  g_autoptr (KilnBuffer) first = NULL;
  g_autoptr (KilnBuffer) second = NULL;
  /* Freed before the buffers that it writes to. */
  g_autoptr (KilnPacker) packer = kiln_packer_new (cancellable);
  Loader loader = {
    .tensors = tensors, .views = views, .packer = packer,
    .batch_bytes = BATCH_BYTES
  };

  for (guint i = 0; i < tensors->len; i++)
    loader.batch_bytes =
        MAX (loader.batch_bytes, slice_bytes (tensors->pdata[i]));
  if (kiln_buffer_get_data (views[0].buffer) == NULL) {
    first = kiln_buffer_new (device, loader.batch_bytes, KILN_MEMORY_UPLOAD,
        error);
    second = first == NULL ? NULL : kiln_buffer_new (device,
        loader.batch_bytes, KILN_MEMORY_UPLOAD, error);
    if (second == NULL)
      return FALSE;
  }
  return load_batches (&loader, (KilnBuffer *const[]) { first, second },
      uploaded, user_data, error);
}

static guint64
packed_bytes (const GPtrArray *tensors)
{
  guint64 total = 0;

  for (guint i = 0; i < tensors->len; i++)
    total += kiln_shape_bytes (&((KilnTensor *) tensors->pdata[i])->shape);
  return total;
}

static guint64
missing_bytes (KilnWeightStore *self, KilnGraph *graph, gboolean streamed)
{
  g_autoptr (GPtrArray) tensors = missing_weights (self, graph, streamed);

  return packed_bytes (tensors);
}

guint64
kiln_weight_store_get_missing (KilnWeightStore *self, KilnGraph *graph)
{
  return missing_bytes (self, graph, FALSE) + missing_bytes (self, graph, TRUE);
}

static gboolean
load (KilnWeightStore *self, KilnGraph *graph, gboolean streamed,
    KilnUploadFunc uploaded, gpointer user_data, GCancellable *cancellable,
    GError **error)
{
  g_autoptr (GPtrArray) tensors = missing_weights (self, graph, streamed);
  GPtrArray *blocks = streamed ? self->host_blocks : self->blocks;
  g_autofree KilnView *views = NULL;
  guint n_blocks = blocks->len;

  if (tensors->len == 0)
    return TRUE;
  if (!streamed && !kiln_device_check_room (self->device,
          packed_bytes (tensors), "The weights", error))
    return FALSE;
  views = allocate_views (self, tensors, error);
  if (views == NULL || !fill_views (tensors, views, uploaded, user_data,
          cancellable, error)) {
    g_ptr_array_set_size (blocks, n_blocks);
    return FALSE;
  }
  for (guint i = 0; i < tensors->len; i++) {
    const KilnTensor *tensor = tensors->pdata[i];

    g_hash_table_insert (self->views, g_strdup (tensor->weight->key),
        g_memdup2 (&views[i], sizeof views[i]));
  }
  return TRUE;
}

gboolean
kiln_weight_store_load (KilnWeightStore *self, KilnGraph *graph,
    KilnUploadFunc uploaded, gpointer user_data, GCancellable *cancellable,
    GError **error)
{
  return load (self, graph, FALSE, uploaded, user_data, cancellable, error)
      && load (self, graph, TRUE, uploaded, user_data, cancellable, error);
}
