/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <string.h>

const char *const bench_stage_names[BENCH_N_STAGES] = {
  "encode", "sample", "decode"
};

/* ---- JSON */

void
bench_add_number (JsonBuilder *builder, const char *name, double value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_double_value (builder, value);
}

void
bench_add_count (JsonBuilder *builder, const char *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

void
bench_add_text (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

/* ---- Operations */

static double
share_of_peak (const Bench *bench, const BenchRow *row)
{
  return bench_peak_seconds (&bench->peak, row->slice_flops, row->slice_bytes)
      / row->time.core_seconds;
}

static gboolean
is_whole (const BenchRow *row)
{
  return g_str_equal (row->shapes, row->slice_shapes);
}

/* Characters, where printf() counts bytes. */
static void
print_padded (const char *text, gint width)
{
  g_print ("%s%*s", text, MAX (width - (gint) g_utf8_strlen (text, -1), 1),
      "");
}

static void
print_row (const Bench *bench, const BenchRow *row)
{
  g_print ("%-7s%5u× ", row->stage, row->count);
  print_padded (row->name, 34);
  print_padded (row->shapes, 44);
  if (!row->measured) {
    g_print ("\n");
    return;
  }
  g_print ("%10.3f %8.1f %8.2f %6.0f %%  %s", row->time.seconds * 1e3,
      row->slice_flops / row->time.core_seconds * 1e-9,
      row->slice_bytes / row->time.core_seconds * 1e-9,
      100 * share_of_peak (bench, row), row->variant);
  if (!is_whole (row))
    g_print ("  (measured: %s)", row->slice_shapes);
  g_print ("\n");
}

void
bench_print_rows (const Bench *bench, const GPtrArray *rows)
{
  print_padded ("stage    times operation", 48);
  print_padded ("of the clip's size", 44);
  g_print ("%10s %8s %8s %8s  variant\n", "ms", "GFLOP/s", "GB/s", "of peak");
  for (guint i = 0; i < rows->len; i++)
    print_row (bench, rows->pdata[i]);
}

static void
row_to_json (const Bench *bench, const BenchRow *row, JsonBuilder *builder)
{
  json_builder_begin_object (builder);
  bench_add_text (builder, "stage", row->stage);
  bench_add_text (builder, "operation", row->name);
  bench_add_text (builder, "shapes", row->shapes);
  bench_add_count (builder, "times", row->count);
  bench_add_number (builder, "flop", row->flops);
  if (row->measured) {
    bench_add_text (builder, "measured_shapes", row->slice_shapes);
    bench_add_number (builder, "measured_flop", row->slice_flops);
    bench_add_number (builder, "measured_bytes", row->slice_bytes);
    bench_add_text (builder, "variant", row->variant);
    bench_add_number (builder, "seconds", row->time.seconds);
    bench_add_number (builder, "core_seconds", row->time.core_seconds);
    bench_add_number (builder, "of_peak", share_of_peak (bench, row));
  }
  json_builder_end_object (builder);
}

void
bench_rows_to_json (const Bench *bench, const GPtrArray *rows,
    JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "operations");
  json_builder_begin_array (builder);
  for (guint i = 0; i < rows->len; i++)
    row_to_json (bench, rows->pdata[i], builder);
  json_builder_end_array (builder);
}

/* ---- Stages */

void
bench_print_stages (const Bench *bench, const BenchStages *stages)
{
  g_print ("%-8s %9s %9s %9s %9s %9s %9s %9s %9s %8s\n", "stage", "load s",
      "first s", "load warm", "first wrm", "run s", "TFLOP", "GFLOP/s",
      "of peak", "GB held");
  for (guint i = 0; i < BENCH_N_STAGES; i++) {
    const BenchStage *stage = &stages->stages[i];

    g_print ("%-8s %9.3f %9.3f %9.3f %9.3f %9.3f %9.4f %9.1f %7.0f %% %8.3f\n",
        stage->name, stage->cold.load, stage->cold.first, stage->warm.load,
        stage->warm.first, stage->warm.run, stage->flops / 1e12,
        stage->flops / stage->core_run * 1e-9,
        100 * bench_peak_seconds (&bench->peak, stage->flops, 0)
        / stage->core_run, stage->warm.allocated / 1e9);
  }
  g_print ("\nload: weights to the device, beside compiling. first: with "
      "recording and what the\ndriver compiles as shaders run; warm: all of it "
      "is on disk.\nstep: one of the UNet, %s. decode: %u frames. A clip of %u "
      "steps, all loaded: %.3f s, at most %.3f GB on the device.\nShaders on "
      "disk: %.1f MB, and %.1f more after the warm "
      "start.\n", stages->passes > 1 ? "guided: two passes"
      : "not guided: one pass", bench->size.decode_frames, bench->steps,
      stages->clip, stages->peak / 1e9, stages->compiled / 1e6,
      stages->compiled_warm / 1e6);
}

static void
times_to_json (const char *name, const BenchStageTimes *times,
    JsonBuilder *builder)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
  bench_add_number (builder, "load", times->load);
  bench_add_number (builder, "first", times->first);
  bench_add_number (builder, "run", times->run);
  bench_add_count (builder, "allocated", times->allocated);
  json_builder_end_object (builder);
}

void
bench_stages_to_json (const Bench *bench, const BenchStages *stages,
    JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "stages");
  json_builder_begin_object (builder);
  for (guint i = 0; i < BENCH_N_STAGES; i++) {
    const BenchStage *stage = &stages->stages[i];

    json_builder_set_member_name (builder, stage->name);
    json_builder_begin_object (builder);
    bench_add_number (builder, "flop", stage->flops);
    bench_add_number (builder, "core_seconds", stage->core_run);
    times_to_json ("cold", &stage->cold, builder);
    times_to_json ("warm", &stage->warm, builder);
    json_builder_end_object (builder);
  }
  json_builder_end_object (builder);
  json_builder_set_member_name (builder, "guided");
  json_builder_add_boolean_value (builder, stages->passes > 1);
  bench_add_number (builder, "clip_seconds", stages->clip);
  bench_add_count (builder, "peak_bytes", stages->peak);
  bench_add_count (builder, "compiled_bytes", stages->compiled);
  bench_add_count (builder, "compiled_warm_bytes", stages->compiled_warm);
}
