/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../../src/weights/safetensors.h"

G_BEGIN_DECLS

/* What diffusers computes, as tools/golden wrote it under $SVD_GOLDEN_DIR.
 * Whatever is missing ends the program with a sentence. */
typedef struct _Golden Golden;

/* "alpha", "beta", "gamma" or "common". */
Golden *golden_open (const char *name);
void golden_free (Golden *golden);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Golden, golden_free)

const char *golden_get_name (Golden *golden);
/* The checkpoint's folder. */
const char *golden_get_model_path (Golden *golden);
KilnSafetensors *golden_get_tensors (Golden *golden);

const KilnSafetensorsEntry *golden_entry (Golden *golden,
    const char *key_format, ...) G_GNUC_PRINTF (2, 3);

/* A copy of the numbers; free with g_free(). n: (out) (optional). */
float *golden_floats (const KilnSafetensorsEntry *entry, gsize *n);

/* The same channels last, for comparing with a tensor of the engine:
 * N C H W becomes rows of C; N L C is that already; of 1 C F H W, the
 * layout inside temporal layers, the frames come first. */
float *golden_rows (const KilnSafetensorsEntry *entry, gsize *n_rows,
    gsize *channels);

/* golden.json's numbers: (golden, "guided", "width"). */
double golden_number (Golden *golden, const char *object,
    const char *member);

G_END_DECLS
