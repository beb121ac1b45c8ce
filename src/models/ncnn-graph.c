/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ncnn-graph.h"

#include <math.h>

#include "ncnn-layers.h"

/* ---- Checking */

static gboolean
layer_fault (GError **error, const KilnNcnnNet *net,
    const KilnNcnnLayer *layer, const char *what)
{
  g_set_error (error, KILN_ERROR, KILN_ERROR_MODEL,
      "%s: layer '%s' (%s): %s", kiln_ncnn_net_get_path (net), layer->name,
      layer->type, what);
  return FALSE;
}

static gboolean
has_count (gint wanted, guint n)
{
  return wanted < 0 ? n > 0 : n == (guint) wanted;
}

static const char *
find_fault (const KilnNcnnLayer *layer)
{
  const KilnNcnnLayerClass *klass = kiln_ncnn_find_class (layer->type);

  if (klass == NULL)
    return "layers of this type are not supported";
  if (!has_count (klass->n_inputs, layer->n_inputs)
      || !has_count (klass->n_outputs, layer->n_outputs))
    return "it does not have as many inputs and outputs as its type needs";
  for (guint i = 0; i < layer->n_params; i++)
    if ((klass->params >> layer->params[i].id & 1) == 0)
      return "one of its parameters is not supported";
  return klass->find_fault != NULL ? klass->find_fault (layer) : NULL;
}

gboolean
kiln_ncnn_check (const KilnNcnnNet *net, GError **error)
{
  for (guint i = 0; i < kiln_ncnn_net_get_n_layers (net); i++) {
    const KilnNcnnLayer *layer = kiln_ncnn_net_get_layer (net, i);
    const char *fault = find_fault (layer);

    if (fault != NULL)
      return layer_fault (error, net, layer, fault);
  }
  return TRUE;
}

/* ---- Alignment */

#define MAX_ALIGNMENT 1024

guint
kiln_ncnn_get_alignment (const KilnNcnnNet *net, GError **error)
{
  g_autofree double *sizes = g_new (double, kiln_ncnn_net_get_n_blobs (net));
  double alignment = 1;

  for (guint i = 0; i < kiln_ncnn_net_get_n_layers (net); i++) {
    const KilnNcnnLayer *layer = kiln_ncnn_net_get_layer (net, i);
    const KilnNcnnLayerClass *klass = kiln_ncnn_find_class (layer->type);
    double size = layer->n_inputs > 0 ? sizes[layer->inputs[0]] : 1;

    if (klass->enlarges != NULL)
      size *= klass->enlarges (layer);
    for (guint j = 0; j < layer->n_outputs; j++)
      sizes[layer->outputs[j]] = size;
    /* Powers of two: each is a multiple of all that are smaller. */
    if (exp2 (round (log2 (size))) != size || size < 1.0 / MAX_ALIGNMENT
        || size > MAX_ALIGNMENT) {
      layer_fault (error, net, layer,
          "its size is not the pictures' times a power of two");
      return 0;
    }
    alignment = MAX (alignment, 1 / size);
  }
  return alignment;
}

/* ---- Building */

static void
count_readers (KilnNcnnBuilder *builder)
{
  for (guint i = 0; i < kiln_ncnn_net_get_n_layers (builder->net); i++) {
    const KilnNcnnLayer *layer = kiln_ncnn_net_get_layer (builder->net, i);

    if (g_str_equal (layer->type, "Split"))
      for (guint j = 0; j < layer->n_outputs; j++)
        builder->blobs[layer->outputs[j]] = builder->blobs[layer->inputs[0]];
    else
      for (guint j = 0; j < layer->n_inputs; j++)
        builder->readers[builder->blobs[layer->inputs[j]]]++;
  }
}

static KilnNcnnBuilder *
builder_new (KilnGraph *graph, const KilnNcnnNet *net,
    KilnWeightSource *weights)
{
  guint n = kiln_ncnn_net_get_n_blobs (net);
  KilnNcnnBuilder *builder = g_new0 (KilnNcnnBuilder, 1);

  builder->place.graph = graph;
  builder->place.scope = kiln_scope_root (weights);
  builder->net = net;
  builder->values = g_new0 (KilnNcnnValue, n);
  builder->readers = g_new0 (guint, n);
  builder->blobs = g_new (guint, n);
  builder->products = g_ptr_array_new_with_free_func (g_free);
  builder->resized = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      NULL);
  for (guint i = 0; i < n; i++)
    builder->blobs[i] = i;
  count_readers (builder);
  return builder;
}

static void
builder_free (KilnNcnnBuilder *builder)
{
  g_hash_table_unref (builder->resized);
  g_ptr_array_unref (builder->products);
  g_free (builder->blobs);
  g_free (builder->readers);
  g_free (builder->values);
  g_free (builder);
}

static void
set_inputs (KilnNcnnBuilder *builder, guint32 height, guint32 width,
    const KilnNcnnInput *inputs, guint n_inputs)
{
  for (guint i = 0; i < n_inputs; i++) {
    guint blob;

    if (kiln_ncnn_net_find_blob (builder->net, inputs[i].name, &blob))
      builder->values[blob] =
          kiln_ncnn_value (inputs[i].tensor, height, width);
  }
}

KilnTensor *
kiln_ncnn_build (KilnGraph *graph, const KilnNcnnNet *net,
    KilnWeightSource *weights, guint32 height, guint32 width,
    const KilnNcnnInput *inputs, guint n_inputs, const char *output)
{
  KilnNcnnBuilder *builder = builder_new (graph, net, weights);
  KilnTensor *result = inputs[0].tensor;
  guint blob;

  set_inputs (builder, height, width, inputs, n_inputs);
  for (guint i = 0; i < kiln_ncnn_net_get_n_layers (net)
      && kiln_graph_check (graph, NULL); i++) {
    const KilnNcnnLayer *layer = kiln_ncnn_net_get_layer (net, i);
    const KilnNcnnLayerClass *klass = kiln_ncnn_find_class (layer->type);

    if (klass->build != NULL)
      klass->build (builder, layer);
  }
  if (kiln_graph_check (graph, NULL)
      && kiln_ncnn_net_find_blob (net, output, &blob))
    result = kiln_ncnn_value_force (&builder->place,
        &builder->values[builder->blobs[blob]]);
  builder_free (builder);
  return result;
}
