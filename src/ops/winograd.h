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
 *   kiln_winograd_in   x → 36×1×tiles×C: a frame for each of the 6×6 places
 *   kiln_matmul        LINEAR with each_frame
 *   kiln_winograd_out  36×1×tiles×N → y, with the epilogue of kiln_matmul
 *
 * None of these tensors may be larger than any device's binding. */
#define KILN_WINOGRAD_PLACES 36

extern const KilnOpClass kiln_winograd_in_class;

/* Inputs: the products; optional and as of kiln_matmul: bias, row (of y's
 * positions), residual, factor. */
enum {
  KILN_WINOGRAD_X,
  KILN_WINOGRAD_BIAS,
  KILN_WINOGRAD_ROW,
  KILN_WINOGRAD_RESIDUAL,
  KILN_WINOGRAD_FACTOR,
  KILN_WINOGRAD_N_INPUTS
};

typedef struct {
  guint32 frames, height, width;        /* of y */
  KilnActivation activation;    /* any but GEGLU */
  float slope;
} KilnWinogradOut;

extern const KilnOpClass kiln_winograd_out_class;

/* Whether it can be done, and pays. */
gboolean kiln_winograd_suits (const KilnShape *x, guint32 outputs);

G_END_DECLS
