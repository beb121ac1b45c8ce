/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graphs.h"

#include <string.h>

#include "../device/choices.h"
#include "../ops/variant.h"

/* On graphics cards so much work goes into one submission, in seconds: what
 * a submission costs itself does not count then. */
#define SUBMISSION_SECONDS 0.02
#define MAX_REPEATS 200
#define FILL_BYTES (16u << 20)

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

/* ---- Tensors with some numbers in them */

typedef struct {
  KilnView inputs[KILN_OP_MAX_INPUTS], output, scratch;
} Tensors;

static void
tensors_clear (Tensors *tensors)
{
  for (guint i = 0; i < KILN_OP_MAX_INPUTS; i++)
    g_clear_pointer (&tensors->inputs[i].buffer, kiln_buffer_unref);
  g_clear_pointer (&tensors->output.buffer, kiln_buffer_unref);
  g_clear_pointer (&tensors->scratch.buffer, kiln_buffer_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tensors, tensors_clear)

static gboolean
allocate (KilnDevice *device, const KilnShape *shape, KilnView *view,
    GError **error)
{
  view->shape = *shape;
  view->buffer = kiln_buffer_new (device, kiln_shape_bytes (shape),
      KILN_MEMORY_DEVICE, error);
  return view->buffer != NULL;
}

/* ±2⁻⁶ to ±2⁻⁵ in either type; pictures are random bytes. */
static guint8 *
make_numbers (KilnType type)
{
  guint32 *words = g_new (guint32, FILL_BYTES / 4);
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  for (guint i = 0; i < FILL_BYTES / 4; i++) {
    words[i] = g_rand_int (random);
    if (type == KILN_F32)
      words[i] = (words[i] & 0x807fffff) | 121u << 23;
    else if (type == KILN_F16)
      words[i] = (words[i] & 0x83ff83ff) | 0x24002400;
  }
  return (guint8 *) words;
}

static gboolean
fill (const KilnView *view, GError **error)
{
  static guint8 *numbers[3];    /* by type, made once */
  guint8 **wanted = &numbers[view->shape.type];
  guint64 bytes = kiln_shape_bytes (&view->shape);

  if (*wanted == NULL)
    *wanted = make_numbers (view->shape.type);
  for (guint64 done = 0; done < bytes; done += FILL_BYTES)
    if (!kiln_buffer_write (view->buffer, done, *wanted,
            MIN (FILL_BYTES, bytes - done), error))
      return FALSE;
  return TRUE;
}

static gboolean
make_tensors (KilnDevice *device, const KilnOperation *operation,
    Tensors *tensors, GError **error)
{
  KilnShape scratch = { KILN_F32, 1, 1, 1, operation->scratch_bytes / 4 };

  for (guint i = 0; i < operation->n_inputs; i++)
    if (operation->inputs[i] != NULL
        && (!allocate (device, operation->inputs[i], &tensors->inputs[i],
                error) || !fill (&tensors->inputs[i], error)))
      return FALSE;
  return (operation->scratch_bytes == 0
      || allocate (device, &scratch, &tensors->scratch, error))
      && allocate (device, &operation->output, &tensors->output, error);
}

/* ---- Measuring */

static KilnCommands *
record (KilnDevice *device, const KilnOperation *operation,
    const Tensors *tensors, guint repeats, const char **variant,
    GError **error)
{
  KilnRecorder *recorder = kiln_recorder_new (device);

  for (guint i = 0; i < repeats; i++) {
    operation->klass->record (recorder, operation->params, tensors->inputs,
        operation->n_inputs, &tensors->output, &tensors->scratch);
    kiln_recorder_barrier (recorder);
  }
  *variant = kiln_recorder_get_main_shader (recorder);
  if (*variant == NULL)
    *variant = "copy";
  return kiln_recorder_finish (recorder, error);
}

static gboolean
measure_repeated (KilnDevice *device, const KilnOperation *operation,
    const Tensors *tensors, double budget, BenchRow *row, GError **error)
{
  guint repeats =
      CLAMP (SUBMISSION_SECONDS / row->time.seconds, 1, MAX_REPEATS);
  g_autoptr (KilnCommands) commands =
      record (device, operation, tensors, repeats, &row->variant, error);

  if (commands == NULL
      || !bench_time (commands, device, budget, &row->time, error))
    return FALSE;
  row->time.seconds /= repeats;
  row->time.core_seconds /= repeats;
  return TRUE;
}

static gboolean
measure_operation (KilnDevice *device, const KilnOperation *operation,
    const Tensors *tensors, double budget, BenchRow *row, GError **error)
{
  g_autoptr (KilnCommands) commands =
      record (device, operation, tensors, 1, &row->variant, error);

  /* The first run compiles. */
  if (commands == NULL || !kiln_commands_run (commands, NULL, error)
      || !bench_time (commands, device, 0, &row->time, error))
    return FALSE;
  row->measured = TRUE;
  if (!kiln_device_is_cpu (device))
    return measure_repeated (device, operation, tensors, budget, row, error);
  return row->time.seconds >= budget / 2
      || bench_time (commands, device, budget / 2, &row->time, error);
}

static gboolean
measure_row (Slices *slices, BenchRow *row, double budget, GError **error)
{
  KilnDevice *device = svd_device_get_kiln (slices->bench->device);
  g_auto (Tensors) tensors = { 0 };
  KilnOperation operation;

  return choose_slice (slices, row, budget, &operation, error)
      && make_tensors (device, &operation, &tensors, error)
      && measure_operation (device, &operation, &tensors, budget, row, error);
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

/* Of an operation's budget, what one of its variants gets. */
#define TRIAL_SHARE 0.25

static KilnWork
work_of (const KilnOperation *operation)
{
  return operation->klass->work (operation->params, operation->inputs,
      &operation->output);
}

static const KilnVariant *
expected (KilnDevice *device, const KilnOperation *operation, const char *key)
{
  KilnWork work = work_of (operation);

  kiln_device_set_choice (device, key, NULL);
  return kiln_variant_choose (operation->klass, device,
      operation->output.type, &work);
}

static guint
count_candidates (KilnDevice *device, const KilnOperation *operation)
{
  KilnWork work = work_of (operation);
  guint n = 0;

  for (const KilnVariant *v = operation->klass->variants; v->name; v++)
    n += kiln_variant_is_candidate (v, operation->klass, device,
        operation->output.type, &work);
  return n;
}

/* Each variant is chosen and measured in turn. */
static gboolean
run_trials (KilnDevice *device, const KilnOperation *operation,
    double budget, BenchRow *row, GError **error)
{
  KilnWork work = work_of (operation);
  KilnType type = operation->output.type;
  g_autofree char *key = kiln_work_to_key (&work, type);
  const char *before = kiln_device_get_choice (device, key);
  g_auto (Tensors) tensors = { 0 };

  if (!make_tensors (device, operation, &tensors, error))
    return FALSE;
  for (const KilnVariant *v = operation->klass->variants; v->name; v++) {
    BenchTrial *trial = &row->trials[row->n_trials];

    if (!kiln_variant_is_candidate (v, operation->klass, device, type, &work))
      continue;
    g_assert (row->n_trials < BENCH_MAX_TRIALS);
    kiln_device_set_choice (device, key, v->name);
    if (!measure_operation (device, operation, &tensors,
            budget * TRIAL_SHARE, row, error))
      return FALSE;
    *trial = (BenchTrial) { v->name, row->time.core_seconds };
    row->n_trials++;
    if (row->fastest == NULL || trial->seconds < row->fastest->seconds)
      row->fastest = trial;
  }
  kiln_device_set_choice (device, key, before);
  return TRUE;
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
  if (whole.klass->variants == NULL || count_candidates (device, &whole) < 2)
    return TRUE;
  work = work_of (&whole);
  row->key = kiln_work_to_key (&work, whole.output.type);
  if (!g_hash_table_add (tuned, row->key))
    return TRUE;
  row->expected = expected (device, &whole, row->key)->name;
  if (!choose_slice (slices, row, budget, &slice, error)
      || !run_trials (device, &slice, budget, row, error))
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
