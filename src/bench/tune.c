/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"
#include "../device/choices.h"
#include "../stage.h"

static void
print_row (const BenchRow *row)
{
  g_print ("%s\n", row->key);
  for (guint i = 0; i < row->n_trials; i++) {
    const BenchTrial *trial = &row->trials[i];

    g_print ("  %-20s ", trial->variant);
    if (trial->refusal != NULL)
      g_print ("refused: %s", trial->refusal);
    else
      g_print ("%10.3f ms%s", trial->seconds * 1e3,
          trial == row->fastest ? "  fastest" : "");
    g_print ("%s\n", trial->variant == row->expected ? "  expected" : "");
  }
}

static void
row_to_json (const BenchRow *row, JsonBuilder *builder)
{
  json_builder_begin_object (builder);
  bench_add_text (builder, "key", row->key);
  bench_add_text (builder, "fastest", row->fastest->variant);
  bench_add_text (builder, "expected", row->expected);
  json_builder_set_member_name (builder, "seconds");
  json_builder_begin_object (builder);
  for (guint i = 0; i < row->n_trials; i++)
    if (row->trials[i].refusal == NULL)
      bench_add_number (builder, row->trials[i].variant,
          row->trials[i].seconds);
  json_builder_end_object (builder);
  json_builder_set_member_name (builder, "refused");
  json_builder_begin_object (builder);
  for (guint i = 0; i < row->n_trials; i++)
    if (row->trials[i].refusal != NULL)
      bench_add_text (builder, row->trials[i].variant,
          row->trials[i].refusal);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
}

gboolean
bench_tune (const Bench *bench, const char *only, double budget,
    JsonBuilder *builder, GError **error)
{
  KilnDevice *device = svd_device_get_kiln (bench->device);
  g_autoptr (GPtrArray) rows = bench_collect_rows (bench, only, error);

  if (rows == NULL || !bench_tune_rows (bench, rows, budget, error)
      || !kiln_device_save_choices (device, error))
    return FALSE;
  if (builder != NULL) {
    json_builder_set_member_name (builder, "choices");
    json_builder_begin_array (builder);
  }
  for (guint i = 0; i < rows->len; i++) {
    const BenchRow *row = rows->pdata[i];

    if (row->n_trials > 0 && builder != NULL)
      row_to_json (row, builder);
    else if (row->n_trials > 0)
      print_row (row);
  }
  if (builder != NULL)
    json_builder_end_array (builder);
  else
    g_print ("Kept in %s\n\n", kiln_device_get_choices_path (device));
  return TRUE;
}
