/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/graph.h"
#include "../weights/svd-config.h"

G_BEGIN_DECLS

/* diffusers' UNetSpatioTemporalConditionModel for one clip (Blattmann et
 * al. 2023, "Stable Video Diffusion"). */
typedef struct {
  KilnTensor *sample;           /* frames × h × w × in_channels */
  KilnTensor *timestep;         /* fp32, one number */
  KilnTensor *added_time_ids;   /* fp32 1×1×1×3: fps − 1, motion bucket, noise augmentation */
  KilnTensor *frames;           /* fp32 1×1×1×frames: 0, 1, … */
  KilnTensor *context;          /* 1×1×1×cross_attention_dim */
} SvdUnetInputs;

/* Returns frames × h × w × out_channels. */
KilnTensor *svd_unet (KilnGraph *graph, const KilnScope *scope,
    const SvdUnetConfig *config, const SvdUnetInputs *inputs);

G_END_DECLS
