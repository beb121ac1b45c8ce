/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The planner by itself, on random graphs: nothing that is alive at the
 * same time may share a byte. */
#include "../../src/graph/private.h"

#define ALIGNMENT 256
#define N_GRAPHS 300
#define MAX_NODES 60

/* An operation that exists for the planner only. */
typedef struct {
  guint32 rows, channels;
  guint64 scratch;
} Fake;

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const Fake *fake = params;

  *output = (KilnShape) { output->type, 1, 1, fake->rows, fake->channels };
  return TRUE;
}

static guint64
scratch (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return ((const Fake *) params)->scratch;
}

static const KilnOpClass fake_class = {
  .name = "fake", .params_size = sizeof (Fake), .infer = infer,
  .scratch = scratch,
};

static KilnWeightSource no_weights = { .is_blank = TRUE };

/* Some are read more than once, some are too small to be streamed. */
static KilnTensor *
random_weight (KilnGraph *graph)
{
  const KilnScope scope = kiln_scope_root (&no_weights);
  guint32 n = g_test_rand_int_range (0, 40);
  g_autofree char *name = g_strdup_printf ("%u", n);
  const char *const names[] = { name };
  const KilnPack pack = {
    .packing = KILN_PACK_MATRIX, .type = kiln_graph_precision (graph),
    .outputs = 8 * (n + 1), .inputs = 512, .taps = 1
  };

  return kiln_graph_weight (graph, &scope, names, 1, &pack);
}

/* Inputs are recent results mostly, and old ones now and then (skips). */
static KilnTensor *
pick_input (KilnGraph *graph)
{
  guint n = graph->nodes->len;
  guint back = g_test_rand_bit () ? g_test_rand_int_range (1, 4)
      : g_test_rand_int_range (1, MAX_NODES);

  return back > n ? NULL
      : ((KilnNode *) graph->nodes->pdata[n - back])->output;
}

static KilnGraph *
random_graph (void)
{
  KilnGraph *graph = kiln_graph_new (g_test_rand_bit () ? KILN_F16 : KILN_F32);
  guint n = g_test_rand_int_range (1, MAX_NODES);

  for (guint i = 0; i < n; i++) {
    const Fake fake = {
      g_test_rand_int_range (1, 200), g_test_rand_int_range (1, 100),
      g_test_rand_bit () ? 0 : 4 * g_test_rand_int_range (1, 10000)
    };
    KilnTensor *inputs[KILN_OP_MAX_INPUTS];
    guint n_inputs = g_test_rand_int_range (0, KILN_OP_MAX_INPUTS + 1);
    KilnTensor *tensor;

    for (guint j = 0; j < n_inputs; j++)
      inputs[j] = g_test_rand_int_range (0, 6) == 0 ? random_weight (graph)
          : pick_input (graph);
    tensor = kiln_graph_add (graph, &fake_class, &fake, inputs, n_inputs);
    if (i + 1 == n || g_test_rand_int_range (0, 10) == 0)
      kiln_graph_output (graph, tensor, "out");
  }
  return graph;
}

/* A range of bytes and of nodes, worked out from the graph once more. */
typedef struct {
  guint first, last;
  guint64 start, end;
} Block;

static gboolean
is_read_by (KilnGraph *graph, guint node, const KilnTensor *tensor)
{
  const KilnNode *reader = graph->nodes->pdata[node];

  for (guint i = 0; i < reader->n_inputs; i++)
    if (reader->inputs[i] == tensor)
      return TRUE;
  return FALSE;
}

static guint
last_reader (KilnGraph *graph, const KilnTensor *tensor, guint node)
{
  guint last = node;

  for (guint i = node + 1; i < graph->nodes->len; i++)
    if (is_read_by (graph, i, tensor))
      last = i;
  return last;
}

/* From the node before the first reader to the last one. */
static void
list_streamed (KilnGraph *graph, GArray *blocks)
{
  for (guint i = 0; i < graph->tensors->len; i++) {
    const KilnTensor *tensor = graph->tensors->pdata[i];
    Block block = { 0 };

    if (!tensor->streamed)
      continue;
    while (!is_read_by (graph, block.first + 1, tensor))
      block.first++;
    block.last = last_reader (graph, tensor, block.first + 1);
    block.start = tensor->place.offset;
    block.end = block.start + kiln_shape_bytes (&tensor->shape);
    g_array_append_val (blocks, block);
  }
}

static GArray *
list_blocks (KilnGraph *graph)
{
  GArray *blocks = g_array_new (FALSE, FALSE, sizeof (Block));

  for (guint i = 0; i < graph->nodes->len; i++) {
    const KilnNode *node = graph->nodes->pdata[i];
    const KilnTensor *tensor = node->output;
    guint64 bytes = kiln_shape_bytes (&tensor->shape);
    guint64 scratch_bytes = ((const Fake *) node->params)->scratch;
    const Block result = {
      i, last_reader (graph, tensor, i), tensor->place.offset,
      tensor->place.offset + bytes
    };
    const Block scratch = {
      i, i, node->scratch.offset, node->scratch.offset + scratch_bytes
    };

    if (tensor->external == NULL)
      g_array_append_val (blocks, result);
    if (scratch_bytes > 0)
      g_array_append_val (blocks, scratch);
  }
  list_streamed (graph, blocks);
  return blocks;
}

static gboolean
alive_together (const Block *a, const Block *b)
{
  return a->first <= b->last && b->first <= a->last;
}

static void
check_blocks (const GArray *blocks, guint64 arena, guint64 bank)
{
  for (guint i = 0; i < blocks->len; i++) {
    const Block *a = &g_array_index (blocks, Block, i);

    g_assert_cmpuint (a->start % ALIGNMENT, ==, 0);
    g_assert_cmpuint (a->end, <=, arena);
    g_assert_cmpuint (a->start / bank, ==, (a->end - 1) / bank);
    for (guint j = 0; j < i; j++) {
      const Block *b = &g_array_index (blocks, Block, j);

      g_assert_true (!alive_together (a, b) || a->end <= b->start
          || b->end <= a->start);
    }
  }
}

/* Bytes alive at the busiest node: no plan can do with less. */
static guint64
least_bytes (const GArray *blocks, guint n_nodes)
{
  guint64 most = 0;

  for (guint node = 0; node < n_nodes; node++) {
    guint64 alive = 0;

    for (guint i = 0; i < blocks->len; i++) {
      const Block *block = &g_array_index (blocks, Block, i);

      if (block->first <= node && node <= block->last)
        alive += block->end - block->start;
    }
    most = MAX (most, alive);
  }
  return most;
}

static void
test_random_graphs (void)
{
  double total = 0, needed = 0;

  for (guint i = 0; i < N_GRAPHS; i++) {
    g_autoptr (KilnGraph) graph = random_graph ();
    g_autoptr (GArray) blocks = NULL;
    /* The largest fake tensor has 80000 bytes. */
    guint64 bank = i % 2 ? G_MAXINT64 : 81920, least;
    g_autoptr (GError) error = NULL;
    KilnPlan plan;

    kiln_graph_place (graph, bank, &plan, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (plan.n_operations, ==, graph->nodes->len);
    blocks = list_blocks (graph);
    check_blocks (blocks, plan.arena_bytes, bank);
    least = least_bytes (blocks, graph->nodes->len);
    if (bank == G_MAXINT64) {
      total += plan.arena_bytes;
      needed += least;
    }
  }
  g_test_message ("arenas are %.0f %% larger than what is alive at once",
      100 * (total / needed - 1));
  g_assert_cmpfloat (total / needed, <, 1.25);
}

static guint64
device_bytes (const KilnPlan *plan)
{
  return plan->weight_bytes + plan->arena_bytes;
}

/* Weights go to the host's memory for what they leave on the device to fit,
 * and no more of them than it takes. */
static void
test_fit (void)
{
  guint n_fit = 0, n_streamed = 0;

  for (guint i = 0; i < N_GRAPHS; i++) {
    g_autoptr (KilnGraph) graph = random_graph ();
    g_autoptr (GArray) blocks = NULL;
    KilnPlan resident, least, fitted;
    guint64 limit;

    g_assert_true (kiln_graph_fit (graph, G_MAXUINT64, &resident, NULL));
    g_assert_cmpuint (resident.streamed_bytes, ==, 0);
    g_assert_true (kiln_graph_fit (graph, 0, &least, NULL));
    blocks = list_blocks (graph);
    check_blocks (blocks, least.arena_bytes, G_MAXINT64);
    g_assert_cmpuint (least.weight_bytes + least.streamed_bytes, ==,
        resident.weight_bytes);

    limit = device_bytes (&resident) * g_test_rand_double_range (0.5, 1);
    g_assert_true (kiln_graph_fit (graph, limit, &fitted, NULL));
    g_assert_cmpuint (fitted.streamed_bytes, <=, least.streamed_bytes);
    if (device_bytes (&least) <= limit)
      g_assert_cmpuint (device_bytes (&fitted), <=, limit);
    n_fit += device_bytes (&fitted) <= limit;
    n_streamed += fitted.streamed_bytes > 0;
  }
  g_test_message ("%u of %u fit, %u of them streamed", n_fit, N_GRAPHS,
      n_streamed);
  g_assert_cmpuint (n_fit, >, N_GRAPHS / 4);
}

/* A chain needs room for two results, however long it is. */
static void
test_chain (void)
{
  g_autoptr (KilnGraph) graph = kiln_graph_new (KILN_F32);
  const Fake fake = { 64, 4, 0 };
  KilnTensor *tensor = NULL;
  KilnPlan plan;

  for (guint i = 0; i < 100; i++)
    tensor = kiln_graph_add (graph, &fake_class, &fake, &tensor, 1);
  kiln_graph_output (graph, tensor, "out");
  g_assert_true (kiln_graph_plan (graph, &plan, NULL));
  g_assert_cmpuint (plan.arena_bytes, ==, 2 * 64 * 4 * 4);
  g_assert_cmpuint (plan.external_bytes, ==, 64 * 4 * 4);
}

static void
test_too_large (void)
{
  g_autoptr (KilnGraph) graph = kiln_graph_new (KILN_F32);
  const Fake fake = { 1024, 4, 0 };
  KilnTensor *tensor = kiln_graph_add (graph, &fake_class, &fake, NULL, 0);
  g_autoptr (GError) error = NULL;

  tensor = kiln_graph_add (graph, &fake_class, &fake, &tensor, 1);
  kiln_graph_output (graph, tensor, "out");
  g_assert_false (kiln_graph_place (graph, 8192, NULL, &error));
  g_assert_error (error, KILN_ERROR, KILN_ERROR_OUT_OF_MEMORY);
  g_test_message ("%s", error->message);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/random-graphs", test_random_graphs);
  g_test_add_func ("/plan/fit", test_fit);
  g_test_add_func ("/plan/chain", test_chain);
  g_test_add_func ("/plan/too-large", test_too_large);
  return g_test_run ();
}
