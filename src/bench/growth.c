/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How cost grows with frames, size and steps: computed for all of them, and
 * measured where it takes no longer than the budget. */
#include "clip.h"
#include "graphs.h"

#include "../ops/attention.h"

typedef struct {
  BenchSize size;
  guint steps;
  double attention, other;      /* FLOP of one pass of the UNet */
  SvdPlan plans[BENCH_N_STAGES];
  /* Measured core seconds, of all steps and of one frame; 0: not. */
  double sample, decode;
} Point;

#define N_FRAMES G_N_ELEMENTS (frame_counts)
#define N_STEPS G_N_ELEMENTS (step_counts)

static const guint frame_counts[] = { 2, 4, 8, 14, 25 };
static const guint step_counts[] = { 2, 4, 8 };
static const struct { guint width, height; } sizes[] = {
  { 256, 256 }, { 512, 320 }, { 768, 448 }, { 1024, 576 },
};

#define N_POINTS (N_FRAMES + N_STEPS + G_N_ELEMENTS (sizes) - 1)

/* Frames at the smallest size, steps there with the fewest frames, then the
 * other sizes with these: products of them grow as they do. */
static Point
new_point (guint i)
{
  Point point = {
    .size = { sizes[0].width, sizes[0].height, frame_counts[0], 1 },
    .steps = 1,
  };

  if (i < N_FRAMES)
    point.size.frames = frame_counts[i];
  else if (i < N_FRAMES + N_STEPS)
    point.steps = step_counts[i - N_FRAMES];
  else {
    point.size.width = sizes[i - N_FRAMES - N_STEPS + 1].width;
    point.size.height = sizes[i - N_FRAMES - N_STEPS + 1].height;
  }
  return point;
}

/* ---- Computing */

static gboolean
split_flops (const Bench *bench, Point *point, GError **error)
{
  g_autoptr (GPtrArray) graphs =
      bench_build_graphs (bench, "sample", &point->size, error);
  KilnGraph *unet;

  if (graphs == NULL)
    return FALSE;
  unet = graphs->pdata[0];
  if (!kiln_graph_check (unet, error))
    return FALSE;
  for (guint i = 0; i < kiln_graph_get_n_operations (unet); i++) {
    KilnOperation operation = kiln_graph_get_operation (unet, i);

    if (operation.klass == &kiln_attention_class)
      point->attention += operation.flops;
    else
      point->other += operation.flops;
  }
  return TRUE;
}

static gboolean
plan_point (const Bench *bench, Point *point, GError **error)
{
  const BenchSize *size = &point->size;

  return split_flops (bench, point, error)
      && svd_encoder_plan (bench->model, &bench->options, size->width,
      size->height, &point->plans[BENCH_ENCODE], error)
      && svd_sampler_plan (bench->model, &bench->options, size->width,
      size->height, size->frames, &point->plans[BENCH_SAMPLE], error)
      && svd_decoder_plan (bench->model, &bench->options, size->width,
      size->height, size->frames, size->decode_frames,
      &point->plans[BENCH_DECODE], error);
}

/* ---- Measuring */

/* Whether a run is expected to stay below so many seconds. */
static gboolean
is_affordable (const Bench *bench, double flops, double budget)
{
  return bench_peak_seconds (&bench->peak, flops, 0)
      < budget * BENCH_EXPECTED_SHARE;
}

typedef struct {
  BenchClip clip;
  double budget;
  guint width, height;          /* of what was encoded last; 0: nothing was */
  double decode;                /* seconds of a frame of that size */
} Measuring;

/* Both take the second run: the first compiles and records. */

static gboolean
time_decoding (const Bench *bench, Measuring *measuring, GError **error)
{
  KilnDevice *device = svd_device_get_kiln (bench->device);
  double start;

  if (!bench_clip_run_stage (bench, &measuring->clip, BENCH_DECODE, error))
    return FALSE;
  start = bench_core_clock (device);
  if (!bench_clip_run_stage (bench, &measuring->clip, BENCH_DECODE, error))
    return FALSE;
  measuring->decode = bench_core_clock (device) - start;
  return TRUE;
}

static gboolean
time_sampling (const Bench *bench, Measuring *measuring, Point *point,
    GError **error)
{
  KilnDevice *device = svd_device_get_kiln (bench->device);
  double start;

  if (!bench_clip_sample (bench, &measuring->clip, 1, error))
    return FALSE;
  start = bench_core_clock (device);
  if (!bench_clip_sample (bench, &measuring->clip, point->steps, error))
    return FALSE;
  point->sample = bench_core_clock (device) - start;
  return TRUE;
}

/* What depends on the size alone: encodes, and decodes a frame. */
static gboolean
begin_size (const Bench *bench, Measuring *measuring, const Point *point,
    GError **error)
{
  double decoding = point->plans[BENCH_DECODE].flops / point->size.frames;

  measuring->width = bench->size.width;
  measuring->height = bench->size.height;
  measuring->decode = 0;
  return bench_clip_run_stage (bench, &measuring->clip, BENCH_ENCODE, error)
      && bench_clip_sample (bench, &measuring->clip, 1, error)
      && (!is_affordable (bench, decoding, measuring->budget)
      || time_decoding (bench, measuring, error));
}

static gboolean
measure_point (const Bench *bench, Measuring *measuring, Point *point,
    GError **error)
{
  const BenchSize *size = &point->size;
  double sampling = point->plans[BENCH_SAMPLE].flops * point->steps;
  Bench here = *bench;

  here.size = *size;
  if (!is_affordable (bench, point->plans[BENCH_ENCODE].flops,
          measuring->budget)
      || !is_affordable (bench, sampling, measuring->budget))
    return TRUE;
  if ((measuring->width != size->width || measuring->height != size->height)
      && !begin_size (&here, measuring, point, error))
    return FALSE;
  point->decode = measuring->decode;
  return time_sampling (&here, measuring, point, error);
}

static gboolean
measure_points (const Bench *bench, Point *points, double budget,
    GError **error)
{
  Measuring measuring = { .budget = budget };
  gboolean ok = TRUE;

  for (guint stage = 0; ok && stage < BENCH_N_STAGES; stage++)
    ok = bench_clip_load (bench, &measuring.clip, stage, error);
  for (guint i = 0; ok && i < N_POINTS; i++)
    ok = measure_point (bench, &measuring, &points[i], error);
  bench_clip_clear (&measuring.clip);
  return ok;
}

/* ---- Telling */

/* Of a frame's million pixels: what should stay the same. */
static double
share (const Point *point, double cost)
{
  const BenchSize *size = &point->size;

  return cost * 1e6 / ((double) size->frames * size->width * size->height);
}

static void
print_points (const Point *points)
{
  g_print ("Below a line's figures: the same for a frame of a million "
      "pixels, and for a step.\n\n%-22s %9s %9s %9s %9s %9s %9s %9s %9s\n",
      "frames, size, steps", "encode GB", "sample GB", "decode GB",
      "arena GB", "TFLOP", "attention", "sample s", "decode s");
  for (guint i = 0; i < N_POINTS; i++) {
    const Point *p = &points[i];
    const SvdPlan *plans = p->plans;

    g_print ("%3u of %4ux%-4u %2u     %9.3f %9.3f %9.3f %9.3f %9.4f %9.4f "
        "%9.3f %9.3f\n%52s %9.3f %9.4f %9.4f %9.3f %9.3f\n", p->size.frames,
        p->size.width, p->size.height, p->steps,
        svd_plan_get_peak (&plans[BENCH_ENCODE]) / 1e9,
        svd_plan_get_peak (&plans[BENCH_SAMPLE]) / 1e9,
        svd_plan_get_peak (&plans[BENCH_DECODE]) / 1e9,
        plans[BENCH_SAMPLE].arena / 1e9, p->other / 1e12, p->attention / 1e12,
        p->sample, p->decode, "",
        share (p, plans[BENCH_SAMPLE].arena) / 1e9, share (p, p->other) / 1e12,
        share (p, p->attention) / 1e12, share (p, p->sample / p->steps),
        share (p, p->decode * p->size.frames));
  }
}

static void
points_to_json (const Point *points, JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "growth");
  json_builder_begin_array (builder);
  for (guint i = 0; i < N_POINTS; i++) {
    const Point *p = &points[i];

    json_builder_begin_object (builder);
    bench_add_count (builder, "frames", p->size.frames);
    bench_add_count (builder, "width", p->size.width);
    bench_add_count (builder, "height", p->size.height);
    bench_add_count (builder, "steps", p->steps);
    for (guint stage = 0; stage < BENCH_N_STAGES; stage++) {
      g_autofree char *name =
          g_strconcat (bench_stage_names[stage], "_peak_bytes", NULL);

      bench_add_count (builder, name, svd_plan_get_peak (&p->plans[stage]));
    }
    bench_add_count (builder, "arena_bytes", p->plans[BENCH_SAMPLE].arena);
    bench_add_number (builder, "flop_attention", p->attention);
    bench_add_number (builder, "flop_other", p->other);
    bench_add_number (builder, "sample_core_seconds", p->sample);
    bench_add_number (builder, "decode_core_seconds", p->decode);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

gboolean
bench_run_growth (const Bench *bench, double budget, JsonBuilder *builder,
    GError **error)
{
  Point points[N_POINTS];

  for (guint i = 0; i < N_POINTS; i++) {
    points[i] = new_point (i);
    if (!plan_point (bench, &points[i], error))
      return FALSE;
  }
  if (budget > 0 && !measure_points (bench, points, budget, error))
    return FALSE;
  if (builder != NULL)
    points_to_json (points, builder);
  else
    print_points (points);
  return TRUE;
}
