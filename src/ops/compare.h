/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* Two pictures fp32 1×height×width×4 (R, G, B, alpha), of one size, in
 * square cells: fp32 1×rows×columns×3, mean luma of the first, of the
 * second, and mean absolute difference of the channels (that of alpha is
 * added to the colours'). */
typedef struct {
  guint32 cell;                 /* pixels a side; the last ones may be cut */
} KilnCompare;

extern const KilnOpClass kiln_compare_class;

G_END_DECLS
