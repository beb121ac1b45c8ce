/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "graph.h"

G_BEGIN_DECLS

/* Where the host does not see the device's memory, weights are loaded through
 * staging memory of this. */
#define KILN_STAGING_BYTES (64u << 20)

/* Where every tensor of a graph lies, known before anything is allocated. */
typedef struct {
  guint64 arena_bytes;          /* activations and scratch, lifetimes overlapped */
  guint64 weight_bytes;         /* packed weights on the device */
  guint64 streamed_bytes;       /* packed weights in host memory */
  guint64 external_bytes;       /* inputs and outputs by name */
  guint64 largest_tensor;       /* bytes */
  guint64 staging_bytes;        /* while weights are loaded, at most */
  double flops;
  guint n_operations;
} KilnPlan;

/* Places the graph's tensors and fills plan (may be NULL). */
gboolean kiln_graph_plan (KilnGraph *graph, KilnPlan *plan, GError **error);

/* The same, with as few weights left in host memory as it takes for weights
 * and arena to fit into `limit` bytes of the device; where nothing does it,
 * with as many as can be. Each is copied into the arena while the
 * operation before the one that needs it runs, in every run of the program. */
gboolean kiln_graph_fit (KilnGraph *graph, guint64 limit, KilnPlan *plan,
    GError **error);

G_END_DECLS
