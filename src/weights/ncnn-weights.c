/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ncnn-weights.h"

#include <math.h>
#include <string.h>

#include "fault.h"

/* What stands before a weight says how it is stored. */
#define TAG_F32 0u
#define TAG_F16 0x01306B47u

struct _KilnNcnnWeights
{
  KilnWeightSource source;
  char *path;
  GBytes *bytes;
  GHashTable *tensors;          /* name → KilnWeightInfo */
};

/* The file and how far it is read. */
typedef struct {
  KilnNcnnWeights *weights;
  const KilnNcnnLayer *layer;
  const guint8 *data;
  gsize size, offset;
} Reader;

static gboolean
layer_fault (GError **error, const Reader *reader, const char *what)
{
  return kiln_model_fault (error, reader->weights->path,
      "layer '%s' (%s): %s", reader->layer->name, reader->layer->type, what);
}

/* A parameter that is a whole number from `least` on. */
static gboolean
get_size (const Reader *reader, guint id, guint least, guint fallback,
    guint64 *size, GError **error)
{
  double value = kiln_ncnn_layer_get_number (reader->layer, id, fallback);

  if (value < least || value > G_MAXINT || value != floor (value))
    return layer_fault (error, reader, "a size is missing or impossible");
  *size = value;
  return TRUE;
}

/* Offers the next numbers as NAME.what; each starts at 4 bytes. */
static gboolean
take (Reader *reader, const char *what, KilnWeightInfo *info, GError **error)
{
  guint64 bytes = info->type == KILN_SOURCE_F16 ? 2 : 4, padded;

  for (guint i = 0; i < info->n_dims; i++)
    if (!g_uint64_checked_mul (&bytes, bytes, info->shape[i]))
      return layer_fault (error, reader, "its size is past 64 bits");
  padded = bytes % 4 ? bytes + 2 : bytes;
  if (padded < bytes || padded > reader->size - reader->offset)
    return layer_fault (error, reader,
        "the file ends before its numbers do: it is truncated or belongs to "
        "another network, get both files again");
  info->data = reader->data + reader->offset;
  info->size = bytes;
  reader->offset += padded;
  g_hash_table_insert (reader->weights->tensors,
      g_strconcat (reader->layer->name, ".", what, NULL),
      g_memdup2 (info, sizeof *info));
  return TRUE;
}

static gboolean
take_vector (Reader *reader, const char *what, guint64 n, GError **error)
{
  return take (reader, what, &(KilnWeightInfo) {
        .type = KILN_SOURCE_F32, .n_dims = 1, .shape = { n } }, error);
}

static gboolean
take_tag (Reader *reader, KilnSourceType *type, GError **error)
{
  guint32 tag;

  if (reader->size - reader->offset < sizeof tag)
    return layer_fault (error, reader, "the file ends before it");
  memcpy (&tag, reader->data + reader->offset, sizeof tag);
  reader->offset += sizeof tag;
  tag = GUINT32_FROM_LE (tag);
  *type = tag == TAG_F16 ? KILN_SOURCE_F16 : KILN_SOURCE_F32;
  return tag == TAG_F16 || tag == TAG_F32 || layer_fault (error, reader,
      "its weights are stored as neither fp32 nor fp16");
}

/* Parameters: 0 outputs, 1 and 11 kernel, 5 bias, 6 weights in all. */
static gboolean
take_convolution (Reader *reader, GError **error)
{
  KilnWeightInfo info = { .n_dims = 4 };
  guint64 outputs, width, height, has_bias, count;

  if (!get_size (reader, 0, 1, 0, &outputs, error)
      || !get_size (reader, 1, 1, 0, &width, error)
      || !get_size (reader, 11, 1, width, &height, error)
      || !get_size (reader, 5, 0, 0, &has_bias, error)
      || !get_size (reader, 6, 1, 0, &count, error)
      || !take_tag (reader, &info.type, error))
    return FALSE;
  /* No product of these is past 64 bits: the kernel is checked first. */
  if (width * height > count || count % (width * height) != 0
      || count / (width * height) % outputs != 0)
    return layer_fault (error, reader,
        "its weights are no whole number of kernels for each output");
  info.shape[0] = outputs;
  info.shape[1] = count / (width * height) / outputs;
  info.shape[2] = height;
  info.shape[3] = width;
  return take (reader, "weight", &info, error)
      && (!has_bias || take_vector (reader, "bias", outputs, error));
}

static gboolean
take_slopes (Reader *reader, GError **error)
{
  guint64 n;

  return get_size (reader, 0, 1, 0, &n, error)
      && take_vector (reader, "slope", n, error);
}

/* Sizes of 0 are dimensions that are not there: [w] is 2=w alone. */
static gboolean
take_data (Reader *reader, GError **error)
{
  KilnWeightInfo info = { .type = KILN_SOURCE_F32, .n_dims = 3 };
  static const guint ids[] = { 2, 1, 0 };

  for (guint i = 0; i < 3; i++) {
    if (!get_size (reader, ids[i], 0, 0, &info.shape[i], error))
      return FALSE;
    info.shape[i] = MAX (info.shape[i], 1);
  }
  return take (reader, "data", &info, error);
}

static gboolean
take_layer (Reader *reader, GError **error)
{
  static const struct
  {
    const char *type;
    gboolean (*take) (Reader *reader, GError **error);
  } types[] = {
    { "Convolution", take_convolution },
    { "Deconvolution", take_convolution },
    { "PReLU", take_slopes },
    { "MemoryData", take_data },
  };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_equal (reader->layer->type, types[i].type))
      return types[i].take (reader, error);
  return TRUE;
}

static gboolean
take_all (Reader *reader, const KilnNcnnNet *net, GError **error)
{
  for (guint i = 0; i < kiln_ncnn_net_get_n_layers (net); i++) {
    reader->layer = kiln_ncnn_net_get_layer (net, i);
    if (!take_layer (reader, error))
      return FALSE;
  }
  if (reader->offset == reader->size)
    return TRUE;
  return kiln_model_fault (error, reader->weights->path,
      "%" G_GSIZE_FORMAT " bytes are left behind the last layer of %s: the "
      "two files do not belong together, get both again",
      reader->size - reader->offset, kiln_ncnn_net_get_path (net));
}

/* --- the source --- */

static gboolean
find (KilnWeightSource *source, const char *name, KilnWeightInfo *info)
{
  KilnNcnnWeights *self = (KilnNcnnWeights *) source;
  const KilnWeightInfo *found = g_hash_table_lookup (self->tensors, name);

  if (found != NULL)
    *info = *found;
  return found != NULL;
}

static const char *
describe (KilnWeightSource *source)
{
  return ((KilnNcnnWeights *) source)->path;
}

KilnWeightSource *
kiln_ncnn_weights_as_source (KilnNcnnWeights *self)
{
  return &self->source;
}

KilnNcnnWeights *
kiln_ncnn_weights_new_from_bytes (const KilnNcnnNet *net, GBytes *bytes,
    const char *label, GError **error)
{
  g_autoptr (KilnNcnnWeights) self = g_new0 (KilnNcnnWeights, 1);
  Reader reader = { self };

  self->source.find = find;
  self->source.describe = describe;
  self->path = g_strdup (label);
  self->bytes = g_bytes_ref (bytes);
  self->tensors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  reader.data = g_bytes_get_data (bytes, &reader.size);
  return take_all (&reader, net, error) ? g_steal_pointer (&self) : NULL;
}

KilnNcnnWeights *
kiln_ncnn_weights_open (const KilnNcnnNet *net, const char *path,
    GError **error)
{
  GMappedFile *mapping = g_mapped_file_new (path, FALSE, error);
  g_autoptr (GBytes) bytes = NULL;

  if (mapping == NULL)
    return NULL;
  bytes = g_mapped_file_get_bytes (mapping);
  g_mapped_file_unref (mapping);
  return kiln_ncnn_weights_new_from_bytes (net, bytes, path, error);
}

void
kiln_ncnn_weights_free (KilnNcnnWeights *self)
{
  g_hash_table_unref (self->tensors);
  g_bytes_unref (self->bytes);
  g_free (self->path);
  g_free (self);
}
