/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rife.h"

#include "../ops/image.h"
#include "../weights/ncnn-weights.h"
#include "ncnn-graph.h"

#define ALPHA 3

struct _KilnRife
{
  KilnNcnnNet *net;
  KilnNcnnWeights *weights;
  guint alignment;
};

/* ---- Opening */

/* rife-ncnn-vulkan's names: two frames, a plane of the time; the result. */
static const char *const input_names[] = { "in0", "in1", "in2" };
static const char output_name[] = "out0";

static guint
count_inputs (const KilnNcnnNet *net)
{
  guint n = 0;

  for (guint i = 0; i < kiln_ncnn_net_get_n_layers (net); i++)
    n += g_str_equal (kiln_ncnn_net_get_layer (net, i)->type, "Input");
  return n;
}

static gboolean
is_input (const KilnNcnnNet *net, const char *name)
{
  guint blob;

  if (!kiln_ncnn_net_find_blob (net, name, &blob))
    return FALSE;
  for (guint i = 0; i < kiln_ncnn_net_get_n_layers (net); i++) {
    const KilnNcnnLayer *layer = kiln_ncnn_net_get_layer (net, i);

    if (layer->n_outputs > 0 && layer->outputs[0] == blob)
      return g_str_equal (layer->type, "Input");
  }
  return FALSE;
}

static gboolean
check_ends (const KilnNcnnNet *net, GError **error)
{
  gboolean ok = count_inputs (net) == G_N_ELEMENTS (input_names);
  guint blob;

  for (guint i = 0; i < G_N_ELEMENTS (input_names); i++)
    ok = ok && is_input (net, input_names[i]);
  if (ok && kiln_ncnn_net_find_blob (net, output_name, &blob))
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_MODEL,
      "%s: this is no RIFE network of version 4 or later: its inputs are not "
      "two frames and a time (in0, in1 and in2), or it has no result (out0)",
      kiln_ncnn_net_get_path (net));
  return FALSE;
}

KilnRife *
kiln_rife_open (const char *folder, GError **error)
{
  g_autofree char *param = g_build_filename (folder, "flownet.param", NULL);
  g_autofree char *bin = g_build_filename (folder, "flownet.bin", NULL);
  g_autoptr (KilnNcnnNet) net = kiln_ncnn_net_open (param, error);
  g_autoptr (KilnNcnnWeights) weights = NULL;
  guint alignment;
  KilnRife *rife;

  if (net == NULL || !kiln_ncnn_check (net, error)
      || !check_ends (net, error))
    return NULL;
  alignment = kiln_ncnn_get_alignment (net, error);
  if (alignment == 0)
    return NULL;
  weights = kiln_ncnn_weights_open (net, bin, error);
  if (weights == NULL)
    return NULL;
  rife = g_new0 (KilnRife, 1);
  rife->net = g_steal_pointer (&net);
  rife->weights = g_steal_pointer (&weights);
  rife->alignment = alignment;
  return rife;
}

void
kiln_rife_free (KilnRife *rife)
{
  kiln_ncnn_weights_free (rife->weights);
  kiln_ncnn_net_free (rife->net);
  g_free (rife);
}

guint
kiln_rife_get_alignment (const KilnRife *rife)
{
  return rife->alignment;
}

KilnWeightSource *
kiln_rife_get_source (KilnRife *rife)
{
  return kiln_ncnn_weights_as_source (rife->weights);
}

/* ---- The graph */

static guint32
padded (const KilnRife *rife, guint32 size)
{
  return (size + rife->alignment - 1) / rife->alignment * rife->alignment;
}

/* Red, green and blue as frames of height × width. */
static KilnTensor *
fit_colours (KilnGraph *graph, KilnTensor *x, guint32 height, guint32 width)
{
  KilnStack stack = { { { 0, ALPHA } }, height, width };

  return kiln_graph_add (graph, &kiln_stack_class, &stack, &x, 1);
}

/* previous + timestep · (next − previous); only alpha of it is kept. */
static KilnTensor *
mix (KilnGraph *graph, KilnTensor *previous, KilnTensor *next,
    KilnTensor *timestep)
{
  KilnTensor *difference = kiln_affine (graph, next, previous, NULL,
      &(KilnAffine) { .a_scale = 1, .b_scale = -1, .type = KILN_F32 });

  return kiln_affine (graph, difference, previous, timestep,
      &(KilnAffine) { .a_scale = 1, .b_scale = 1, .type = KILN_F32 });
}

static KilnTensor *
clamp_colours (KilnGraph *graph, KilnTensor *x)
{
  KilnPointwise pointwise = {
    .a = { 0, 1, 0 }, .channels = ALPHA, .activation = KILN_ACT_UNIT
  };

  return kiln_graph_add (graph, &kiln_pointwise_class, &pointwise, &x, 1);
}

static gboolean
check_frames (KilnGraph *graph, const KilnShape *previous,
    const KilnShape *next)
{
  if (previous->type == KILN_F32 && next->type == KILN_F32
      && previous->frames == 1 && next->frames == 1
      && previous->channels == ALPHA + 1 && next->channels == ALPHA + 1
      && previous->height == next->height && previous->width == next->width)
    return TRUE;
  kiln_graph_fail (graph, g_error_new (KILN_ERROR, KILN_ERROR_SHAPE,
          "RIFE's frames are not of one size, with red, green, blue and "
          "alpha in fp32"));
  return FALSE;
}

KilnTensor *
kiln_rife (KilnGraph *graph, KilnRife *rife, KilnTensor *previous,
    KilnTensor *next, KilnTensor *timestep)
{
  const KilnShape *shape = kiln_tensor_shape (previous);
  guint32 height = padded (rife, shape->height);
  guint32 width = padded (rife, shape->width);
  KilnType type = kiln_graph_precision (graph);
  KilnTensor *frames[] = { previous, next };
  KilnNcnnInput inputs[G_N_ELEMENTS (input_names)];
  KilnTensor *colours, *mixed;
  KilnStack stack = {
    { { 0, ALPHA }, { ALPHA, 1 } }, shape->height, shape->width
  };

  if (!check_frames (graph, shape, kiln_tensor_shape (next)))
    return previous;
  for (guint i = 0; i < 2; i++)
    inputs[i].tensor = kiln_convert (graph,
        fit_colours (graph, frames[i], height, width), type);
  inputs[2].tensor = kiln_convert (graph, timestep, type);
  for (guint i = 0; i < G_N_ELEMENTS (inputs); i++)
    inputs[i].name = input_names[i];
  colours = kiln_ncnn_build (graph, rife->net, kiln_rife_get_source (rife),
      height, width, inputs, G_N_ELEMENTS (inputs), output_name);
  colours = kiln_convert (graph, clamp_colours (graph, colours), KILN_F32);
  if (height != shape->height || width != shape->width)
    colours = fit_colours (graph, colours, shape->height, shape->width);
  mixed = mix (graph, previous, next, timestep);
  return kiln_graph_add (graph, &kiln_stack_class, &stack,
      (KilnTensor *[]) { colours, mixed }, 2);
}
