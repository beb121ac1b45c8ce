/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "matmul.h"

G_BEGIN_DECLS

/* 3×3 convolutions of stride 1 and padding 1 with a quarter of the
 * multiplications (Lavin & Gray 2015, "Fast Algorithms for Convolutional
 * Neural Networks", F(4×4, 3×3)): tiles of 6×6 positions of x, transformed,
 * are multiplied place by place with the transformed kernels (pack.h), and
 * 4×4 positions of y come back. In fp32 about a digit is lost.
 *
 * Takes the parameters and inputs of kiln_matmul_class, with the weight
 * packed for it; fp32 only. The tiles are made, multiplied and turned back
 * in bands, whose memory is bounded whatever the size. */
#define KILN_WINOGRAD_PLACES 36

extern const KilnOpClass kiln_winograd_class;

/* Whether this product of x can be done so, and pays. Does not depend on
 * x's size: a model's weights are packed once for all sizes. */
gboolean kiln_winograd_suits (const KilnMatmul *matmul, const KilnShape *x);

G_END_DECLS
