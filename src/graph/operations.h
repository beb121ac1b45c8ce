/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "graph.h"

G_BEGIN_DECLS

/* One operation of a graph, as it stands alone. */
typedef struct {
  const KilnOpClass *klass;
  gconstpointer params;
  guint n_inputs;
  const KilnShape *inputs[KILN_OP_MAX_INPUTS];  /* NULL: not there */
  guint32 weights;              /* bit i: input i is a packed weight */
  KilnShape output;
  guint64 scratch_bytes;
  double flops;
} KilnOperation;

guint kiln_graph_get_n_operations (KilnGraph *graph);

/* Of a graph without errors; what it points to belongs to the graph. */
KilnOperation kiln_graph_get_operation (KilnGraph *graph, guint i);

G_END_DECLS
