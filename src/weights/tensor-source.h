/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "safetensors.h"

G_BEGIN_DECLS

/* A weight source over one or several safetensors files: a table from a
 * model's names to tensors, which keeps the files mapped.
 *
 * Immutable after it has been built, so any thread may read it. */
typedef struct _KilnTensorSource KilnTensorSource;

/* An empty source to be filled with kiln_tensor_source_add(). description
 * is what the source calls itself in messages, usually a path. */
KilnTensorSource *kiln_tensor_source_new (const char *description);

/* All tensors of one file, under their own names. */
KilnTensorSource *kiln_tensor_source_open_file (const char *path,
    GError **error);

/* The shards that an index (*.safetensors.index.json) names; they lie in
 * the index's folder. Every tensor of its weight_map must be in its shard. */
KilnTensorSource *kiln_tensor_source_open_index (const char *path,
    GError **error);

/* The weights of one component's folder in diffusers' layout: those named
 * `diffusion_pytorch_model` or `model`, one file or shards with an index.
 * Where there are some of the variant fp16 and others, prefer_fp16 chooses.
 * Errors: KILN_ERROR_MODEL saying what was looked for. */
KilnTensorSource *kiln_tensor_source_open_folder (const char *folder,
    gboolean prefer_fp16, GError **error);

/* Whether there is anything for it to open. */
gboolean kiln_tensor_source_has_weights (const char *folder);

KilnTensorSource *kiln_tensor_source_ref (KilnTensorSource *source);
void kiln_tensor_source_unref (KilnTensorSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnTensorSource, kiln_tensor_source_unref)

/* Offers entry (of file, which is referenced) under name; info replaces
 * entry's shape and bytes where it is not NULL: a slice, a matrix without
 * its trailing ones, a transposed one. FALSE: the name is taken. */
gboolean kiln_tensor_source_add (KilnTensorSource *source, const char *name,
    KilnSafetensors *file, const KilnSafetensorsEntry *entry,
    const KilnWeightInfo *info);

/* The interface that graphs take; belongs to source. */
KilnWeightSource *kiln_tensor_source_as_weights (KilnTensorSource *source);

guint kiln_tensor_source_get_n_tensors (KilnTensorSource *source);

/* Sum of all usable tensors' elements and bytes. */
guint64 kiln_tensor_source_get_n_elements (KilnTensorSource *source);
guint64 kiln_tensor_source_get_n_bytes (KilnTensorSource *source);

G_END_DECLS
