/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graphs.h"
#include "measure.h"

#include <string.h>

#include "../device/choices.h"
#include "../ops/variant.h"

/* ---- Slices: an operation is the same at a smaller size of the clip, so
 * that a slow device measures a part of it: as many frames as it takes, or
 * what goes from frame to frame at as many positions. Only where one frame is
 * still too much are its positions fewer, too. */

/* As many halvings as sizes and frames may allow. */
#define N_SLICES 32

static guint
half (guint pixels)
{
  return MIN (pixels, MAX (pixels / 128, 1) * 64);
}

static BenchSize
slice_size (const BenchSize *whole, gboolean over_frames, guint slice)
{
  BenchSize size = *whole;

  for (guint i = 0; i < slice; i++)
    if (!over_frames && size.frames > 1) {
      size.frames /= 2;
      size.decode_frames = MAX (size.decode_frames / 2, 1);
    } else if (size.width > size.height)
      size.width = half (size.width);
    else
      size.height = half (size.height);
  return size;
}

static gboolean
is_same_size (const BenchSize *a, const BenchSize *b)
{
  return a->width == b->width && a->height == b->height
      && a->frames == b->frames && a->decode_frames == b->decode_frames;
}

/* The graphs of each stage at each size, with fewer frames first or with all,
 * built when first asked for. */
typedef struct {
  const Bench *bench;
  GPtrArray *graphs[BENCH_N_STAGES][2 * N_SLICES];
} Slices;

static void
slices_clear (Slices *slices)
{
  for (guint i = 0; i < BENCH_N_STAGES; i++)
    for (guint j = 0; j < 2 * N_SLICES; j++)
      g_clear_pointer (&slices->graphs[i][j], g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Slices, slices_clear)

static gboolean
get_operation (Slices *slices, const BenchRow *row, guint slice,
    KilnOperation *operation, GError **error)
{
  BenchSize size =
      slice_size (&slices->bench->size, row->over_frames, slice);
  GPtrArray **graphs;
  guint stage = 0;

  while (!g_str_equal (bench_stage_names[stage], row->stage))
    stage++;
  graphs = &slices->graphs[stage][2 * slice + (row->over_frames ? 1 : 0)];
  if (*graphs == NULL)
    *graphs = bench_build_graphs (slices->bench, row->stage, &size, error);
  if (*graphs == NULL
      || !kiln_graph_check ((*graphs)->pdata[row->graph], error))
    return FALSE;
  *operation = kiln_graph_get_operation ((*graphs)->pdata[row->graph],
      row->node);
  return TRUE;
}

/* Each tensor once: what has to be moved at least. */
static double
least_bytes (const KilnOperation *operation)
{
  double bytes = kiln_shape_bytes (&operation->output);

  for (guint i = 0; i < operation->n_inputs; i++)
    if (operation->inputs[i] != NULL)
      bytes += kiln_shape_bytes (operation->inputs[i]);
  return bytes;
}

static gboolean
fits (const Bench *bench, const BenchRow *row,
    const KilnOperation *operation, double budget)
{
  KilnDevice *device = svd_device_get_kiln (bench->device);
  double room = kiln_device_get_info (device)->memory_total / 2.0;

  return row->slice_bytes + operation->scratch_bytes < room
      && bench_peak_seconds (&bench->peak, row->slice_flops,
      row->slice_bytes) < budget * BENCH_EXPECTED_SHARE;
}

/* The largest that is expected to fit, or the smallest that there is. */
static gboolean
choose_slice (Slices *slices, BenchRow *row, double budget,
    KilnOperation *operation, GError **error)
{
  const Bench *bench = slices->bench;
  BenchSize size, next = bench->size;
  guint slice = 0;

  do {
    if (!get_operation (slices, row, slice, operation, error))
      return FALSE;
    size = next;
    row->slice_flops = operation->flops;
    row->slice_bytes = least_bytes (operation);
    next = slice_size (&bench->size, row->over_frames, ++slice);
  } while (slice < N_SLICES && !is_same_size (&next, &size)
      && !fits (bench, row, operation, budget));
  row->slice_shapes = bench_describe_shapes (operation);
  return TRUE;
}

/* ---- Measuring */

static gboolean
measure_row (Slices *slices, BenchRow *row, double budget, GError **error)
{
  KilnDevice *device = svd_device_get_kiln (slices->bench->device);
  g_auto (BenchTensors) tensors = { 0 };
  KilnOperation operation;

  return choose_slice (slices, row, budget, &operation, error)
      && bench_make_tensors (device, &operation, &tensors, error)
      && bench_measure_operation (device, &operation, &tensors, budget, row,
      error);
}

gboolean
bench_measure_rows (const Bench *bench, GPtrArray *rows, double budget,
    GError **error)
{
  g_auto (Slices) slices = { bench };

  for (guint i = 0; i < rows->len; i++) {
    BenchRow *row = rows->pdata[i];

    if (!measure_row (&slices, row, budget, error)) {
      g_prefix_error (error, "%s, %s: ", row->name, row->shapes);
      return FALSE;
    }
  }
  return TRUE;
}

/* ---- Tuning */

static const KilnVariant *
expected (KilnDevice *device, const KilnOperation *operation, const char *key)
{
  KilnWork work = bench_work_of (operation);

  kiln_device_set_choice (device, key, NULL);
  return kiln_variant_choose (operation->klass, device,
      operation->output.type, &work);
}

static gboolean
has_choice (KilnDevice *device, const KilnOperation *operation)
{
  g_autoptr (GPtrArray) candidates = operation->klass->variants == NULL ? NULL
      : bench_find_candidates (device, operation);

  return candidates != NULL && candidates->len > 1;
}

/* A choice is for the clip's size, also where a slice is what is measured. */
static gboolean
tune_row (Slices *slices, BenchRow *row, GHashTable *tuned, double budget,
    GError **error)
{
  KilnDevice *device = svd_device_get_kiln (slices->bench->device);
  KilnOperation whole, slice;
  KilnWork work;

  if (!get_operation (slices, row, 0, &whole, error))
    return FALSE;
  if (!has_choice (device, &whole))
    return TRUE;
  work = bench_work_of (&whole);
  row->key = kiln_work_to_key (&work, whole.output.type);
  if (!g_hash_table_add (tuned, row->key))
    return TRUE;
  row->expected = expected (device, &whole, row->key)->name;
  if (!choose_slice (slices, row, budget, &slice, error)
      || !bench_run_trials (device, &slice, budget, row, error))
    return FALSE;
  kiln_device_set_choice (device, row->key, row->fastest->variant);
  return TRUE;
}

gboolean
bench_tune_rows (const Bench *bench, GPtrArray *rows, double budget,
    GError **error)
{
  g_autoptr (GHashTable) tuned = g_hash_table_new (g_str_hash, g_str_equal);
  g_auto (Slices) slices = { bench };

  for (guint i = 0; i < rows->len; i++) {
    BenchRow *row = rows->pdata[i];

    if (!tune_row (&slices, row, tuned, budget, error)) {
      g_prefix_error (error, "%s, %s: ", row->name, row->shapes);
      return FALSE;
    }
  }
  return TRUE;
}
