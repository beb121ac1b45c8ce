/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/graph.h"
#include "../weights/svd-config.h"

G_BEGIN_DECLS

/* diffusers' AutoencoderKLTemporalDecoder. */

/* x: n × height × width × 3 in [−1, 1]. Returns the posterior's parameters,
 * n × h × w × 2·latent_channels: means (the mode), then log variances. */
KilnTensor *svd_vae_encode (KilnGraph *graph, const KilnScope *scope,
    const SvdVaeConfig *config, KilnTensor *x);

/* z: frames × h × w × latent_channels, already divided by the scaling
 * factor. Returns frames × height × width × 3 in about [−1, 1]. Temporal
 * layers see all the frames of z and no others. */
KilnTensor *svd_vae_decode (KilnGraph *graph, const KilnScope *scope,
    const SvdVaeConfig *config, KilnTensor *z);

G_END_DECLS
