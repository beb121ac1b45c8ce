/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

/* ---- Matrix products */

static float
or_one (float scale)
{
  return scale == 0 ? 1 : scale;
}

/* Weight and bias of names below the scope, packed for the product. */
static KilnTensor *
add_matmul (KilnGraph *graph, const KilnScope *scope,
    const char *const *weights, const char *const *biases, guint n_names,
    KilnTensor *x, KilnMatmul *matmul, guint32 taps,
    const KilnEpilogue *epilogue)
{
  static const KilnEpilogue none = { 0 };
  const KilnEpilogue *e = epilogue ? epilogue : &none;
  gboolean geglu = e->activation == KILN_ACT_GEGLU;
  KilnPack pack = {
    .packing = KILN_PACK_MATRIX,
    .type = kiln_graph_precision (graph),
    .outputs = matmul->outputs * (geglu ? 2 : 1),
    .inputs = x->shape.channels,
    .taps = taps,
    .geglu = geglu,
  };
  const KilnOpClass *klass = &kiln_matmul_class;
  KilnTensor *inputs[KILN_MATMUL_N_INPUTS] = {
    [KILN_MATMUL_X] = x,
    [KILN_MATMUL_ROW] = e->row,
    [KILN_MATMUL_RESIDUAL] = e->residual,
    [KILN_MATMUL_RESIDUAL2] = e->residual2,
  };

  matmul->activation = e->activation;
  if (kiln_winograd_suits (matmul, &x->shape)) {
    klass = &kiln_winograd_class;
    pack.winograd = TRUE;
  }
  inputs[KILN_MATMUL_WEIGHT] =
      kiln_graph_weight (graph, scope, weights, n_names, &pack);
  if (kiln_scope_has (scope, biases[0])) {
    pack.packing = KILN_PACK_VECTOR;
    inputs[KILN_MATMUL_BIAS] =
        kiln_graph_weight (graph, scope, biases, n_names, &pack);
  }
  matmul->scale = or_one (e->scale);
  matmul->residual_scale = or_one (e->residual_scale);
  matmul->residual2_scale = or_one (e->residual2_scale);
  return kiln_graph_add (graph, klass, matmul, inputs, KILN_MATMUL_N_INPUTS);
}

static const char *const weight_name[] = { "weight" };
static const char *const bias_name[] = { "bias" };

KilnTensor *
kiln_linear (KilnGraph *graph, const KilnScope *scope, KilnTensor *x,
    guint32 outputs, const KilnEpilogue *epilogue)
{
  KilnMatmul matmul = { .kind = KILN_MATMUL_LINEAR, .outputs = outputs };

  return add_matmul (graph, scope, weight_name, bias_name, 1, x, &matmul, 1,
      epilogue);
}

KilnTensor *
kiln_linear_stacked (KilnGraph *graph, const KilnScope *scope,
    const char *const *names, guint n_names, KilnTensor *x,
    guint32 outputs_each)
{
  KilnMatmul matmul = {
    .kind = KILN_MATMUL_LINEAR,
    .outputs = outputs_each * n_names,
  };
  const char *weights[4] = { NULL }, *biases[4] = { NULL };
  KilnTensor *result;

  g_return_val_if_fail (n_names <= G_N_ELEMENTS (weights), graph->broken);
  for (guint i = 0; i < n_names; i++) {
    weights[i] = g_strconcat (names[i], ".weight", NULL);
    biases[i] = g_strconcat (names[i], ".bias", NULL);
  }
  result = add_matmul (graph, scope, weights, biases, n_names, x, &matmul, 1,
      NULL);
  for (guint i = 0; i < n_names; i++) {
    g_free ((gpointer) weights[i]);
    g_free ((gpointer) biases[i]);
  }
  return result;
}

KilnTensor *
kiln_conv2d (KilnGraph *graph, const KilnScope *scope, KilnTensor *x,
    const KilnConv *conv, const KilnEpilogue *epilogue)
{
  KilnMatmul matmul = {
    .kind = KILN_MATMUL_CONV2D,
    .outputs = conv->outputs,
    .kernel = conv->kernel,
    .stride = conv->stride ? conv->stride : 1,
    .pad = conv->pad,
    .pad_end = conv->pad_end,
    .resize_height = conv->resize_height,
    .resize_width = conv->resize_width,
  };

  /* A 1×1 convolution is a linear layer of every position. */
  if (conv->kernel == 1 && matmul.stride == 1 && conv->pad == 0
      && conv->pad_end == 0 && conv->resize_height == 0)
    return kiln_linear (graph, scope, x, conv->outputs, epilogue);
  return add_matmul (graph, scope, weight_name, bias_name, 1, x, &matmul,
      conv->kernel * conv->kernel, epilogue);
}

KilnTensor *
kiln_conv_temporal (KilnGraph *graph, const KilnScope *scope, KilnTensor *x,
    guint32 outputs, const KilnEpilogue *epilogue)
{
  KilnMatmul matmul = { .kind = KILN_MATMUL_TEMPORAL, .outputs = outputs };

  return add_matmul (graph, scope, weight_name, bias_name, 1, x, &matmul, 3,
      epilogue);
}

/* ---- Norms */

static KilnTensor *
norm_vector (KilnGraph *graph, const KilnScope *scope, const char *name,
    guint32 channels)
{
  KilnPack pack = { .packing = KILN_PACK_VECTOR, .outputs = channels };

  return kiln_graph_weight (graph, scope, &name, 1, &pack);
}

KilnTensor *
kiln_group_norm (KilnGraph *graph, const KilnScope *scope, KilnTensor *x,
    const KilnGroupNorm *norm)
{
  KilnTensor *inputs[] = {
    x,
    norm_vector (graph, scope, "weight", x->shape.channels),
    norm_vector (graph, scope, "bias", x->shape.channels),
  };

  return kiln_graph_add (graph, &kiln_group_norm_class, norm, inputs, 3);
}

KilnTensor *
kiln_layer_norm (KilnGraph *graph, const KilnScope *scope, KilnTensor *x,
    float eps)
{
  KilnLayerNorm norm = { eps };
  KilnTensor *inputs[] = {
    x,
    norm_vector (graph, scope, "weight", x->shape.channels),
    norm_vector (graph, scope, "bias", x->shape.channels),
  };

  return kiln_graph_add (graph, &kiln_layer_norm_class, &norm, inputs, 3);
}

/* ---- The rest */

KilnTensor *
kiln_attention (KilnGraph *graph, KilnTensor *qkv,
    const KilnAttention *attention)
{
  return kiln_graph_add (graph, &kiln_attention_class, attention, &qkv, 1);
}

KilnTensor *
kiln_affine (KilnGraph *graph, KilnTensor *a, KilnTensor *b,
    KilnTensor *factor, const KilnAffine *affine)
{
  KilnTensor *inputs[] = { a, b, factor };

  return kiln_graph_add (graph, &kiln_affine_class, affine, inputs, 3);
}

KilnTensor *
kiln_add (KilnGraph *graph, KilnTensor *a, KilnTensor *b)
{
  return kiln_affine (graph, a, b, NULL, &(KilnAffine) {
        .a_scale = 1, .b_scale = 1, .type = graph->type });
}

KilnTensor *
kiln_convert (KilnGraph *graph, KilnTensor *x, KilnType type)
{
  if (x->shape.type == type)
    return x;
  return kiln_affine (graph, x, NULL, NULL, &(KilnAffine) {
        .a_scale = 1, .type = type });
}

KilnTensor *
kiln_concat (KilnGraph *graph, KilnTensor *a, KilnTensor *b)
{
  KilnTensor *inputs[] = { a, b };

  return kiln_graph_add (graph, &kiln_concat_class, NULL, inputs, 2);
}

KilnTensor *
kiln_join (KilnGraph *graph, KilnTensor *a, KilnTensor *b)
{
  KilnTensor *inputs[] = { a, b };

  return kiln_graph_add (graph, &kiln_join_class, NULL, inputs, 2);
}

KilnTensor *
kiln_first (KilnGraph *graph, KilnTensor *x, guint32 rows)
{
  KilnFirst first = { rows };

  return kiln_graph_add (graph, &kiln_first_class, &first, &x, 1);
}

KilnTensor *
kiln_sinusoid (KilnGraph *graph, KilnTensor *values, guint32 size,
    gboolean flatten)
{
  KilnSinusoid sinusoid = { size, flatten };

  return kiln_graph_add (graph, &kiln_sinusoid_class, &sinusoid, &values, 1);
}
