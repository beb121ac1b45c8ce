/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graphs.h"

#include <string.h>

#include "../ops/attention.h"
#include "../ops/matmul.h"
#include "../ops/normalization.h"
#include "../ops/winograd.h"

/* ---- Graphs */

GPtrArray *
bench_build_graphs (const Bench *bench, const char *stage,
    const BenchSize *size, GError **error)
{
  if (g_str_equal (stage, "encode"))
    return svd_encoder_build_graphs (bench->model, &bench->options,
        size->width, size->height, error);
  if (g_str_equal (stage, "sample"))
    return svd_sampler_build_graphs (bench->model, &bench->options,
        size->width, size->height, size->frames, error);
  return svd_decoder_build_graphs (bench->model, &bench->options,
      size->width, size->height, size->decode_frames, error);
}

/* ---- Names */

static const char *
activation_name (KilnActivation activation)
{
  static const char *const names[] = {
    "", " SiLU", " GELU", " quick GELU", " GEGLU", " leaky ReLU", " PReLU",
    " sigmoid", " clamp"
  };

  return names[activation];
}

static char *
name_matmul (const KilnOperation *operation)
{
  const KilnMatmul *matmul = operation->params;
  GString *name = g_string_new (NULL);

  switch (matmul->kind) {
    case KILN_MATMUL_LINEAR:
      g_string_append (name, "linear");
      break;
    case KILN_MATMUL_TEMPORAL:
      g_string_append (name, "conv over frames");
      break;
    case KILN_MATMUL_CONV2D:
    case KILN_MATMUL_TRANSPOSED:
      g_string_append_printf (name, "conv %u×%u", matmul->kernel,
          matmul->kernel);
      break;
  }
  if (operation->klass == &kiln_winograd_class)
    g_string_append (name, " Winograd");
  if (matmul->kind == KILN_MATMUL_CONV2D && matmul->stride > 1)
    g_string_append_printf (name, " /%u", matmul->stride);
  if (matmul->resize_height > 0)
    g_string_append (name, " upsampling");
  g_string_append (name, activation_name (matmul->activation));
  if (operation->inputs[KILN_MATMUL_ROW] != NULL)
    g_string_append (name, " +row");
  for (guint i = KILN_MATMUL_RESIDUAL; i <= KILN_MATMUL_RESIDUAL2; i++)
    if (operation->inputs[i] != NULL)
      g_string_append (name, " +residual");
  return g_string_free (name, FALSE);
}

static gboolean
is_over_frames (const KilnOperation *operation)
{
  if (operation->klass == &kiln_matmul_class)
    return ((const KilnMatmul *) operation->params)->kind
        == KILN_MATMUL_TEMPORAL;
  if (operation->klass == &kiln_attention_class)
    return ((const KilnAttention *) operation->params)->temporal;
  return operation->klass == &kiln_group_norm_class
      && ((const KilnGroupNorm *) operation->params)->all_frames;
}

static char *
name_operation (const KilnOperation *operation)
{
  const char *over = is_over_frames (operation) ? " over frames" : "";

  if (operation->klass == &kiln_matmul_class
      || operation->klass == &kiln_winograd_class)
    return name_matmul (operation);
  if (operation->klass == &kiln_attention_class) {
    const KilnAttention *attention = operation->params;

    return g_strdup_printf ("attention%s, %u head%s", over, attention->heads,
        attention->heads == 1 ? "" : "s");
  }
  if (operation->klass == &kiln_group_norm_class) {
    const KilnGroupNorm *norm = operation->params;

    return g_strdup_printf ("group norm%s%s", over,
        norm->silu ? " SiLU" : "");
  }
  return g_strdup (operation->klass->name);
}

char *
bench_describe_shapes (const KilnOperation *operation)
{
  g_autofree char *in = kiln_shape_to_string (operation->inputs[0]);
  g_autofree char *out = kiln_shape_to_string (&operation->output);

  return g_strdup_printf ("%s → %s", in, out);
}

/* ---- Rows: operations that differ in nothing but their weights are one. */

static char *
operation_key (const char *stage, const KilnOperation *operation)
{
  GString *key = g_string_new (stage);
  const guint8 *params = operation->params;

  g_string_append_printf (key, " %s ", operation->klass->name);
  for (gsize i = 0; i < operation->klass->params_size; i++)
    g_string_append_printf (key, "%02x", params[i]);
  for (guint i = 0; i < operation->n_inputs; i++) {
    g_autofree char *shape = operation->inputs[i]
        ? kiln_shape_to_string (operation->inputs[i]) : g_strdup ("none");

    g_string_append_printf (key, " %s", shape);
  }
  return g_string_free (key, FALSE);
}

static void
free_row (BenchRow *row)
{
  g_free (row->name);
  g_free (row->shapes);
  g_free (row->slice_shapes);
  g_free (row->key);
  for (guint i = 0; i < row->n_trials; i++)
    g_free (row->trials[i].refusal);
  g_free (row);
}

static BenchRow *
new_row (const char *stage, guint graph, guint node,
    const KilnOperation *operation)
{
  BenchRow *row = g_new0 (BenchRow, 1);

  row->stage = stage;
  row->graph = graph;
  row->node = node;
  row->name = name_operation (operation);
  row->shapes = bench_describe_shapes (operation);
  row->flops = operation->flops;
  row->over_frames = is_over_frames (operation);
  return row;
}

static void
add_operation (GPtrArray *rows, GHashTable *seen, const char *stage,
    guint graph, guint node, const KilnOperation *operation)
{
  char *key = operation_key (stage, operation);
  BenchRow *row = g_hash_table_lookup (seen, key);

  if (row == NULL) {
    row = new_row (stage, graph, node, operation);
    g_ptr_array_add (rows, row);
    g_hash_table_insert (seen, key, row);
  } else
    g_free (key);
  row->count++;
}

static gboolean
add_stage (const Bench *bench, GPtrArray *rows, GHashTable *seen,
    const char *stage, GError **error)
{
  g_autoptr (GPtrArray) graphs =
      bench_build_graphs (bench, stage, &bench->size, error);

  for (guint i = 0; graphs != NULL && i < graphs->len; i++) {
    KilnGraph *graph = graphs->pdata[i];
    guint n = kiln_graph_get_n_operations (graph);

    if (!kiln_graph_plan (graph, NULL, error))
      return FALSE;
    for (guint j = 0; j < n; j++) {
      KilnOperation operation = kiln_graph_get_operation (graph, j);

      add_operation (rows, seen, stage, i, j, &operation);
    }
  }
  return graphs != NULL;
}

static void
keep_only (GPtrArray *rows, const char *only)
{
  for (guint i = rows->len; i-- > 0;) {
    const BenchRow *row = rows->pdata[i];
    g_autofree char *text =
        g_strdup_printf ("%s %s: %s", row->stage, row->name, row->shapes);

    if (strstr (text, only) == NULL)
      g_ptr_array_remove_index (rows, i);
  }
}

GPtrArray *
bench_collect_rows (const Bench *bench, const char *only, GError **error)
{
  g_autoptr (GPtrArray) rows =
      g_ptr_array_new_with_free_func ((GDestroyNotify) free_row);
  g_autoptr (GHashTable) seen =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < BENCH_N_STAGES; i++)
    if (!add_stage (bench, rows, seen, bench_stage_names[i], error))
      return NULL;
  if (only != NULL)
    keep_only (rows, only);
  return g_steal_pointer (&rows);
}
