/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/graph.h"
#include "../weights/svd-config.h"

G_BEGIN_DECLS

/* transformers' CLIPVisionModelWithProjection (Radford et al. 2021).
 * pixels: 1 × image_size × image_size × 3, normalized. Returns the image
 * embedding, 1 × 1 × 1 × projection_dim. */
KilnTensor *svd_clip_vision (KilnGraph *graph, const KilnScope *scope,
    const SvdClipConfig *config, KilnTensor *pixels);

G_END_DECLS
