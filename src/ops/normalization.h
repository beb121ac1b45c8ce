/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* Group norm (Wu & He 2018): inputs x, gamma, beta (KILN_PACK_VECTOR). */
typedef struct {
  guint32 groups;               /* divides channels */
  float eps;
  gboolean all_frames;          /* statistics over all frames (temporal blocks), else a frame */
  gboolean silu;                /* x·sigmoid(x) afterwards */
} KilnGroupNorm;

extern const KilnOpClass kiln_group_norm_class;

/* Layer norm over the channels: inputs x, gamma, beta (KILN_PACK_VECTOR). */
typedef struct {
  float eps;
} KilnLayerNorm;

extern const KilnOpClass kiln_layer_norm_class;

/* Whether a gamma or beta is a packed vector for so many channels. */
gboolean kiln_norm_check_vector (const char *what, const KilnShape *vector,
    guint32 channels, GError **error);

G_END_DECLS
