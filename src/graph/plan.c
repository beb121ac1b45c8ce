/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "operations.h"
#include "private.h"

#define ALIGNMENT 256

/* ---- Lifetimes */

/* A streamed weight comes while the operation before its first reader runs. */
static void
read_by (KilnTensor *tensor, guint node)
{
  if (tensor->streamed && tensor->place.bytes == 0) {
    tensor->place.bytes = kiln_shape_bytes (&tensor->shape);
    tensor->place.first = node - 1;
  }
  tensor->place.last = node;
}

static void
find_lifetimes (KilnGraph *graph)
{
  for (guint i = 0; i < graph->tensors->len; i++)
    ((KilnTensor *) graph->tensors->pdata[i])->place.bytes = 0;
  for (guint i = 0; i < graph->nodes->len; i++) {
    KilnNode *node = graph->nodes->pdata[i];

    node->output->place.first = node->output->place.last = i;
    node->output->place.bytes = kiln_shape_bytes (&node->output->shape);
    node->scratch.first = node->scratch.last = i;
    for (guint j = 0; j < node->n_inputs; j++)
      if (node->inputs[j] != NULL)
        read_by (node->inputs[j], i);
  }
}

/* What needs a place in the arena, largest first. */
static gint
compare_bytes (gconstpointer a, gconstpointer b)
{
  const KilnPlace *x = *(KilnPlace *const *) a;
  const KilnPlace *y = *(KilnPlace *const *) b;

  return x->bytes < y->bytes ? 1 : x->bytes > y->bytes ? -1
      : x->first < y->first ? -1 : x->first > y->first;
}

static GPtrArray *
collect_places (KilnGraph *graph)
{
  GPtrArray *places = g_ptr_array_new ();

  for (guint i = 0; i < graph->nodes->len; i++) {
    KilnNode *node = graph->nodes->pdata[i];

    if (node->output->external == NULL)
      g_ptr_array_add (places, &node->output->place);
    if (node->scratch.bytes > 0)
      g_ptr_array_add (places, &node->scratch);
  }
  for (guint i = 0; i < graph->tensors->len; i++) {
    KilnTensor *tensor = graph->tensors->pdata[i];

    if (tensor->streamed)
      g_ptr_array_add (places, &tensor->place);
  }
  g_ptr_array_sort (places, compare_bytes);
  return places;
}

/* ---- Placing: greedy by size (Pisarchyk & Lee 2020, "Efficient Memory
 * Management for Deep Neural Net Inference"): each tensor goes to the
 * lowest offset that no tensor alive at the same time overlaps. */

static guint64
align (guint64 offset)
{
  return (offset + ALIGNMENT - 1) & ~(guint64) (ALIGNMENT - 1);
}

static gboolean
alive_together (const KilnPlace *a, const KilnPlace *b)
{
  return a->first <= b->last && b->first <= a->last;
}

/* The first offset from `offset` at which bytes do not straddle a bank. */
static guint64
within_bank (guint64 offset, guint64 bytes, guint64 bank)
{
  return offset % bank + bytes <= bank ? offset : (offset / bank + 1) * bank;
}

/* `placed` is sorted by offset. */
static guint64
find_offset (const GPtrArray *placed, const KilnPlace *place, guint64 bank)
{
  guint64 offset = 0;

  for (guint i = 0; i < placed->len; i++) {
    const KilnPlace *other = placed->pdata[i];

    if (!alive_together (place, other))
      continue;
    if (offset + place->bytes <= other->offset)
      break;
    offset = MAX (offset, align (other->offset + other->bytes));
    offset = within_bank (offset, place->bytes, bank);
  }
  return offset;
}

static void
insert_by_offset (GPtrArray *placed, KilnPlace *place)
{
  guint i = placed->len;

  while (i > 0 && ((KilnPlace *) placed->pdata[i - 1])->offset
      > place->offset)
    i--;
  g_ptr_array_insert (placed, i, place);
}

static gboolean
place_all (KilnGraph *graph, guint64 bank, guint64 *arena, GError **error)
{
  g_autoptr (GPtrArray) places = collect_places (graph);
  g_autoptr (GPtrArray) placed = g_ptr_array_new ();

  *arena = 0;
  for (guint i = 0; i < places->len; i++) {
    KilnPlace *place = places->pdata[i];

    if (place->bytes > bank) {
      g_autofree char *size = g_format_size (place->bytes);
      g_autofree char *most = g_format_size (bank);

      g_set_error (error, KILN_ERROR, KILN_ERROR_OUT_OF_MEMORY,
          "A tensor of %s is needed and the device allocates at most %s at "
          "once; use a smaller size, fewer frames or a smaller chunk", size,
          most);
      return FALSE;
    }
    place->offset = find_offset (placed, place, bank);
    insert_by_offset (placed, place);
    *arena = MAX (*arena, align (place->offset + place->bytes));
  }
  return TRUE;
}

/* ---- Figures */

static void
count_tensors (KilnGraph *graph, KilnPlan *plan)
{
  for (guint i = 0; i < graph->tensors->len; i++) {
    const KilnTensor *tensor = graph->tensors->pdata[i];
    guint64 bytes = align (kiln_shape_bytes (&tensor->shape));

    if (tensor->weight != NULL)
      *(tensor->streamed ? &plan->streamed_bytes
          : &plan->weight_bytes) += bytes;
    else if (tensor->external != NULL)
      plan->external_bytes += bytes;
    plan->largest_tensor = MAX (plan->largest_tensor, bytes);
  }
  plan->staging_bytes = MIN (plan->weight_bytes, KILN_STAGING_BYTES);
}

static void
count_flops (KilnGraph *graph, KilnPlan *plan)
{
  plan->n_operations = kiln_graph_get_n_operations (graph);
  for (guint i = 0; i < plan->n_operations; i++)
    plan->flops += kiln_graph_get_operation (graph, i).flops;
}

gboolean
kiln_graph_place (KilnGraph *graph, guint64 bank, KilnPlan *plan,
    GError **error)
{
  KilnPlan result = { 0 };

  if (!kiln_graph_check (graph, error))
    return FALSE;
  find_lifetimes (graph);
  if (!place_all (graph, bank, &result.arena_bytes, error))
    return FALSE;
  count_tensors (graph, &result);
  count_flops (graph, &result);
  if (plan != NULL)
    *plan = result;
  return TRUE;
}

gboolean
kiln_graph_plan (KilnGraph *graph, KilnPlan *plan, GError **error)
{
  return kiln_graph_place (graph, G_MAXINT64, plan, error);
}
