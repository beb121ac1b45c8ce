/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/weight-source.h"

G_BEGIN_DECLS

/* Weights of a network whose files are not there. Both sources have the
 * tensors that Stable Video Diffusion's networks have: all that their
 * configurations leave open is which layers go without a bias. */

/* For planning only: see KilnWeightSource.is_blank. */
extern KilnWeightSource svd_blank_weights;

/* fp16 numbers, the same in every run, of a size that keeps activations
 * within fp16: what measures speed and memory needs no more. */
KilnWeightSource *svd_random_weights_new (void);
void svd_random_weights_free (KilnWeightSource *source);

G_END_DECLS
