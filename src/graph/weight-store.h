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

/* Uploads the graph's weights that the store does not have yet. */
gboolean kiln_weight_store_load (KilnWeightStore *store, KilnGraph *graph,
    GCancellable *cancellable, GError **error);

/* The packed weight, which must be loaded. */
KilnView kiln_weight_store_get (KilnWeightStore *store,
    const KilnTensor *weight);

G_END_DECLS
