/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* softmax (q kᵀ / √d) v a head, scores never stored (online softmax).
 * One input: q, k and v side by side in the channels (3 · inner), as one
 * linear layer makes them; the result has inner channels. */
typedef struct {
  guint32 heads;                /* divides inner; head size d = inner / heads */
  gboolean temporal;            /* sequences run over frames at each position;
                                   else over height × width in each frame */
} KilnAttention;

extern const KilnOpClass kiln_attention_class;

G_END_DECLS
