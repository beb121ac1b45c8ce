/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* svd-bench: what a device reaches, operation by operation and stage by
 * stage. docs/performance.md tells how to read it. */

#include "bench.h"
#include "scratch-caches.h"
#include "../stage.h"

#include <locale.h>
#include <string.h>

#define RANDOM_MODEL "svd-xt-configs"

typedef struct {
  int width, height, frames, steps, decode_chunk_size;
  double time;
  char *device, *precision, *only;
  gboolean random, json, operations, stages, growth, tune;
} Options;

static gboolean
parse (int *argc, char ***argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "operations", 0, 0, G_OPTION_ARG_NONE, &options->operations,
        "Measure every kind and shape of operation", NULL },
    { "stages", 0, 0, G_OPTION_ARG_NONE, &options->stages,
        "Measure loading, compiling, the stages and a whole clip", NULL },
    { "growth", 0, 0, G_OPTION_ARG_NONE, &options->growth,
        "Tell how cost grows with frames and size", NULL },
    { "tune", 0, 0, G_OPTION_ARG_NONE, &options->tune,
        "Find the fastest kernels for the operations, and keep them for all "
        "programs", NULL },
    { "random", 'r', 0, G_OPTION_ARG_NONE, &options->random,
        "Make up the weights: MODEL needs its JSON configs only", NULL },
    { "device", 'd', 0, G_OPTION_ARG_STRING, &options->device,
        "Vulkan device: index, part of the name or UUID", "DEVICE" },
    { "precision", 'p', 0, G_OPTION_ARG_STRING, &options->precision,
        "fp16 or fp32 (auto: fp32 on software devices)", "TYPE" },
    { "width", 'w', 0, G_OPTION_ARG_INT, &options->width,
        "Width in pixels (the model's own)", "N" },
    { "height", 'h', 0, G_OPTION_ARG_INT, &options->height,
        "Height in pixels (the model's own)", "N" },
    { "frames", 'f', 0, G_OPTION_ARG_INT, &options->frames,
        "Frames of the clip (the model's own)", "N" },
    { "steps", 's', 0, G_OPTION_ARG_INT, &options->steps,
        "Steps of the whole clip (the model's own)", "N" },
    { "decode-chunk-size", 'c', 0, G_OPTION_ARG_INT,
        &options->decode_chunk_size,
        "Frames decoded together (0: all; the model's own)", "N" },
    { "time", 't', 0, G_OPTION_ARG_DOUBLE, &options->time,
        "Seconds for an operation, and for the longest stage of --growth "
        "(1; 0: computed only)", "S" },
    { "only", 'o', 0, G_OPTION_ARG_STRING, &options->only,
        "Only operations with this in \"stage name: shapes\"", "TEXT" },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &options->json,
        "Print JSON: seconds, bytes, FLOP", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("[MODEL]");

  g_option_context_set_summary (context,
      "Measures a device: each operation of the model's networks at its real "
      "shapes, and each\nstage. MODEL is what the elements' model takes; the "
      "one that comes with the library if\nnone is given, or with --random, "
      "Stable Video Diffusion XT by its published configs.\nWithout "
      "--operations, --stages, --growth or --tune the first two are measured.\n\n"
      "On software devices all speeds are of one core: work over CPU "
      "seconds.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (!options->operations && !options->stages && !options->growth
      && !options->tune)
    options->operations = options->stages = TRUE;
  if (options->tune && options->stages) {
    g_set_error (error, SVD_ERROR, SVD_ERROR_ARGUMENT,
        "--stages measures without what is on disk, where --tune writes: "
        "run --tune alone first");
    return FALSE;
  }
  return TRUE;
}

/* ---- Options */

static gboolean
choose_precision (const char *name, KilnDevice *device,
    SvdPrecision *precision, GError **error)
{
  if (name == NULL || strcmp (name, "auto") == 0)
    *precision = kiln_device_is_cpu (device) ? SVD_PRECISION_FP32
        : SVD_PRECISION_FP16;
  else if (strcmp (name, "fp16") == 0)
    *precision = SVD_PRECISION_FP16;
  else if (strcmp (name, "fp32") == 0)
    *precision = SVD_PRECISION_FP32;
  else {
    g_set_error (error, SVD_ERROR, SVD_ERROR_ARGUMENT,
        "--precision is \"%s\"; it can be auto, fp16 or fp32", name);
    return FALSE;
  }
  return TRUE;
}

/* What was not given becomes the model's own. */
static gboolean
resolve (Bench *bench, const Options *options, GError **error)
{
  const SvdModelInfo *info = svd_model_get_info (bench->model);
  const struct
  {
    const char *name;
    int value;
    guint otherwise, least, most, *result;
  } rows[] = {
    { "--width", options->width, info->width, 1, 1 << 15,
        &bench->size.width },
    { "--height", options->height, info->height, 1, 1 << 15,
        &bench->size.height },
    { "--frames", options->frames, info->num_frames, 1, 1024,
        &bench->size.frames },
    { "--steps", options->steps, info->steps, 1, 1000, &bench->steps },
    { "--decode-chunk-size", options->decode_chunk_size,
        info->decode_chunk_size, 0, 1024, &bench->size.decode_frames },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    guint value = rows[i].value == -1 ? rows[i].otherwise
        : (guint) rows[i].value;

    if (value < rows[i].least || value > rows[i].most) {
      g_set_error (error, SVD_ERROR, SVD_ERROR_ARGUMENT,
          "%s is %d; it can be %u to %u", rows[i].name, rows[i].value,
          rows[i].least, rows[i].most);
      return FALSE;
    }
    *rows[i].result = value;
  }
  if (bench->size.decode_frames == 0
      || bench->size.decode_frames > bench->size.frames)
    bench->size.decode_frames = bench->size.frames;
  return svd_model_check_size (bench->model, bench->size.width,
      bench->size.height, error);
}

static gboolean
open_model (Bench *bench, const Options *options, const char *model,
    GError **error)
{
  if (model == NULL && options->random)
    model = RANDOM_MODEL;
  bench->model = svd_model_open (model, error);
  if (bench->model == NULL)
    return FALSE;
  if (options->random)
    svd_model_files_make_up_weights (svd_model_get_files (bench->model));
  return TRUE;
}

static gboolean
open_device (Bench *bench, const Options *options, GError **error)
{
  bench->device = svd_device_open (options->device, error);
  return bench->device != NULL && resolve (bench, options, error)
      && choose_precision (options->precision,
      svd_device_get_kiln (bench->device), &bench->options.precision, error)
      && bench_measure_peak (svd_device_get_kiln (bench->device),
      bench->options.precision, &bench->peak, error);
}

/* ---- What is said first */

static void
print_head (const Bench *bench)
{
  const BenchSize *size = &bench->size;
  g_autofree char *device =
      kiln_device_describe (svd_device_get_kiln (bench->device));

  g_print ("device:    %s\nmodel:     %s, %s\n"
      "clip:      %u frames of %ux%u, %u decoded together\n"
      "peak:      %.1f GFLOP/s fp32 multiply-adds, %.1f fp16, %.1f fp16 "
      "matrices (0: not used),\n           %.1f GB/s copying%s\n\n",
      device, svd_model_get_path (bench->model),
      bench->options.precision == SVD_PRECISION_FP16 ? "fp16" : "fp32",
      size->frames, size->width, size->height, size->decode_frames,
      bench->peak.fp32 * 1e-9, bench->peak.fp16 * 1e-9,
      bench->peak.matrix * 1e-9, bench->peak.copy * 1e-9,
      kiln_device_is_cpu (svd_device_get_kiln (bench->device))
      ? " (a core, as all speeds)" : "");
}

static void
head_to_json (const Bench *bench, JsonBuilder *builder)
{
  bench_add_text (builder, "device", svd_device_get_name (bench->device));
  bench_add_text (builder, "driver", svd_device_get_driver (bench->device));
  bench_add_text (builder, "model", svd_model_get_path (bench->model));
  bench_add_text (builder, "precision",
      bench->options.precision == SVD_PRECISION_FP16 ? "fp16" : "fp32");
  bench_add_count (builder, "width", bench->size.width);
  bench_add_count (builder, "height", bench->size.height);
  bench_add_count (builder, "frames", bench->size.frames);
  bench_add_count (builder, "decode_frames", bench->size.decode_frames);
  bench_add_count (builder, "steps", bench->steps);
  bench_add_number (builder, "peak_fp32_flops", bench->peak.fp32);
  bench_add_number (builder, "peak_fp16_flops", bench->peak.fp16);
  bench_add_number (builder, "peak_matrix_flops", bench->peak.matrix);
  bench_add_number (builder, "peak_copy_bytes", bench->peak.copy);
}

/* ---- */

static gboolean
run_operations (const Bench *bench, const Options *options,
    JsonBuilder *builder, GError **error)
{
  g_autoptr (GPtrArray) rows =
      bench_collect_rows (bench, options->only, error);

  if (rows == NULL || (options->time > 0
          && !bench_measure_rows (bench, rows, options->time, error)))
    return FALSE;
  if (builder != NULL)
    bench_rows_to_json (bench, rows, builder);
  else
    bench_print_rows (bench, rows);
  return TRUE;
}

static gboolean
run_stages (Bench *bench, const Options *options, const char *caches,
    JsonBuilder *builder, GError **error)
{
  BenchStages stages = { 0 };

  if (!bench_measure_stages (bench, options->device, caches, &stages, error))
    return FALSE;
  if (builder != NULL)
    bench_stages_to_json (bench, &stages, builder);
  else
    bench_print_stages (bench, &stages);
  return TRUE;
}

static gboolean
run_chosen (Bench *bench, const Options *options, const char *caches,
    JsonBuilder *builder, GError **error)
{
  if (builder != NULL)
    head_to_json (bench, builder);
  else
    print_head (bench);
  /* Stages first, while no shader is on disk. */
  return (!options->tune
      || bench_tune (bench, options->only, options->time, builder, error))
      && (!options->stages
      || run_stages (bench, options, caches, builder, error))
      && (!options->operations
      || run_operations (bench, options, builder, error))
      && (!options->growth || bench_run_growth (bench, options->time,
          builder, error));
}

/* Caches of shaders are chosen when the first device is opened. */
static gboolean
open_and_run (Bench *bench, const Options *options, JsonBuilder *builder,
    GError **error)
{
  char *caches = NULL;
  gboolean ok;

  if (options->stages && !(caches = bench_scratch_caches_new (error)))
    return FALSE;
  ok = open_device (bench, options, error)
      && run_chosen (bench, options, caches, builder, error);
  g_clear_pointer (&bench->device, svd_device_unref);
  g_clear_pointer (&caches, bench_scratch_caches_remove);
  return ok;
}

static void
print_json (JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, TRUE);

  g_print ("%s\n", text);
}

static gboolean
run (int argc, char **argv, Options *options, GError **error)
{
  g_autoptr (JsonBuilder) builder = NULL;
  Bench bench = { 0 };
  gboolean ok;

  if (!parse (&argc, &argv, options, error))
    return FALSE;
  if (options->json) {
    builder = json_builder_new ();
    json_builder_begin_object (builder);
  }
  ok = open_model (&bench, options, argc > 1 ? argv[1] : NULL, error)
      && open_and_run (&bench, options, builder, error);
  if (ok && builder != NULL) {
    json_builder_end_object (builder);
    print_json (builder);
  }
  g_clear_pointer (&bench.model, svd_model_unref);
  return ok;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  Options options = {
    .width = -1, .height = -1, .frames = -1, .steps = -1,
    .decode_chunk_size = -1, .time = 1
  };
  gboolean ok;

  setlocale (LC_ALL, "");
  ok = run (argc, argv, &options, &error);
  g_free (options.device);
  g_free (options.precision);
  g_free (options.only);
  if (!ok)
    g_printerr ("svd-bench: %s\n", error->message);
  return !ok;
}
