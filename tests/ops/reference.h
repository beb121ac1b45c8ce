/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "check.h"

/* Plain loops in double precision: what the shaders are held against. Each
 * has the signature CheckReference. */
#define REFERENCE(name) void name (gconstpointer params, \
    const CheckInput *inputs, const KilnShape *output, const guint64 *rows, \
    guint n_rows, double *values)

REFERENCE (reference_matmul);
REFERENCE (reference_pack);
REFERENCE (reference_group_norm);
REFERENCE (reference_layer_norm);
REFERENCE (reference_attention);
REFERENCE (reference_affine);
REFERENCE (reference_concat);
REFERENCE (reference_join);
REFERENCE (reference_first);
REFERENCE (reference_sinusoid);
REFERENCE (reference_euler);
REFERENCE (reference_resample);
REFERENCE (reference_pixels_read);
REFERENCE (reference_pixels_write);
REFERENCE (reference_compare);
REFERENCE (reference_pointwise);
REFERENCE (reference_bilinear);
REFERENCE (reference_warp);
REFERENCE (reference_pixel_shuffle);
REFERENCE (reference_stack);
REFERENCE (reference_luma);
REFERENCE (reference_luma_half);
REFERENCE (reference_flow_check);
REFERENCE (reference_flow_fill);
REFERENCE (reference_flow_blend);

/* KilnActivation, but not GEGLU. */
double reference_activate (guint activation, double x);
/* One of the 36 numbers that 3×3 become. */
double reference_winograd_kernel (const float *kernel, guint place);
