/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "measure.h"

#include "../device/choices.h"
#include "../ops/half.h"

#include <math.h>
#include <string.h>

/* Of an operation's budget, what one of its variants gets. */
#define TRIAL_SHARE 0.25

/* By how much two variants may differ, RMS over the RMS of the result: each
 * rounds the result, and sums in its own order. */
#define ROUNDING_F32 1e-5
#define ROUNDING_F16 1e-3

/* Results are compared in pieces of so many bytes, so that a single number
 * that is wrong shows in one of them. */
#define PIECE (1u << 20)

typedef struct {
  KilnDevice *device;
  const KilnOperation *operation;
  BenchTensors tensors;
  const KilnVariant *sure;      /* that the others are compared with */
  KilnView wanted;              /* its result */
} Trials;

static void
trials_clear (Trials *self)
{
  bench_tensors_clear (&self->tensors);
  g_clear_pointer (&self->wanted.buffer, kiln_buffer_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Trials, trials_clear)

/* ---- Comparing */

static double
number_at (const guint8 *bytes, KilnType type, gsize i)
{
  switch (type) {
    case KILN_F32:
      return ((const float *) bytes)[i];
    case KILN_F16:
      return kiln_float_of_bits (kiln_half_widen (
              ((const guint16 *) bytes)[i]));
    case KILN_U8:
      return bytes[i];
  }
  g_assert_not_reached ();
}

/* RMS over RMS; NaN where one of the numbers is. */
static double
difference (const guint8 *values, const guint8 *wanted, KilnType type,
    gsize bytes)
{
  double squares = 0, sum = 0;

  for (gsize i = 0; i < bytes / kiln_type_size (type); i++) {
    double want = number_at (wanted, type, i);
    double d = number_at (values, type, i) - want;

    squares += want * want;
    sum += d * d;
  }
  return sum == 0 ? 0 : sqrt (sum / squares);
}

static double
allowed (const Trials *self, const KilnVariant *variant)
{
  double rounding = self->operation->output.type == KILN_F16
      ? ROUNDING_F16 : ROUNDING_F32;

  return rounding + variant->error + self->sure->error;
}

/* The result that is there against the one that is wanted. */
static gboolean
compare (const Trials *self, const KilnVariant *variant, GError **error)
{
  KilnType type = self->wanted.shape.type;
  guint64 bytes = kiln_shape_bytes (&self->wanted.shape);
  g_autofree guint8 *values = g_malloc (PIECE);
  g_autofree guint8 *wanted = g_malloc (PIECE);

  for (guint64 at = 0; at < bytes; at += PIECE) {
    gsize piece = MIN (PIECE, bytes - at);
    double differs;

    if (!kiln_buffer_read (self->tensors.output.buffer, at, values, piece,
            error)
        || !kiln_buffer_read (self->wanted.buffer, at, wanted, piece, error))
      return FALSE;
    differs = difference (values, wanted, type, piece);
    if (differs <= allowed (self, variant))
      continue;
    if (isnan (differs))
      g_set_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT,
          "its result has what are no numbers, or was not written");
    else
      g_set_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT,
          "its result differs from that of %s by %.1e, %.1e is allowed",
          self->sure->name, differs, allowed (self, variant));
    return FALSE;
  }
  return TRUE;
}

/* ---- Running */

/* NaNs: what a variant leaves out is not to be right by what the one before
 * it has written. */
static gboolean
spoil_output (const Trials *self, GError **error)
{
  const KilnView *output = &self->tensors.output;
  guint64 bytes = kiln_shape_bytes (&output->shape);
  g_autofree guint8 *ones = g_malloc (PIECE);

  memset (ones, 0xff, PIECE);
  for (guint64 at = 0; at < bytes; at += PIECE)
    if (!kiln_buffer_write (output->buffer, at, ones, MIN (PIECE, bytes - at),
            error))
      return FALSE;
  return TRUE;
}

static gboolean
measure (const Trials *self, const char *key, const KilnVariant *variant,
    double budget, BenchRow *row, GError **error)
{
  kiln_device_set_choice (self->device, key, variant->name);
  return spoil_output (self, error)
      && bench_measure_operation (self->device, self->operation,
      &self->tensors, budget, row, error);
}

static gboolean
find_wanted (Trials *self, const char *key, BenchRow *row, GError **error)
{
  const KilnShape *shape = &self->operation->output;
  guint64 bytes = kiln_shape_bytes (shape);

  self->wanted = (KilnView) { *shape, kiln_buffer_new (self->device, bytes,
      KILN_MEMORY_DEVICE, error) };
  return self->wanted.buffer != NULL
      && measure (self, key, self->sure, 0, row, error)
      && kiln_buffer_copy (self->tensors.output.buffer, self->wanted.buffer,
      0, bytes, error);
}

static void
add_trial (const Trials *self, const char *key, const KilnVariant *variant,
    double budget, BenchRow *row)
{
  BenchTrial *trial = &row->trials[row->n_trials++];
  g_autoptr (GError) error = NULL;

  trial->variant = variant->name;
  if (!measure (self, key, variant, budget * TRIAL_SHARE, row, &error)
      || !compare (self, variant, &error)) {
    trial->refusal = g_strdup (error->message);
    return;
  }
  trial->seconds = row->time.core_seconds;
  if (row->fastest == NULL || trial->seconds < row->fastest->seconds)
    row->fastest = trial;
}

KilnWork
bench_work_of (const KilnOperation *operation)
{
  return operation->klass->work (operation->params, operation->inputs,
      &operation->output);
}

GPtrArray *
bench_find_candidates (KilnDevice *device, const KilnOperation *operation)
{
  const KilnOpClass *klass = operation->klass;
  KilnWork work = bench_work_of (operation);
  GPtrArray *candidates = g_ptr_array_new ();

  for (const KilnVariant *v = klass->variants; v->name != NULL; v++)
    if (kiln_variant_is_candidate (v, klass, device, operation->output.type,
            &work))
      g_ptr_array_add (candidates, (gpointer) v);
  return candidates;
}

gboolean
bench_run_trials (KilnDevice *device, const KilnOperation *operation,
    double budget, BenchRow *row, GError **error)
{
  KilnWork work = bench_work_of (operation);
  g_autofree char *key = kiln_work_to_key (&work, operation->output.type);
  const char *before = kiln_device_get_choice (device, key);
  g_autoptr (GPtrArray) candidates =
      bench_find_candidates (device, operation);
  g_auto (Trials) self = { device, operation };
  gboolean ok;

  g_assert (candidates->len > 0 && candidates->len <= BENCH_MAX_TRIALS);
  self.sure = candidates->pdata[candidates->len - 1];
  ok = bench_make_tensors (device, operation, &self.tensors, error)
      && find_wanted (&self, key, row, error);
  for (guint i = 0; ok && i < candidates->len; i++)
    add_trial (&self, key, candidates->pdata[i], budget, row);
  kiln_device_set_choice (device, key, before);
  if (ok && row->fastest == NULL) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT,
        "no variant can be used: %s, %s",
        self.sure->name, row->trials[row->n_trials - 1].refusal);
    return FALSE;
  }
  return ok;
}
