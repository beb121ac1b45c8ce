/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <math.h>

#include <time.h>

#define PEAK_SECONDS 0.3        /* for each test */
#define ROUNDS_SECONDS 0.1      /* for a dispatch */
/* peak_fma.comp: multiply-adds of a round */
#define ROUND (16 * 4)
/* peak_matrix.comp: matrices of a round, and subgroups side by side */
#define SUMS 8
#define SUBGROUPS 4
#define INVOCATIONS (1u << 18)
#define COPY_BYTES (256u << 20)

/* ---- Timing */

double
bench_core_clock (KilnDevice *device)
{
  return kiln_device_is_cpu (device) ? (double) clock () / CLOCKS_PER_SEC
      : g_get_monotonic_time () * 1e-6;
}

gboolean
bench_time (KilnCommands *commands, KilnDevice *device, double budget,
    BenchTime *time, GError **error)
{
  double total = 0;

  *time = (BenchTime) { HUGE_VAL, HUGE_VAL };
  do {
    double core = bench_core_clock (device), seconds;
    gint64 start = g_get_monotonic_time ();

    if (!kiln_commands_run (commands, NULL, error))
      return FALSE;
    seconds = (g_get_monotonic_time () - start) * 1e-6;
    time->seconds = MIN (time->seconds, seconds);
    time->core_seconds =
        MIN (time->core_seconds, bench_core_clock (device) - core);
    total += seconds;
  } while (total < budget);
  return TRUE;
}

double
bench_peak_seconds (const BenchPeak *peak, double flops, double bytes)
{
  double products = MAX (peak->fp32, MAX (peak->fp16, peak->matrix));

  return MAX (flops / products, bytes / peak->copy);
}

/* ---- Multiply-adds */

static gboolean
time_dispatch (KilnDevice *device, const KilnDispatch *dispatch,
    double budget, BenchTime *time, GError **error)
{
  KilnRecorder *recorder = kiln_recorder_new (device);
  g_autoptr (KilnCommands) commands = NULL;

  kiln_recorder_dispatch (recorder, dispatch);
  commands = kiln_recorder_finish (recorder, error);
  /* The first run compiles. */
  return commands != NULL && kiln_commands_run (commands, NULL, error)
      && bench_time (commands, device, budget, time, error);
}

/* With as many rounds as one dispatch can be timed by. */
static gboolean
measure_rounds (KilnDevice *device, KilnDispatch *dispatch,
    double flops_of_round, double *peak, GError **error)
{
  struct { guint32 rounds; float factor, addend; } push = { 1, 0.5f, 0.25f };
  BenchTime time;

  dispatch->invocations = INVOCATIONS;
  dispatch->push = &push;
  dispatch->push_size = sizeof push;
  if (!time_dispatch (device, dispatch, 0, &time, error))
    return FALSE;
  push.rounds = CLAMP (ROUNDS_SECONDS / time.core_seconds, 1, 1 << 20);
  if (!time_dispatch (device, dispatch, PEAK_SECONDS, &time, error))
    return FALSE;
  *peak = flops_of_round * push.rounds / time.core_seconds;
  return TRUE;
}

static gboolean
measure_fma (KilnDevice *device, const char *shader, double *peak,
    GError **error)
{
  g_autoptr (KilnBuffer) results = kiln_buffer_new (device,
      INVOCATIONS * sizeof (float), KILN_MEMORY_DEVICE, error);
  KilnDispatch dispatch = {
    .shader = shader,
    .bindings = { { results, 0, INVOCATIONS * sizeof (float) } },
    .n_bindings = 1,
  };

  return results != NULL && measure_rounds (device, &dispatch,
      2.0 * ROUND * INVOCATIONS, peak, error);
}

static gboolean
measure_matrix (KilnDevice *device, double *peak, GError **error)
{
  const KilnDeviceInfo *info = kiln_device_get_info (device);
  guint32 size = info->matrix_rows * info->matrix_columns;
  guint64 subgroups = INVOCATIONS / info->subgroup_size;
  guint64 bytes = MIN (subgroups * size * sizeof (float),
      info->max_storage_range);
  g_autoptr (KilnBuffer) results =
      kiln_buffer_new (device, bytes, KILN_MEMORY_DEVICE, error);
  KilnDispatch dispatch = {
    .shader = "peak_matrix_f16",
    .group_size = SUBGROUPS * info->subgroup_size,
    .subgroup_size = info->subgroup_size,
    .specs = { info->matrix_rows, info->matrix_columns, info->matrix_depth },
    .n_specs = 3,
    .bindings = { { results, 0, bytes } },
    .n_bindings = 1,
  };

  return results != NULL && measure_rounds (device, &dispatch,
      2.0 * SUMS * size * info->matrix_depth * subgroups, peak, error);
}

/* ---- Copying */

static gboolean
measure_copy (KilnDevice *device, double *peak, GError **error)
{
  const KilnDeviceInfo *info = kiln_device_get_info (device);
  guint64 bytes = MIN (COPY_BYTES, info->max_storage_range / 2);
  KilnShape shape = { KILN_F32, 1, 1, bytes / 16, 4 };
  g_autoptr (KilnBuffer) from =
      kiln_buffer_new (device, bytes, KILN_MEMORY_DEVICE, error);
  g_autoptr (KilnBuffer) to = from ? kiln_buffer_new (device, bytes,
      KILN_MEMORY_DEVICE, error) : NULL;
  guint32 base;
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "peak_copy", KILN_F32),
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1),
    .invocations = shape.width,
  };
  BenchTime time;

  if (to == NULL)
    return FALSE;
  dispatch.bindings[0] = kiln_view_window (&(KilnView) { shape, from, 0 }, 0,
      shape.width, &base);
  dispatch.bindings[1] = kiln_view_window (&(KilnView) { shape, to, 0 }, 0,
      shape.width, &base);
  if (!time_dispatch (device, &dispatch, PEAK_SECONDS, &time, error))
    return FALSE;
  *peak = 2.0 * bytes / time.core_seconds;
  return TRUE;
}

gboolean
bench_measure_peak (KilnDevice *device, SvdPrecision precision,
    BenchPeak *peak, GError **error)
{
  guint features = precision == SVD_PRECISION_FP16
      ? kiln_device_get_info (device)->features : 0;

  return measure_fma (device, "peak_fma_f32", &peak->fp32, error)
      && (!(features & KILN_FEATURE_FLOAT16)
      || measure_fma (device, "peak_fma_f16", &peak->fp16, error))
      && (!(features & KILN_FEATURE_MATRIX)
      || measure_matrix (device, &peak->matrix, error))
      && measure_copy (device, &peak->copy, error);
}
