/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/graph.h"
#include "../weights/ncnn-net.h"

G_BEGIN_DECLS

/* Runs networks in ncnn's description on the engine: convolutional ones on
 * pictures, with the layers and parameters that RIFE's have. */

/* Whether all layers and parameters are known. Errors: KILN_ERROR_MODEL
 * naming the layer. */
gboolean kiln_ncnn_check (const KilnNcnnNet *net, GError **error);

/* What heights and widths must be multiples of, so that no layer of a
 * checked network rounds a size. 0 with an error: there is no such. */
guint kiln_ncnn_get_alignment (const KilnNcnnNet *net, GError **error);

typedef struct {
  const char *name;             /* of an Input layer's blob */
  KilnTensor *tensor;           /* 1×height×width×C, or one vector that stands everywhere */
} KilnNcnnInput;

/* Adds a checked network for pictures of height × width, and returns its
 * blob `output`. Inputs are of the graph's type. */
KilnTensor *kiln_ncnn_build (KilnGraph *graph, const KilnNcnnNet *net,
    KilnWeightSource *weights, guint32 height, guint32 width,
    const KilnNcnnInput *inputs, guint n_inputs, const char *output);

G_END_DECLS
