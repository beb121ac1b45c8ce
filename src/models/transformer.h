/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

typedef struct {
  guint heads;
  guint layers;
  guint norm_groups;
  double norm_eps;              /* of the group norm before */
  double layer_norm_eps;
} SvdTransformer;

/* diffusers' TransformerSpatioTemporalModel: attention over the positions
 * of each frame, then over the frames of each position, blended by a
 * learned share.
 *
 * context: one token, 1×1×1×C. The softmax over one key is 1, so each
 * cross-attention is to_out (to_v (context)) whatever the query, and is
 * added as a bias. frames: the numbers 0 … frames − 1, fp32 1×1×1×frames. */
KilnTensor *svd_transformer (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, KilnTensor *context, KilnTensor *frames,
    const SvdTransformer *transformer);

/* diffusers' TimestepEmbedding: linear, SiLU, linear. */
KilnTensor *svd_timestep_embedding (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, guint32 hidden, guint32 outputs);

G_END_DECLS
