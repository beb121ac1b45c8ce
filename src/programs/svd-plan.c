/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* svd-plan: the memory that a clip takes, stage by stage, without a device.
 *
 *   svd-plan [MODEL] [--width=N] [--height=N] [--frames=N]
 *            [--decode-chunk-size=N] [--precision=fp16|fp32]
 *            [--memory-budget=SIZE] [--json]
 *
 * MODEL is what the elements' `model` takes; a folder with only the JSON
 * configs will do. */

#include <json-glib/json-glib.h>
#include <locale.h>
#include <string.h>
#include <svd/svd.h>

typedef struct {
  int width, height, frames, decode_chunk_size;
  char *precision, *memory_budget;
  gboolean json;
} Options;

typedef struct {
  const char *name;
  SvdPlan plan;
} Stage;

enum { ENCODE, SAMPLE, DECODE, N_STAGES };

static gboolean
parse (int *argc, char ***argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "width", 'w', 0, G_OPTION_ARG_INT, &options->width,
        "Width in pixels (the model's own)", "N" },
    { "height", 'h', 0, G_OPTION_ARG_INT, &options->height,
        "Height in pixels (the model's own)", "N" },
    { "frames", 'f', 0, G_OPTION_ARG_INT, &options->frames,
        "Frames of the clip (the model's own)", "N" },
    { "decode-chunk-size", 'c', 0, G_OPTION_ARG_INT,
        &options->decode_chunk_size,
        "Frames decoded together (0: all; the model's own)", "N" },
    { "precision", 'p', 0, G_OPTION_ARG_STRING, &options->precision,
        "fp16, as on graphics cards (the default), or fp32", "TYPE" },
    { "memory-budget", 'm', 0, G_OPTION_ARG_STRING, &options->memory_budget,
        "What a stage may take, as 4GB or 3500MB: fewer frames are decoded "
        "together where it is too little (none)", "SIZE" },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &options->json,
        "Print JSON, in bytes", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("[MODEL]");

  g_option_context_set_summary (context,
      "Tells the memory that a clip takes, stage by stage. Needs no device, "
      "and of the model only its JSON configs.");
  g_option_context_add_main_entries (context, entries, NULL);
  return g_option_context_parse (context, argc, argv, error);
}

static gboolean
choose_precision (const char *name, SvdPrecision *precision, GError **error)
{
  if (name == NULL || strcmp (name, "fp16") == 0)
    *precision = SVD_PRECISION_FP16;
  else if (strcmp (name, "fp32") == 0)
    *precision = SVD_PRECISION_FP32;
  else {
    g_set_error (error, SVD_ERROR, SVD_ERROR_ARGUMENT,
        "--precision is \"%s\"; it can be fp16 or fp32", name);
    return FALSE;
  }
  return TRUE;
}

/* What was not given becomes the model's own. */
static gboolean
resolve (Options *options, const SvdModelInfo *info, GError **error)
{
  const struct
  {
    const char *name;
    int *value, otherwise, least, most;
  } rows[] = {
    { "--width", &options->width, info->width, 1, 1 << 15 },
    { "--height", &options->height, info->height, 1, 1 << 15 },
    { "--frames", &options->frames, info->num_frames, 1, 1024 },
    { "--decode-chunk-size", &options->decode_chunk_size,
        info->decode_chunk_size, 0, 1024 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    if (*rows[i].value == -1)
      *rows[i].value = rows[i].otherwise;
    if (*rows[i].value >= rows[i].least && *rows[i].value <= rows[i].most)
      continue;
    g_set_error (error, SVD_ERROR, SVD_ERROR_ARGUMENT,
        "%s is %d; it can be %d to %d", rows[i].name, *rows[i].value,
        rows[i].least, rows[i].most);
    return FALSE;
  }
  return TRUE;
}

static gboolean
plan_all (SvdModel *model, const Options *options,
    const SvdStageOptions *use, Stage stages[N_STAGES], GError **error)
{
  return svd_encoder_plan (model, use, options->width, options->height,
      &stages[ENCODE].plan, error)
      && svd_sampler_plan (model, use, options->width, options->height,
      options->frames, &stages[SAMPLE].plan, error)
      && svd_decoder_plan (model, use, options->width, options->height,
      options->frames, options->decode_chunk_size, &stages[DECODE].plan,
      error);
}

static void
print_table (const char *path, const Options *options, const Stage *stages)
{
  guint at_once = stages[DECODE].plan.decode_chunk_size;

  g_print ("%s: %d frames of %dx%d, %s, decoded %s%u at once\n\n", path,
      options->frames, options->width, options->height,
      options->precision ? options->precision : "fp16",
      at_once == (guint) options->frames ? "all " : "", at_once);
  g_print ("%-8s %10s %10s %10s %10s %10s %10s %9s\n", "MB", "weights",
      "streamed", "arena", "buffers", "staging", "peak", "TFLOP");
  for (guint i = 0; i < N_STAGES; i++) {
    const SvdPlan *plan = &stages[i].plan;

    g_print ("%-8s %10.1f %10.1f %10.1f %10.1f %10.1f %10.1f %9.3f\n",
        stages[i].name, plan->weights / 1e6,
        plan->streamed / 1e6, plan->arena / 1e6,
        plan->buffers / 1e6, plan->staging / 1e6,
        svd_plan_get_peak (plan) / 1e6, plan->flops / 1e12);
  }
}

static void
add_bytes (JsonBuilder *builder, const char *name, guint64 bytes)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, bytes);
}

static void
add_stage (JsonBuilder *builder, const Stage *stage)
{
  const SvdPlan *plan = &stage->plan;

  json_builder_set_member_name (builder, stage->name);
  json_builder_begin_object (builder);
  add_bytes (builder, "weights", plan->weights);
  add_bytes (builder, "streamed", plan->streamed);
  add_bytes (builder, "arena", plan->arena);
  add_bytes (builder, "buffers", plan->buffers);
  add_bytes (builder, "staging", plan->staging);
  add_bytes (builder, "peak", svd_plan_get_peak (plan));
  json_builder_set_member_name (builder, "flops");
  json_builder_add_double_value (builder, plan->flops);
  json_builder_end_object (builder);
}

static void
print_json (const char *path, const Options *options, const Stage *stages)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "model");
  json_builder_add_string_value (builder, path);
  add_bytes (builder, "width", options->width);
  add_bytes (builder, "height", options->height);
  add_bytes (builder, "frames", options->frames);
  add_bytes (builder, "decode_chunk_size",
      stages[DECODE].plan.decode_chunk_size);
  for (guint i = 0; i < N_STAGES; i++)
    add_stage (builder, &stages[i]);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, TRUE);
  g_print ("%s\n", text);
}

static gboolean
run (int argc, char **argv, GError **error)
{
  Options options = { -1, -1, -1, -1 };
  Stage stages[N_STAGES] = { { "encode" }, { "sample" }, { "decode" } };
  g_autoptr (SvdModel) model = NULL;
  g_autofree char *precision_name = NULL, *budget_text = NULL;
  SvdStageOptions use = { 0 };

  if (!parse (&argc, &argv, &options, error))
    return FALSE;
  precision_name = options.precision;
  budget_text = options.memory_budget;
  if (!choose_precision (options.precision, &use.precision, error)
      || !svd_memory_budget_parse (options.memory_budget, NULL,
          &use.memory_budget, error))
    return FALSE;
  model = svd_model_open (argc > 1 ? argv[1] : NULL, error);
  if (model == NULL
      || !resolve (&options, svd_model_get_info (model), error)
      || !plan_all (model, &options, &use, stages, error))
    return FALSE;
  if (options.json)
    print_json (svd_model_get_path (model), &options, stages);
  else
    print_table (svd_model_get_path (model), &options, stages);
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  if (run (argc, argv, &error))
    return 0;
  g_printerr ("svd-plan: %s\n", error->message);
  return 1;
}
