/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* Matrix products with addresses computed on the fly (implicit GEMM):
 * linear layers, 2-D convolutions of any kernel and transposed ones,
 * convolutions over three frames. Every output row is
 *
 *   y = scale · act ((Σ x·W + bias) · factor + row)
 *       + residual_scale · residual + residual2_scale · residual2
 */
typedef enum {
  KILN_MATMUL_LINEAR,
  KILN_MATMUL_CONV2D,
  KILN_MATMUL_TEMPORAL,         /* 3×1×1 over frames, zero padded */
  KILN_MATMUL_TRANSPOSED,       /* 2-D; neither row nor residuals */
} KilnMatmulKind;

typedef enum {
  KILN_ACT_NONE,
  KILN_ACT_SILU,                /* x·sigmoid(x) */
  KILN_ACT_GELU,                /* x·Φ(x), exact (erf) */
  KILN_ACT_QUICK_GELU,          /* x·sigmoid(1.702 x) */
  KILN_ACT_GEGLU,               /* first half · gelu (second half) of the outputs */
  KILN_ACT_LEAKY_RELU,          /* x, or slope·x where x is negative */
  KILN_ACT_PRELU,               /* the same with a slope for each output */
  KILN_ACT_SIGMOID,
  KILN_ACT_UNIT,                /* x clamped to 0…1 */
} KilnActivation;

enum {
  KILN_MATMUL_X,
  KILN_MATMUL_WEIGHT,           /* packed: see pack.h */
  KILN_MATMUL_BIAS,             /* optional, fp32, padded to 8 */
  KILN_MATMUL_ROW,              /* optional: vectors added before the activation;
                                   vector i is added to the i-th equal share of rows */
  KILN_MATMUL_RESIDUAL,         /* optional, shape of the output */
  KILN_MATMUL_RESIDUAL2,        /* optional, shape of the output */
  KILN_MATMUL_FACTOR,           /* optional, fp32, padded to 8: a factor for each
                                   output; with PRELU its slope instead */
  KILN_MATMUL_N_INPUTS
};

typedef struct {
  KilnMatmulKind kind;
  guint32 outputs;              /* channels of the result */
  gboolean each_frame;          /* LINEAR: a weight for each frame of x */
  /* CONV2D and TRANSPOSED: */
  guint32 kernel;               /* rows and columns: 3 */
  guint32 stride;               /* 1 or 2; CLIP's patches: the kernel */
  guint32 pad;                  /* zeros above and left; TRANSPOSED: cut off there */
  guint32 pad_end;              /* the same below and right */
  /* CONV2D only: */
  guint32 resize_height, resize_width;  /* nearest-upsample x to this first; 0: not */
  KilnActivation activation;
  float slope;                  /* of LEAKY_RELU */
  float scale, residual_scale, residual2_scale;
} KilnMatmul;

extern const KilnOpClass kiln_matmul_class;

G_END_DECLS
