/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "graph.h"

G_BEGIN_DECLS

/* Packed weights on a device, shared by all programs of a model: the same
 * weights are uploaded once whatever the picture's size. */
typedef struct _KilnWeightStore KilnWeightStore;

KilnWeightStore *kiln_weight_store_new (KilnDevice *device);
void kiln_weight_store_free (KilnWeightStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnWeightStore, kiln_weight_store_free)

/* Called as weights are loaded, in the loading thread: how many bytes of
 * packed ones more. */
typedef void (*KilnUploadFunc) (guint64 bytes, gpointer user_data);

/* Loads the graph's weights that the store does not have yet. */
gboolean kiln_weight_store_load (KilnWeightStore *store, KilnGraph *graph,
    KilnUploadFunc uploaded, gpointer user_data, GCancellable *cancellable,
    GError **error);

/* Bytes of the device that the store holds. */
guint64 kiln_weight_store_get_bytes (KilnWeightStore *store);

/* Whether those of the graph's weights that the store has are where the graph
 * wants them: on the device, or in the host's memory if they are streamed. */
gboolean kiln_weight_store_suits (KilnWeightStore *store, KilnGraph *graph);

/* Gives all weights back. Programs keep those that they use. */
void kiln_weight_store_clear (KilnWeightStore *store);

/* Bytes that the graph's weights would be reported to have, all together. */
guint64 kiln_weight_store_get_missing (KilnWeightStore *store,
    KilnGraph *graph);

/* The packed weight, which must be loaded: in the host's memory if it is
 * streamed. */
KilnView kiln_weight_store_get (KilnWeightStore *store,
    const KilnTensor *weight);

G_END_DECLS
