/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "../graph/weight-source.h"

G_BEGIN_DECLS

/* One safetensors file, mapped into memory.
 *
 * The file is untrusted: opening it checks the header's length, its JSON,
 * every tensor's type, shape and place, that tensors neither overlap nor
 * leave holes, and that none is there twice. After that, no access can
 * leave the mapping (unless the file is truncated while it is mapped).
 * Format: https://github.com/huggingface/safetensors#format */
typedef struct _KilnSafetensors KilnSafetensors;

/* The reference implementation's limit for the header. */
#define KILN_SAFETENSORS_MAX_HEADER 100000000
/* SVD has 2446 tensors; this bounds the memory that a header can cost. */
#define KILN_SAFETENSORS_MAX_TENSORS (1 << 18)

/* A tensor as the header describes it. Strings belong to the file. */
typedef struct {
  const char *name;
  const char *dtype;            /* as written, e.g. "F16" or "I64" */
  gboolean usable;              /* dtype is F32, F16 or BF16: info.type holds */
  KilnWeightInfo info;          /* data may be unaligned */
} KilnSafetensorsEntry;

/* Errors: KILN_ERROR_MODEL naming the file, the tensor and the fault, or
 * a GFileError when the file cannot be opened. */
KilnSafetensors *kiln_safetensors_open (const char *path, GError **error);

/* The same for bytes in memory; label stands for the path in messages. */
KilnSafetensors *kiln_safetensors_new_from_bytes (GBytes *bytes,
    const char *label, GError **error);

KilnSafetensors *kiln_safetensors_ref (KilnSafetensors *file);
void kiln_safetensors_unref (KilnSafetensors *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnSafetensors, kiln_safetensors_unref)

const char *kiln_safetensors_get_path (KilnSafetensors *file);

/* Tensors in the order of their data. */
guint kiln_safetensors_get_n_tensors (KilnSafetensors *file);
const KilnSafetensorsEntry *kiln_safetensors_get_nth (KilnSafetensors *file,
    guint index);

/* NULL: no tensor of that name. */
const KilnSafetensorsEntry *kiln_safetensors_find (KilnSafetensors *file,
    const char *name);

/* A value of the header's __metadata__, or NULL. */
const char *kiln_safetensors_get_metadata (KilnSafetensors *file,
    const char *key);

G_END_DECLS
