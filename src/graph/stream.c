/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

/* Smaller weights save too little to be worth a copy each. */
#define MIN_BYTES (64u << 10)

typedef struct {
  KilnTensor *weight;
  guint64 beside;               /* bytes of the arena when it is needed, at most */
} Candidate;

/* ---- What the arena holds while each operation runs */

static void
add_place (guint64 *bytes, const KilnPlace *place)
{
  for (guint i = place->first; i <= place->last; i++)
    bytes[i] += place->bytes;
}

/* One figure an operation, of a graph that is planned without streaming. */
static guint64 *
count_arena (KilnGraph *graph)
{
  guint64 *bytes = g_new0 (guint64, graph->nodes->len);

  for (guint i = 0; i < graph->nodes->len; i++) {
    const KilnNode *node = graph->nodes->pdata[i];

    if (node->output->external == NULL)
      add_place (bytes, &node->output->place);
    add_place (bytes, &node->scratch);
  }
  return bytes;
}

/* ---- Candidates: those needed where the arena is emptiest come first. In
 * a UNet these are the many weights of its small middle, for which there is
 * room where the activations of its large ends lie before and after. */

static void
add_candidate (GArray *candidates, GHashTable *seen, KilnTensor *weight,
    guint node, const guint64 *arena)
{
  Candidate *candidate;
  guint i;

  if (!g_hash_table_contains (seen, weight)) {
    const Candidate added = { weight, 0 };

    g_hash_table_insert (seen, weight, GUINT_TO_POINTER (candidates->len));
    g_array_append_val (candidates, added);
  }
  i = GPOINTER_TO_UINT (g_hash_table_lookup (seen, weight));
  candidate = &g_array_index (candidates, Candidate, i);
  candidate->beside = MAX (candidate->beside, arena[node]);
}

static gint
compare_candidates (gconstpointer a, gconstpointer b)
{
  const Candidate *x = a, *y = b;

  return x->beside < y->beside ? -1 : x->beside > y->beside;
}

static gboolean
reads (const KilnNode *node, const KilnTensor *tensor)
{
  for (guint i = 0; i < node->n_inputs; i++)
    if (node->inputs[i] == tensor)
      return TRUE;
  return FALSE;
}

/* What the first operation reads has none before it to be copied in. */
static gboolean
can_stream (KilnGraph *graph, const KilnTensor *tensor)
{
  return tensor != NULL && tensor->weight != NULL
      && kiln_shape_bytes (&tensor->shape) >= MIN_BYTES
      && !reads (graph->nodes->pdata[0], tensor);
}

static GArray *
rank_candidates (KilnGraph *graph)
{
  GArray *candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  g_autofree guint64 *arena = count_arena (graph);

  for (guint i = 1; i < graph->nodes->len; i++) {
    const KilnNode *node = graph->nodes->pdata[i];

    for (guint j = 0; j < node->n_inputs; j++)
      if (can_stream (graph, node->inputs[j]))
        add_candidate (candidates, seen, node->inputs[j], i, arena);
  }
  g_array_sort (candidates, compare_candidates);
  return candidates;
}

/* ---- Choosing how many */

static void
stream (const GArray *candidates, guint n)
{
  for (guint i = 0; i < candidates->len; i++)
    g_array_index (candidates, Candidate, i).weight->streamed = i < n;
}

static gboolean
fits (const KilnPlan *plan, guint64 limit)
{
  return plan->weight_bytes + plan->arena_bytes <= limit;
}

gboolean
kiln_graph_fit (KilnGraph *graph, guint64 limit, KilnPlan *plan,
    GError **error)
{
  g_autoptr (GArray) candidates = NULL;
  guint too_few = 0, enough;

  for (guint i = 0; i < graph->tensors->len; i++)
    ((KilnTensor *) graph->tensors->pdata[i])->streamed = FALSE;
  if (!kiln_graph_plan (graph, plan, error))
    return FALSE;
  if (fits (plan, limit))
    return TRUE;
  candidates = rank_candidates (graph);
  enough = candidates->len;     /* or as many as there are */
  while (enough - too_few > 1) {
    guint n = (too_few + enough) / 2;

    stream (candidates, n);
    if (!kiln_graph_plan (graph, plan, error))
      return FALSE;
    if (fits (plan, limit))
      enough = n;
    else
      too_few = n;
  }
  stream (candidates, enough);
  return kiln_graph_plan (graph, plan, error);
}
