/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "weight-source.h"
#include "../ops/winograd.h"
#include "../ops/normalization.h"
#include "../ops/attention.h"
#include "../ops/elementwise.h"
#include "../ops/resize.h"

G_BEGIN_DECLS

/* A computation as operations on tensors. Models are functions that build
 * one. Building needs no device and allocates no device memory: shapes are
 * checked as operations are added, and the first error sticks and comes
 * out of kiln_graph_check() (as in cairo), so that model code reads
 * without error branches. Tensors belong to the graph. */
typedef struct _KilnGraph KilnGraph;
typedef struct _KilnTensor KilnTensor;

/* A place in a checkpoint: names are looked up below the prefix. */
typedef struct {
  KilnWeightSource *source;
  char prefix[192];
} KilnScope;

KilnScope kiln_scope_root (KilnWeightSource *source);
/* The scope "prefix.<format…>"; an empty name is the scope itself. */
KilnScope kiln_scope (const KilnScope *parent, const char *format, ...)
    G_GNUC_PRINTF (2, 3);

/* type: of activations and packed weights (KILN_F32 or KILN_F16). */
KilnGraph *kiln_graph_new (KilnType type);
void kiln_graph_free (KilnGraph *graph);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnGraph, kiln_graph_free)

/* FALSE with the first error of building. */
gboolean kiln_graph_check (KilnGraph *graph, GError **error);
/* Sets the sticky error (model code that finds a bad config). */
void kiln_graph_fail (KilnGraph *graph, GError *error);
KilnType kiln_graph_precision (KilnGraph *graph);

const KilnShape *kiln_tensor_shape (const KilnTensor *tensor);

/* An input whose memory the caller gives to kiln_program_new() under this
 * name. */
KilnTensor *kiln_graph_input (KilnGraph *graph, const char *name,
    const KilnShape *shape);

/* Makes a result live in memory that the caller gives under this name. */
void kiln_graph_output (KilnGraph *graph, KilnTensor *tensor,
    const char *name);

/* Any operation. Inputs may be NULL where the class allows it. */
KilnTensor *kiln_graph_add (KilnGraph *graph, const KilnOpClass *klass,
    gconstpointer params, KilnTensor *const *inputs, guint n_inputs);

/* A weight, packed. `names` (n of them, below the scope) are stacked along
 * the outputs. The checkpoint's shape is checked: [outputs, inputs, …taps]
 * for matrices (trailing and middle 1s are ignored), [outputs] for
 * vectors. */
KilnTensor *kiln_graph_weight (KilnGraph *graph, const KilnScope *scope,
    const char *const *names, guint n_names, const KilnPack *pack);

/* A scalar weight, now, on the CPU (mix factors). */
float kiln_graph_scalar (KilnGraph *graph, const KilnScope *scope,
    const char *name);
gboolean kiln_scope_has (const KilnScope *scope, const char *name);

/* ---- Layers: scope is the layer's own ("…conv1": conv1.weight, conv1.bias). */

typedef struct {
  KilnActivation activation;
  KilnTensor *row;              /* added before the activation, broadcast over rows */
  KilnTensor *residual, *residual2;
  float scale, residual_scale, residual2_scale; /* 0: 1 */
} KilnEpilogue;

/* y = x Wᵀ + b; a missing bias is no bias. epilogue may be NULL. */
KilnTensor *kiln_linear (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, guint32 outputs, const KilnEpilogue *epilogue);

/* Several linear layers of the same input side by side (q, k, v):
 * names below the scope. */
KilnTensor *kiln_linear_stacked (KilnGraph *graph, const KilnScope *scope,
    const char *const *names, guint n_names, KilnTensor *x,
    guint32 outputs_each);

typedef struct {
  guint32 outputs, kernel;
  guint32 stride;               /* 0: 1 */
  guint32 pad, pad_end;
  guint32 resize_height, resize_width;
} KilnConv;

KilnTensor *kiln_conv2d (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, const KilnConv *conv, const KilnEpilogue *epilogue);
KilnTensor *kiln_conv_temporal (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, guint32 outputs, const KilnEpilogue *epilogue);

KilnTensor *kiln_group_norm (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, const KilnGroupNorm *norm);
KilnTensor *kiln_layer_norm (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, float eps);
KilnTensor *kiln_attention (KilnGraph *graph, KilnTensor *qkv,
    const KilnAttention *attention);
KilnTensor *kiln_affine (KilnGraph *graph, KilnTensor *a, KilnTensor *b,
    KilnTensor *factor, const KilnAffine *affine);
KilnTensor *kiln_add (KilnGraph *graph, KilnTensor *a, KilnTensor *b);
/* x in another element type (x itself where it already has it). */
KilnTensor *kiln_convert (KilnGraph *graph, KilnTensor *x, KilnType type);
KilnTensor *kiln_concat (KilnGraph *graph, KilnTensor *a, KilnTensor *b);
/* Tokens of a, then of b, as a sequence [frames, 1, n, channels]. */
KilnTensor *kiln_join (KilnGraph *graph, KilnTensor *a, KilnTensor *b);
/* The first positions of each frame. */
KilnTensor *kiln_first (KilnGraph *graph, KilnTensor *x, guint32 rows);
/* [cos | sin] of fp32 values, see KilnSinusoid. */
KilnTensor *kiln_sinusoid (KilnGraph *graph, KilnTensor *values,
    guint32 size, gboolean flatten);

G_END_DECLS
