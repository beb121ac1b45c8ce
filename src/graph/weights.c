/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

static char *
weight_key (const KilnScope *scope, const char *const *names, guint n_names,
    const KilnPack *pack)
{
  GString *key = g_string_new (NULL);

  g_string_append_printf (key, "%p %d %d %d %d ", scope->source,
      pack->packing, pack->type, pack->geglu, pack->winograd);
  for (guint i = 0; i < n_names; i++)
    g_string_append_printf (key, "%s.%s ", scope->prefix, names[i]);
  return g_string_free (key, FALSE);
}

static char *
shape_text (const KilnWeightInfo *info)
{
  GString *text = g_string_new ("[");

  for (guint i = 0; i < info->n_dims; i++)
    g_string_append_printf (text, "%s%" G_GUINT64_FORMAT, i ? ", " : "",
        info->shape[i]);
  return g_string_free (g_string_append_c (text, ']'), FALSE);
}

static guint64
count (const KilnWeightInfo *info, guint first_dim)
{
  guint64 n = 1;

  for (guint i = first_dim; i < info->n_dims; i++)
    n *= info->shape[i];
  return n;
}

/* How many outputs the tensor has if its shape goes with the packing,
 * else 0. */
static guint64
outputs_of (const KilnWeightInfo *info, const KilnPack *pack)
{
  gboolean transposed = info->transposed;

  switch (pack->packing) {
    case KILN_PACK_VECTOR:
      return count (info, 0);
    case KILN_PACK_ROWS:
      return count (info, 0) % pack->inputs == 0
          ? count (info, 0) / pack->inputs : 0;
    case KILN_PACK_MATRIX:
      if (info->n_dims < 2 || count (info, 2) != pack->taps)
        return 0;
      return info->shape[!transposed] == pack->inputs
          ? info->shape[transposed] : 0;
  }
  g_assert_not_reached ();
}

static void
set_missing_error (GError **error, KilnWeightSource *source, const char *name)
{
  const char *type = source->get_unusable_type
      ? source->get_unusable_type (source, name) : NULL;

  if (type != NULL)
    g_set_error (error, KILN_ERROR, KILN_ERROR_MODEL,
        "Tensor \"%s\" of %s is of type %s, which cannot be used; get the "
        "model in F32, F16 or BF16", name, source->describe (source), type);
  else
    g_set_error (error, KILN_ERROR, KILN_ERROR_MODEL,
        "%s has no tensor \"%s\", which its config asks for; the file is not "
        "whole or belongs to another config", source->describe (source), name);
}

static void
set_wanted_shape (KilnWeightInfo *info, const KilnPack *pack, guint n_names)
{
  *info = (KilnWeightInfo) {
    .n_dims = pack->packing == KILN_PACK_VECTOR ? 1
        : pack->packing == KILN_PACK_ROWS ? 2 : 3,
    .shape = { pack->outputs / n_names, pack->inputs, pack->taps },
  };
}

static gboolean
find (const KilnScope *scope, const char *name, KilnWeightInfo *info,
    GError **error)
{
  g_autofree char *full = kiln_scope_name (scope, name);

  if (scope->source->find (scope->source, full, info))
    return TRUE;
  set_missing_error (error, scope->source, full);
  return FALSE;
}

static void
set_shape_error (GError **error, const KilnScope *scope, const char *name,
    const KilnWeightInfo *info, const KilnPack *pack, guint n_names)
{
  g_autofree char *full = kiln_scope_name (scope, name);
  g_autofree char *shape = shape_text (info);
  g_autofree char *wanted = pack->packing == KILN_PACK_VECTOR
      ? g_strdup_printf ("[%u]", pack->outputs / n_names)
      : g_strdup_printf ("[%u, %u%s]", pack->outputs / n_names, pack->inputs,
      pack->taps > 1 ? ", …" : "");

  g_set_error (error, KILN_ERROR, KILN_ERROR_MODEL,
      "Tensor \"%s\" of %s has shape %s where its config asks for %s", full,
      scope->source->describe (scope->source), shape, wanted);
}

static KilnWeight *
find_parts (const KilnScope *scope, const char *const *names, guint n_names,
    const KilnPack *pack, GError **error)
{
  g_autofree KilnPackPart *parts = g_new0 (KilnPackPart, n_names);
  guint64 outputs = 0;
  KilnWeight *weight;

  for (guint i = 0; i < n_names; i++) {
    KilnWeightInfo info;
    guint64 n;

    if (scope->source->is_blank)
      continue;
    set_wanted_shape (&info, pack, n_names);
    if (!find (scope, names[i], &info, error))
      return NULL;
    n = outputs_of (&info, pack);
    if (n != pack->outputs / n_names || (n_names > 1 && n % 4 != 0)) {
      set_shape_error (error, scope, names[i], &info, pack, n_names);
      return NULL;
    }
    parts[i] = (KilnPackPart) {
      info.type, info.transposed, outputs, n, info.data
    };
    outputs += n;
  }
  weight = g_new0 (KilnWeight, 1);
  weight->pack = *pack;
  weight->parts = g_steal_pointer (&parts);
  weight->n_parts = n_names;
  return weight;
}

KilnTensor *
kiln_graph_weight (KilnGraph *self, const KilnScope *scope,
    const char *const *names, guint n_names, const KilnPack *pack)
{
  g_autofree char *key = weight_key (scope, names, n_names, pack);
  GError *error = NULL;
  KilnTensor *tensor;
  KilnWeight *weight;

  if (self->error != NULL)
    return self->broken;
  tensor = g_hash_table_lookup (self->weights, key);
  if (tensor != NULL)
    return tensor;
  weight = find_parts (scope, names, n_names, pack, &error);
  if (weight == NULL) {
    kiln_graph_fail (self, error);
    return self->broken;
  }
  tensor = g_new0 (KilnTensor, 1);
  tensor->node = -1;
  tensor->weight = weight;
  tensor->shape = kiln_pack_shape (pack);
  weight->key = g_steal_pointer (&key);
  g_ptr_array_add (self->tensors, tensor);
  g_hash_table_insert (self->weights, weight->key, tensor);
  return tensor;
}

/* ---- Scalars */

static float
first_element (const KilnWeightInfo *info)
{
  const KilnPack pack = { .packing = KILN_PACK_VECTOR, .outputs = 1 };
  const KilnPackPart part = { info->type, FALSE, 0, 1, info->data };
  float packed[KILN_PACK_COLUMNS];

  kiln_pack_slices (&pack, &part, 1, 0, 1, (guint8 *) packed);
  return packed[0];
}

float
kiln_graph_scalar (KilnGraph *self, const KilnScope *scope, const char *name)
{
  KilnWeightInfo info = { 0 };
  GError *error = NULL;

  if (self->error != NULL || scope->source->is_blank)
    return 0;
  if (!find (scope, name, &info, &error)) {
    kiln_graph_fail (self, error);
    return 0;
  }
  if (count (&info, 0) != 1) {
    KilnPack pack = { .packing = KILN_PACK_VECTOR, .outputs = 1 };

    set_shape_error (&error, scope, name, &info, &pack, 1);
    kiln_graph_fail (self, error);
    return 0;
  }
  return first_element (&info);
}
