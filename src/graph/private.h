/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this room know of a graph. */

#include "graph.h"
#include "plan.h"

typedef struct {
  char *key;                    /* source, names and packing: equal keys, equal bytes */
  KilnPack pack;
  KilnPackPart *parts;          /* stacked along the outputs */
  guint n_parts;
} KilnWeight;

typedef struct {
  guint64 bytes;
  guint first, last;            /* nodes between which it is alive */
  guint64 offset;               /* in the arena, once planned */
} KilnPlace;

struct _KilnTensor
{
  KilnShape shape;
  char *external;               /* name, or NULL */
  KilnWeight *weight;           /* or NULL */
  gboolean streamed;            /* a weight that is copied into the arena */
  gint node;                    /* that makes it, −1: none */
  KilnPlace place;              /* unless external or a weight that is not streamed */
};

typedef struct {
  const KilnOpClass *klass;
  gpointer params;
  KilnTensor *inputs[KILN_OP_MAX_INPUTS];
  guint n_inputs;
  KilnTensor *output;
  KilnPlace scratch;            /* 0 bytes: none */
} KilnNode;

struct _KilnGraph
{
  KilnType type;
  GError *error;
  GPtrArray *tensors;           /* KilnTensor */
  GPtrArray *nodes;             /* KilnNode */
  GHashTable *weights;          /* key → KilnTensor */
  KilnTensor *broken;           /* what building returns after an error */
};

/* "prefix.name" */
char *kiln_scope_name (const KilnScope * scope, const char *name);

/* Places tensors so that none straddles a multiple of `bank` bytes. */
gboolean kiln_graph_place (KilnGraph * graph, guint64 bank, KilnPlan * plan,
    GError ** error);
