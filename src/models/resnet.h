/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

/* What residual blocks of a network have in common. */
typedef struct {
  guint groups;                 /* of the norms */
  double eps;                   /* of the spatial norms */
  double temporal_eps;          /* of the temporal ones */
  /* sigmoid(mix_factor) is the share of the temporal branch (the temporal
   * autoencoder), else that of the spatial one (the UNet). */
  gboolean mix_is_temporal;
} SvdResnet;

/* diffusers' ResnetBlock2D: norm, SiLU, convolution, twice, beside a
 * shortcut. temb: (nullable): the embedding after SiLU, 1×1×1×C. */
KilnTensor *svd_resnet (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, KilnTensor *temb, guint32 outputs,
    const SvdResnet *resnet);

/* diffusers' SpatioTemporalResBlock: a ResnetBlock2D, then the same with
 * convolutions over frames, blended by a learned share. */
KilnTensor *svd_spatio_temporal_resnet (KilnGraph *graph,
    const KilnScope *scope, KilnTensor *x, KilnTensor *temb, guint32 outputs,
    const SvdResnet *resnet);

/* sigmoid (scope.time_mixer.mix_factor), never quite 0. */
float svd_mix_share (KilnGraph *graph, const KilnScope *scope);

/* 3×3 convolution with a border of zeros: "…name". */
KilnTensor *svd_conv3x3 (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, guint32 outputs, const KilnEpilogue *epilogue);

/* Group norm of each frame and SiLU. */
KilnTensor *svd_norm_silu (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, guint groups, double eps);

G_END_DECLS
