/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"
#include "matmul.h"

G_BEGIN_DECLS

/* y = act (a_scale · a · factor + b_scale · b). Inputs: a, b (optional),
 * factor (optional: fp32 1×1×1×1, read at run time, so it may change
 * from run to run without recording again). b has a's channels and
 * either a's rows or fewer: then row i of b goes with the i-th equal share
 * of a's rows. Types of a, b and y are independent: this is also the
 * conversion between fp32 and fp16. */
typedef struct {
  float a_scale, b_scale;
  KilnActivation activation;    /* NONE or SILU, GELU, QUICK_GELU */
  KilnType type;                /* of the result */
} KilnAffine;

extern const KilnOpClass kiln_affine_class;

/* y = act (a' + b') or act (a' · b') or, without b, act (a'), where x' is
 * scale · x + offset of a run of `channels` channels of x. Inputs: a; b
 * (optional), of a's positions or a single vector for all of them;
 * slopes (with PRELU: fp32, one for each channel, padded to 4). All but the
 * slopes have one type, which is the result's. */
typedef struct {
  guint32 first;                /* channel */
  float scale, offset;
} KilnTerm;

typedef struct {
  KilnTerm a, b;
  guint32 channels;
  gboolean product;             /* else the sum */
  gboolean spread;              /* b's one channel goes with all of a's */
  KilnActivation activation;    /* any but GEGLU */
  float slope;                  /* of LEAKY_RELU */
} KilnPointwise;

extern const KilnOpClass kiln_pointwise_class;

/* Channels side by side: inputs x0, x1 (…up to 4), same positions; a frame
 * count of 1 is repeated for all frames of the first. */
extern const KilnOpClass kiln_concat_class;

/* Tokens one after another: [frames, 1, n0 + n1, C] from inputs of n0 and
 * n1 positions a frame (CLIP's class token before its patches). An input
 * with frame count 1 is repeated. */
extern const KilnOpClass kiln_join_class;

/* The first `rows` positions of each frame, as [frames, 1, rows, C]. */
typedef struct {
  guint32 rows;
} KilnFirst;

extern const KilnOpClass kiln_first_class;

/* Sinusoidal embedding (Vaswani et al. 2017, as diffusers' Timesteps with
 * flip_sin_to_cos and shift 0): [cos | sin], frequency i is
 * 10000^(−i/half). Input: fp32 values, 1×1×1×n; result 1×1×n×size, or
 * 1×1×1×(n·size) where `flatten`. size is even. */
typedef struct {
  guint32 size;
  gboolean flatten;
} KilnSinusoid;

extern const KilnOpClass kiln_sinusoid_class;

/* One Euler step of v-prediction (Karras et al. 2022, eq. 5, in diffusers'
 * parametrisation) with guidance a frame. Inputs, all fp32: sample,
 * conditional prediction, unconditional prediction (optional), guidance
 * 1×1×1×frames, sigmas 1×1×1×2 (now, next). Result: the next sample. */
extern const KilnOpClass kiln_euler_class;

G_END_DECLS
