/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "weight-store.h"

G_BEGIN_DECLS

/* A graph recorded for a device, run any number of times. */
typedef struct _KilnProgram KilnProgram;

typedef struct {
  const char *name;             /* as in kiln_graph_input(), kiln_graph_output() */
  KilnBuffer *buffer;           /* at least kiln_shape_bytes() large */
} KilnExternal;

/* Begins to compile the shaders that programs of these graphs will take,
 * which have been planned: to be waited for after something else was done.
 * Takes none of the memory that the programs need. */
KilnCompilation *kiln_graphs_compile (KilnGraph *const *graphs,
    guint n_graphs, KilnDevice *device, GCancellable *cancellable,
    GError **error);

/* Plans, loads weights into the store (may be NULL for a graph without) while
 * shaders are compiled that are used for the first time, allocates the arena
 * and records: seconds. cancellable ends it after the shaders being compiled
 * then. The program keeps buffers and store
 * memory it uses; the graph may be freed afterwards, the store not. */
KilnProgram *kiln_program_new (KilnGraph *graph, KilnDevice *device,
    KilnWeightStore *store, const KilnExternal *externals, guint n_externals,
    GCancellable *cancellable, GError **error);
void kiln_program_free (KilnProgram *program);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnProgram, kiln_program_free)

gboolean kiln_program_run (KilnProgram *program, GCancellable *cancellable,
    GError **error);

G_END_DECLS
