/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resnet.h"

#include <math.h>

KilnTensor *
svd_conv3x3 (KilnGraph *graph, const KilnScope *scope, KilnTensor *x,
    guint32 outputs, const KilnEpilogue *epilogue)
{
  const KilnConv conv = {
    .outputs = outputs, .kernel = 3, .pad = 1, .pad_end = 1
  };

  return kiln_conv2d (graph, scope, x, &conv, epilogue);
}

static KilnTensor *
norm_silu (KilnGraph *graph, const KilnScope *scope, KilnTensor *x,
    guint groups, double eps, gboolean all_frames)
{
  const KilnGroupNorm norm = {
    .groups = groups, .eps = eps, .all_frames = all_frames, .silu = TRUE
  };

  return kiln_group_norm (graph, scope, x, &norm);
}

KilnTensor *
svd_norm_silu (KilnGraph *graph, const KilnScope *scope, KilnTensor *x,
    guint groups, double eps)
{
  return norm_silu (graph, scope, x, groups, eps, FALSE);
}

/* The embedding as this block adds it to every position. */
static KilnTensor *
project_embedding (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *temb, guint32 outputs)
{
  KilnScope projection = kiln_scope (scope, "time_emb_proj");

  return temb ? kiln_linear (graph, &projection, temb, outputs, NULL) : NULL;
}

KilnTensor *
svd_resnet (KilnGraph *graph, const KilnScope *scope, KilnTensor *x,
    KilnTensor *temb, guint32 outputs, const SvdResnet *resnet)
{
  KilnScope norm1 = kiln_scope (scope, "norm1");
  KilnScope conv1 = kiln_scope (scope, "conv1");
  KilnScope norm2 = kiln_scope (scope, "norm2");
  KilnScope conv2 = kiln_scope (scope, "conv2");
  KilnScope conv_shortcut = kiln_scope (scope, "conv_shortcut");
  KilnEpilogue embed = {
    .row = project_embedding (graph, scope, temb, outputs)
  };
  KilnEpilogue add = { .residual = x };
  KilnTensor *h;

  h = norm_silu (graph, &norm1, x, resnet->groups, resnet->eps, FALSE);
  h = svd_conv3x3 (graph, &conv1, h, outputs, &embed);
  h = norm_silu (graph, &norm2, h, resnet->groups, resnet->eps, FALSE);
  if (kiln_tensor_shape (x)->channels != outputs)
    add.residual = kiln_conv2d (graph, &conv_shortcut, x, &(KilnConv) {
          .outputs = outputs, .kernel = 1 }, NULL);
  return svd_conv3x3 (graph, &conv2, h, outputs, &add);
}

float
svd_mix_share (KilnGraph *graph, const KilnScope *scope)
{
  KilnScope mixer = kiln_scope (scope, "time_mixer");
  float mix = kiln_graph_scalar (graph, &mixer, "mix_factor");

  return CLAMP (1 / (1 + expf (-mix)), 1e-30f, 1 - 1e-7f);
}

/* The blend a·s + (1 − a)·(s + h) of the spatial result s and the temporal
 * block's s + h is s + (1 − a)·h: one scaled residual. */
static KilnTensor *
temporal_resnet (KilnGraph *graph, const KilnScope *scope, KilnTensor *s,
    KilnTensor *temb, float share, const SvdResnet *resnet)
{
  guint32 channels = kiln_tensor_shape (s)->channels;
  KilnScope norm1 = kiln_scope (scope, "norm1");
  KilnScope conv1 = kiln_scope (scope, "conv1");
  KilnScope norm2 = kiln_scope (scope, "norm2");
  KilnScope conv2 = kiln_scope (scope, "conv2");
  KilnEpilogue embed = {
    .row = project_embedding (graph, scope, temb, channels)
  };
  KilnEpilogue blend = { .residual = s, .scale = share };
  KilnTensor *h;

  h = norm_silu (graph, &norm1, s, resnet->groups, resnet->temporal_eps, TRUE);
  h = kiln_conv_temporal (graph, &conv1, h, channels, &embed);
  h = norm_silu (graph, &norm2, h, resnet->groups, resnet->temporal_eps, TRUE);
  return kiln_conv_temporal (graph, &conv2, h, channels, &blend);
}

KilnTensor *
svd_spatio_temporal_resnet (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, KilnTensor *temb, guint32 outputs, const SvdResnet *resnet)
{
  KilnScope spatial = kiln_scope (scope, "spatial_res_block");
  KilnScope temporal = kiln_scope (scope, "temporal_res_block");
  float share = svd_mix_share (graph, scope);
  KilnTensor *s = svd_resnet (graph, &spatial, x, temb, outputs, resnet);

  return temporal_resnet (graph, &temporal, s, temb,
      resnet->mix_is_temporal ? share : 1 - share, resnet);
}
