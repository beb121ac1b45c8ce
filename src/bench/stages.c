/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clip.h"
#include "scratch-caches.h"
#include "../stage.h"

#include <math.h>

#define MOST_RUNS 3

static double
seconds_since (gint64 start)
{
  return (g_get_monotonic_time () - start) * 1e-6;
}

static gboolean
time_stage (const Bench *bench, guint stage, BenchClip *clip,
    BenchStageTimes *times, double *core_run, GError **error)
{
  KilnDevice *device = svd_device_get_kiln (bench->device);
  gint64 start = g_get_monotonic_time ();

  if (!bench_clip_load (bench, clip, stage, error))
    return FALSE;
  times->load = seconds_since (start);
  start = g_get_monotonic_time ();
  if (!bench_clip_run_stage (bench, clip, stage, error))
    return FALSE;
  times->first = seconds_since (start);
  times->run = *core_run = HUGE_VAL;
  for (guint i = 0; i < MOST_RUNS && (i == 0 || times->run < 1); i++) {
    double core = bench_core_clock (device);

    start = g_get_monotonic_time ();
    if (!bench_clip_run_stage (bench, clip, stage, error))
      return FALSE;
    times->run = MIN (times->run, seconds_since (start));
    *core_run = MIN (*core_run, bench_core_clock (device) - core);
  }
  times->allocated = svd_device_get_allocated (bench->device, NULL);
  return TRUE;
}

static gboolean
time_clip (const Bench *bench, BenchClip *clip, BenchStages *stages,
    GError **error)
{
  gint64 start;

  /* Once before, for the shape of the last chunk. */
  if (!bench_clip_run (bench, clip, error))
    return FALSE;
  start = g_get_monotonic_time ();
  if (!bench_clip_run (bench, clip, error))
    return FALSE;
  stages->clip = seconds_since (start);
  svd_device_get_allocated (bench->device, &stages->peak);
  return TRUE;
}

/* ---- Twice: the second time shaders come from disk. */

static gboolean
reopen (Bench *bench, const char *device, GError **error)
{
  g_clear_pointer (&bench->device, svd_device_unref);
  bench->device = svd_device_open (device, error);
  return bench->device != NULL;
}

static gboolean
pass (Bench *bench, const char *device, gboolean warm, BenchStages *stages,
    GError **error)
{
  g_auto (BenchClip) clip = { 0 };

  if (!reopen (bench, device, error))
    return FALSE;
  for (guint i = 0; i < BENCH_N_STAGES; i++) {
    BenchStage *stage = &stages->stages[i];

    if (!time_stage (bench, i, &clip, warm ? &stage->warm : &stage->cold,
            &stage->core_run, error))
      return FALSE;
  }
  return !warm || time_clip (bench, &clip, stages, error);
}

static gboolean
count_flops (const Bench *bench, BenchStages *stages, GError **error)
{
  const SvdModelInfo *info = svd_model_get_info (bench->model);
  const BenchSize *size = &bench->size;
  SvdPlan encode, sample, decode;

  if (!svd_encoder_plan (bench->model, &bench->options, size->width,
          size->height, &encode, error)
      || !svd_sampler_plan (bench->model, &bench->options, size->width,
          size->height, size->frames, &sample, error)
      || !svd_decoder_plan (bench->model, &bench->options, size->width,
          size->height, size->decode_frames, 0, &decode, error))
    return FALSE;
  stages->passes = info->max_guidance_scale > 1 ? 2 : 1;
  stages->stages[BENCH_ENCODE] = (BenchStage) { "encode", encode.flops };
  stages->stages[BENCH_SAMPLE] =
      (BenchStage) { "step", stages->passes * sample.flops };
  stages->stages[BENCH_DECODE] = (BenchStage) { "decode", decode.flops };
  return TRUE;
}

gboolean
bench_measure_stages (Bench *bench, const char *device, const char *caches,
    BenchStages *stages, GError **error)
{
  guint64 before = bench_scratch_caches_size (caches), cold;

  /* Drivers have written everything once the device is closed. */
  if (!count_flops (bench, stages, error)
      || !pass (bench, device, FALSE, stages, error)
      || !reopen (bench, device, error))
    return FALSE;
  cold = bench_scratch_caches_size (caches);
  if (!pass (bench, device, TRUE, stages, error)
      || !reopen (bench, device, error))
    return FALSE;
  stages->compiled = cold - before;
  stages->compiled_warm = bench_scratch_caches_size (caches) - cold;
  return TRUE;
}
