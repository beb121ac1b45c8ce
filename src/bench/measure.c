/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "measure.h"

/* So much work goes into one submission, in seconds: what a submission costs
 * itself does not count then, nor that CPU seconds come late from threads that
 * still run. */
#define SUBMISSION_SECONDS 0.02
#define MAX_REPEATS 200
#define FILL_BYTES (16u << 20)

/* ---- Tensors with some numbers in them */

void
bench_tensors_clear (BenchTensors *tensors)
{
  for (guint i = 0; i < KILN_OP_MAX_INPUTS; i++)
    g_clear_pointer (&tensors->inputs[i].buffer, kiln_buffer_unref);
  g_clear_pointer (&tensors->output.buffer, kiln_buffer_unref);
  g_clear_pointer (&tensors->scratch.buffer, kiln_buffer_unref);
}

static gboolean
allocate (KilnDevice *device, const KilnShape *shape, KilnView *view,
    GError **error)
{
  view->shape = *shape;
  view->buffer = kiln_buffer_new (device, kiln_shape_bytes (shape),
      KILN_MEMORY_DEVICE, error);
  return view->buffer != NULL;
}

/* ±1 to ±2 in either type, of weights ±2⁻⁶ to ±2⁻⁵: sums are of the order
 * of 1, and shares of attention differ. Pictures are random bytes. */
static guint8 *
make_numbers (KilnType type, gboolean weight)
{
  guint32 *words = g_new (guint32, FILL_BYTES / 4);
  guint32 single = (weight ? 121u : 127u) << 23;
  guint32 half = (weight ? 9u : 15u) << 10;
  g_autoptr (GRand) random = g_rand_new_with_seed (1 + weight);

  for (guint i = 0; i < FILL_BYTES / 4; i++) {
    words[i] = g_rand_int (random);
    if (type == KILN_F32)
      words[i] = (words[i] & 0x807fffff) | single;
    else if (type == KILN_F16)
      words[i] = (words[i] & 0x83ff83ff) | half << 16 | half;
  }
  return (guint8 *) words;
}

static gboolean
fill (const KilnView *view, gboolean weight, GError **error)
{
  static guint8 *numbers[3][2]; /* by type, for weights; made once */
  guint8 **wanted = &numbers[view->shape.type][weight];
  guint64 bytes = kiln_shape_bytes (&view->shape);

  if (*wanted == NULL)
    *wanted = make_numbers (view->shape.type, weight);
  for (guint64 done = 0; done < bytes; done += FILL_BYTES)
    if (!kiln_buffer_write (view->buffer, done, *wanted,
            MIN (FILL_BYTES, bytes - done), error))
      return FALSE;
  return TRUE;
}

gboolean
bench_make_tensors (KilnDevice *device, const KilnOperation *operation,
    BenchTensors *tensors, GError **error)
{
  KilnShape scratch = { KILN_F32, 1, 1, 1, operation->scratch_bytes / 4 };

  for (guint i = 0; i < operation->n_inputs; i++)
    if (operation->inputs[i] != NULL
        && (!allocate (device, operation->inputs[i], &tensors->inputs[i],
                error) || !fill (&tensors->inputs[i],
                (operation->weights >> i & 1) != 0, error)))
      return FALSE;
  return (operation->scratch_bytes == 0
      || allocate (device, &scratch, &tensors->scratch, error))
      && allocate (device, &operation->output, &tensors->output, error);
}

/* ---- Measuring */

static KilnCommands *
record (KilnDevice *device, const KilnOperation *operation,
    const BenchTensors *tensors, guint repeats, const char **variant,
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
    const BenchTensors *tensors, double budget, BenchRow *row, GError **error)
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

gboolean
bench_measure_operation (KilnDevice *device, const KilnOperation *operation,
    const BenchTensors *tensors, double budget, BenchRow *row, GError **error)
{
  g_autoptr (KilnCommands) commands =
      record (device, operation, tensors, 1, &row->variant, error);

  /* The first run compiles. */
  if (commands == NULL || !kiln_commands_run (commands, NULL, error)
      || !bench_time (commands, device, 0, &row->time, error))
    return FALSE;
  row->measured = TRUE;
  return row->time.seconds >= budget / 2
      || measure_repeated (device, operation, tensors, budget / 2, row, error);
}
