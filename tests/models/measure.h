/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* |a − b| / |b| */
double relative_l2 (const float *a, const float *b, gsize n);
/* Of values whose range is 1; infinity where they are equal. */
double psnr_bytes (const guint8 *a, const guint8 *b, gsize n);
double psnr_floats (const float *a, const float *b, gsize n);

/* Reports what was measured of a stage and fails the test where it is
 * beyond its bound (a NaN is too). column: checkpoint and precision. */
void measure_error (const char *stage, const char *column, double error,
    double at_most);
void measure_psnr (const char *stage, const char *column, double psnr,
    double at_least);

/* Everything reported so far as a table, in TAP comments. */
void measure_print_table (void);

G_END_DECLS
