/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* One axis of a separable filter given as a table: output i is the
 * weighted sum of n_taps inputs; borders are already resolved in the
 * indices. */
typedef struct {
  guint32 inputs, outputs, taps;
  guint32 *index;               /* [outputs][taps] */
  float *weight;                /* [outputs][taps] */
  gint32 *fixed;                /* [outputs][taps], 22 fractional bits; NULL: float filter */
} KilnFilter;

void kiln_filter_free (KilnFilter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnFilter, kiln_filter_free)

/* Pillow's 8-bit Lanczos (a = 3, antialiased when shrinking): the fixed
 * weights of Resample.c, so that results are equal to the bit. */
KilnFilter *kiln_filter_new_lanczos (guint32 inputs, guint32 outputs);

/* diffusers' _resize_with_antialiasing along one axis: Gaussian blur
 * (reflected border), then bicubic (A = −0.75, corners aligned, clamped
 * border), as one table. */
KilnFilter *kiln_filter_new_antialiased_bicubic (guint32 inputs, guint32 outputs);

/* Filters along an axis. Inputs: x, the table (1×1×outputs×(2·taps) fp32
 * bits: index and weight interleaved; see kiln_filter_write_table()).
 * A float filter reads U8 (as 0…255) or F32 and writes F32; a fixed one
 * reads and writes U8 with Pillow's rounding. */
typedef struct {
  guint32 outputs, taps;
  gboolean vertical;
  gboolean fixed;
} KilnResample;

extern const KilnOpClass kiln_resample_class;

/* The table's shape and contents (kiln_shape_bytes() of them). */
KilnShape kiln_filter_table_shape (const KilnFilter *filter);
void kiln_filter_write_table (const KilnFilter *filter, void *table);

G_END_DECLS
