/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every operation against a plain reference in double precision, on random
 * and edge shapes; with --bench the same table measures. */
#include "check.h"
#include "half.h"
#include "../cpu-clock.h"
#include "ops/attention.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/variant.h"

#include <locale.h>
#include <math.h>
#include <string.h>

/* Tensors stand between guards of NaNs, which must not be read (they would
 * show in the result) and must be whole afterwards. */
#define GUARD 256
#define GUARD_BYTE 0xff

/* One number off by so many times the RMS bound is an error too. */
#define MAX_OVER_RMS 20

/* How a test program tells meson that there was nothing to test. */
#define SKIPPED 77

/* How much work a reference may do, and results it may give. */
#define REFERENCE_FLOPS 1e8
#define REFERENCE_VALUES 1e6

/* In small windows even small tensors are split: what a binding may span
 * there, in bytes. */
#define SMALL_RANGE "65536"

/* The same device may be treated in several ways. */
typedef struct {
  gboolean small_windows;
  gboolean not_software;        /* a software device gets what others get */
  const char *kernels;          /* the variant that is wanted; or NULL */
  KilnDevice *device;
} Way;

#define MAX_WAYS 32

struct _Check
{
  Way ways[MAX_WAYS];
  guint n_ways;
  gboolean bench, verbose, large, quick;
  char *type;
  char *only;
  char *kernels;
  guint n_run, n_failed;
};

gboolean
check_wants (Check *self, const char *what, KilnType type)
{
  if (self->type != NULL
      && !g_str_equal (self->type, type == KILN_F16 ? "f16" : "f32"))
    return FALSE;
  return self->only == NULL || strstr (what, self->only) != NULL;
}

gboolean
check_is_bench (Check *self)
{
  return self->bench;
}

gboolean
check_wants_large (Check *self)
{
  return self->large;
}

static void
failed (Check *self, const CheckJob *job, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static void
failed (Check *self, const CheckJob *job, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_print ("FAILED %s, %s: %s\n", job->what,
      job->type == KILN_F16 ? "f16" : "f32", text);
  self->n_failed++;
}

/* ---- Tensors on the device */

static guint8 *
encode (const CheckInput *input)
{
  const KilnShape *shape = &input->shape;
  guint64 rows = kiln_shape_rows (shape);
  guint32 stride = kiln_shape_stride (shape), channels = shape->channels;
  guint8 *bytes = g_malloc0 (kiln_shape_bytes (shape));

  if (input->kind == CHECK_TABLE
      || (shape->type == KILN_F32 && stride == channels)) {
    memcpy (bytes, input->data, kiln_shape_bytes (shape));
    return bytes;
  }
  for (guint64 row = 0; row < rows; row++)
    for (guint32 c = 0; c < channels; c++) {
      float value = input->data[row * channels + c];
      guint64 at = row * stride + c;

      switch (shape->type) {
        case KILN_F32:
          ((float *) bytes)[at] = value;
          break;
        case KILN_F16:
          ((guint16 *) bytes)[at] = half_from_float (value);
          break;
        case KILN_U8:
          bytes[at] = value;
          break;
      }
    }
  return bytes;
}

static double
decode (const guint8 *bytes, KilnType type, guint64 at)
{
  switch (type) {
    case KILN_F32:
      return ((const float *) bytes)[at];
    case KILN_F16:
      return half_to_float (((const guint16 *) bytes)[at]);
    case KILN_U8:
      return bytes[at];
  }
  g_assert_not_reached ();
}

static gboolean
fill_guards (KilnBuffer *buffer, guint64 begin, guint64 end, GError **error)
{
  guint64 size = end - begin;
  g_autofree guint8 *guard = g_malloc (size);

  memset (guard, GUARD_BYTE, size);
  return kiln_buffer_write (buffer, begin, guard, size, error);
}

/* A tensor full of NaNs between guards. */
static gboolean
new_view (KilnDevice *device, const KilnShape *shape, KilnView *view,
    GError **error)
{
  guint64 bytes = kiln_shape_bytes (shape);

  view->shape = *shape;
  view->offset = GUARD;
  view->buffer = kiln_buffer_new (device, bytes + 2 * GUARD,
      KILN_MEMORY_DEVICE, error);
  return view->buffer != NULL
      && fill_guards (view->buffer, 0, bytes + 2 * GUARD, error);
}

static gboolean
upload_tensor (KilnDevice *device, const CheckInput *input, KilnView *view,
    GError **error)
{
  g_autofree guint8 *bytes = encode (input);

  return new_view (device, &input->shape, view, error)
      && kiln_buffer_write (view->buffer, view->offset, bytes,
      kiln_shape_bytes (&input->shape), error);
}

static gboolean
upload_weight (KilnDevice *device, const CheckInput *input, KilnView *view,
    GError **error)
{
  const KilnPack *pack = &input->pack;
  KilnPackPart part = {
    KILN_SOURCE_F32, FALSE, 0, pack->outputs, (guint8 *) input->data
  };
  KilnShape shape = kiln_pack_shape (pack);
  g_autofree guint8 *packed = g_malloc (kiln_shape_bytes (&shape));

  kiln_pack_slices (pack, &part, 1, 0, kiln_pack_n_slices (pack), packed);
  return new_view (device, &shape, view, error)
      && kiln_buffer_write (view->buffer, view->offset, packed,
      kiln_shape_bytes (&shape), error);
}

/* ---- One job on one device */

typedef struct {
  KilnView inputs[KILN_OP_MAX_INPUTS];
  KilnView output, scratch;
  KilnCommands *commands;
} Prepared;

static void
prepared_clear (Prepared *prepared)
{
  for (guint i = 0; i < KILN_OP_MAX_INPUTS; i++)
    g_clear_pointer (&prepared->inputs[i].buffer, kiln_buffer_unref);
  g_clear_pointer (&prepared->output.buffer, kiln_buffer_unref);
  g_clear_pointer (&prepared->scratch.buffer, kiln_buffer_unref);
  g_clear_pointer (&prepared->commands, kiln_commands_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Prepared, prepared_clear)

static gboolean
upload_inputs (KilnDevice *device, const CheckJob *job, Prepared *prepared,
    GError **error)
{
  for (guint i = 0; i < job->n_inputs; i++) {
    const CheckInput *input = &job->inputs[i];
    KilnView *view = &prepared->inputs[i];

    if (input->kind != CHECK_ABSENT && !(input->kind == CHECK_WEIGHT
            ? upload_weight (device, input, view, error)
            : upload_tensor (device, input, view, error)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
infer (const CheckJob *job, const KilnView *inputs,
    const KilnShape **shapes, KilnShape *output, GError **error)
{
  for (guint i = 0; i < job->n_inputs; i++)
    shapes[i] = inputs[i].buffer != NULL ? &inputs[i].shape : NULL;
  output->type = job->type;
  return job->klass->infer (job->params, shapes, job->n_inputs, output,
      error);
}

static gboolean
prepare (KilnDevice *device, const CheckJob *job, Prepared *prepared,
    GError **error)
{
  const KilnShape *shapes[KILN_OP_MAX_INPUTS];
  KilnShape output;
  guint64 scratch;

  if (!upload_inputs (device, job, prepared, error)
      || !infer (job, prepared->inputs, shapes, &output, error)
      || !new_view (device, &output, &prepared->output, error))
    return FALSE;
  scratch = job->klass->scratch != NULL
      ? job->klass->scratch (job->params, shapes, &output) : 0;
  if (scratch > 0) {
    KilnShape shape = { KILN_F32, 1, 1, 1, (scratch + 3) / 4 };

    if (!new_view (device, &shape, &prepared->scratch, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
record (KilnDevice *device, const CheckJob *job, Prepared *prepared,
    GError **error)
{
  KilnRecorder *recorder = kiln_recorder_new (device);

  job->klass->record (recorder, job->params, prepared->inputs, job->n_inputs,
      &prepared->output, &prepared->scratch);
  prepared->commands = kiln_recorder_finish (recorder, error);
  return prepared->commands != NULL;
}

/* ---- Comparing */

static gboolean
guards_are_whole (const KilnView *view, GError **error)
{
  guint64 bytes = kiln_shape_bytes (&view->shape);
  guint8 guard[2 * GUARD];

  if (!kiln_buffer_read (view->buffer, 0, guard, GUARD, error)
      || !kiln_buffer_read (view->buffer, GUARD + bytes, guard + GUARD,
          GUARD, error))
    return FALSE;
  for (guint i = 0; i < 2 * GUARD; i++)
    if (guard[i] != GUARD_BYTE) {
      g_set_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT,
          "bytes %s the tensor were written", i < GUARD ? "before" : "after");
      return FALSE;
    }
  return TRUE;
}

static gboolean
is_clean (const KilnShape *shape, const guint8 *bytes, GError **error)
{
  guint64 rows = kiln_shape_rows (shape);
  guint32 stride = kiln_shape_stride (shape);

  for (guint64 row = 0; row < rows; row++)
    for (guint32 c = 0; c < stride; c++) {
      double value = decode (bytes, shape->type, row * stride + c);

      if (isfinite (value) && (c < shape->channels || value == 0.0))
        continue;
      g_set_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT,
          "row %" G_GUINT64_FORMAT ", %s %u is %g", row,
          c < shape->channels ? "channel" : "padding", c, value);
      return FALSE;
    }
  return TRUE;
}

/* All rows, or as many as the reference can do in time: the first, the
 * last, and some between. */
static guint64 *
choose_rows (const KilnShape *shape, double flops, guint *n)
{
  guint64 rows = kiln_shape_rows (shape), most;
  guint64 *chosen;

  most = MIN (REFERENCE_VALUES / shape->channels,
      REFERENCE_FLOPS / MAX (flops / rows, 1));
  most = CLAMP (most, 16, rows < 16 ? 16 : rows);
  *n = MIN (most, rows);
  chosen = g_new (guint64, *n);
  for (guint i = 0; i < *n; i++)
    chosen[i] = *n == rows ? i : (guint64) ((double) i / (*n - 1)
        * (rows - 1));
  return chosen;
}

typedef struct {
  double rms, max;
} Errors;

static Errors
measure_errors (const KilnShape *shape, const guint8 *bytes,
    const guint64 *rows, guint n, const double *wanted)
{
  guint32 stride = kiln_shape_stride (shape), channels = shape->channels;
  double squares = 0, difference = 0, most = 0, scale;

  for (guint i = 0; i < n; i++)
    for (guint32 c = 0; c < channels; c++) {
      double value = decode (bytes, shape->type, rows[i] * stride + c);
      double want = wanted[(gsize) i * channels + c], d = value - want;

      squares += want * want;
      difference += d * d;
      most = fabs (d) > most || isnan (d) ? fabs (d) : most;
    }
  scale = squares > 0 ? sqrt (squares / ((double) n * channels)) : 1;
  return (Errors) {
    sqrt (difference / ((double) n * channels)) / scale, most / scale
  };
}

static double
job_flops (const CheckJob *job, const KilnView *inputs,
    const KilnShape *output)
{
  const KilnShape *shapes[KILN_OP_MAX_INPUTS];

  for (guint i = 0; i < job->n_inputs; i++)
    shapes[i] = inputs[i].buffer != NULL ? &inputs[i].shape : NULL;
  return job->klass->flops != NULL
      ? job->klass->flops (job->params, shapes, output) : 0;
}

static gboolean
compare (Check *self, const CheckJob *job, const Prepared *prepared,
    double bound, GError **error)
{
  const KilnShape *shape = &prepared->output.shape;
  guint64 size = kiln_shape_bytes (shape);
  g_autofree guint8 *bytes = g_malloc (size);
  g_autofree guint64 *rows = NULL;
  g_autofree double *wanted = NULL;
  Errors errors;
  guint n;

  if (!kiln_buffer_read (prepared->output.buffer, GUARD, bytes, size, error)
      || !guards_are_whole (&prepared->output, error)
      || !is_clean (shape, bytes, error))
    return FALSE;
  rows = choose_rows (shape, job_flops (job, prepared->inputs, shape), &n);
  wanted = g_new0 (double, (gsize) n * shape->channels);
  job->reference (job->params, job->inputs, shape, rows, n, wanted);
  errors = measure_errors (shape, bytes, rows, n, wanted);
  if (self->verbose)
    g_print ("%-44s %s  rms %.1e of %.1e, max %.1e\n", job->what,
        job->type == KILN_F16 ? "f16" : "f32", errors.rms, bound, errors.max);
  if (errors.rms <= bound && errors.max <= MAX_OVER_RMS * bound)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT,
      "RMS error %.2e of a bound of %.2e, largest %.2e", errors.rms, bound,
      errors.max);
  return FALSE;
}

/* ---- Measuring */

#define BENCH_SECONDS 0.3

/* Software devices take what the machine leaves them: their speed is told
 * for a second of one core. */
static void
bench (KilnDevice *device, const CheckJob *job, const Prepared *prepared)
{
  const KilnShape *shape = &prepared->output.shape;
  gboolean cpu = kiln_device_is_cpu (device);
  double flops = job_flops (job, prepared->inputs, shape);
  double bytes = kiln_shape_bytes (shape), total = 0;
  double best = HUGE_VAL, least = HUGE_VAL;

  for (guint i = 0; i < job->n_inputs; i++)
    if (prepared->inputs[i].buffer != NULL)
      bytes += kiln_shape_bytes (&prepared->inputs[i].shape);
  for (guint i = 0; i < 2 || total < BENCH_SECONDS; i++) {
    gint64 start = g_get_monotonic_time ();
    double cores = cpu_seconds (), seconds;

    if (!kiln_commands_run (prepared->commands, NULL, NULL))
      return;
    seconds = (g_get_monotonic_time () - start) * 1e-6;
    best = MIN (best, seconds);
    least = MIN (least, cpu ? cpu_seconds () - cores : seconds);
    total += seconds;
  }
  g_print ("%-44s %s %9.3f ms %8.2f GFLOP/s %7.2f GB/s%s\n", job->what,
      job->type == KILN_F16 ? "f16" : "f32", best * 1e3, flops / least * 1e-9,
      bytes / least * 1e-9, cpu ? " a core" : "");
}

/* ---- Entry points of the families */

/* The variant of that name, if it can do what the job wants. */
static const KilnVariant *
find_variant (const KilnOpClass *klass, const char *name, KilnDevice *device,
    KilnType type)
{
  for (const KilnVariant *v = klass->variants; v && v->name != NULL; v++)
    if (g_str_equal (v->name, name))
      return kiln_variant_supports (v, device, type) ? v : NULL;
  return NULL;
}

/* Where a device offers variants, a family is tried with each of them, so
 * not with what would be chosen. */
static gboolean
is_for (Check *self, const Way *way, const CheckJob *job)
{
  if (self->kernels != NULL && g_strcmp0 (self->kernels, way->kernels) != 0)
    return FALSE;
  if (way->kernels != NULL)
    return find_variant (job->klass, way->kernels, way->device, job->type)
        != NULL;
  return !way->not_software || job->klass->variants == NULL;
}

/* Whether the way's variant can do it; otherwise another would be tried once
 * more. */
static gboolean
suits (const Way *way, const CheckJob *job, const Prepared *prepared)
{
  const KilnShape *shapes[KILN_OP_MAX_INPUTS];
  KilnWork work;

  if (way->kernels == NULL)
    return TRUE;
  for (guint i = 0; i < job->n_inputs; i++)
    shapes[i] = prepared->inputs[i].buffer != NULL
        ? &prepared->inputs[i].shape : NULL;
  work = job->klass->work (job->params, shapes, &prepared->output.shape);
  return !isinf (job->klass->cost (find_variant (job->klass, way->kernels,
              way->device, job->type), way->device, &work));
}

/* The job's, and what the variant allows itself. */
static double
bound_of (const Way *way, const CheckJob *job)
{
  const KilnVariant *variant = way->kernels == NULL ? NULL
      : find_variant (job->klass, way->kernels, way->device, job->type);

  return variant != NULL ? hypot (job->bound, variant->error) : job->bound;
}

/* FALSE: there is nothing to run. */
static gboolean
run_on (Check *self, const Way *way, const CheckJob *job)
{
  g_auto (Prepared) prepared = { 0 };
  g_autoptr (GError) error = NULL;
  gboolean ready = prepare (way->device, job, &prepared, &error);

  if (ready && !suits (way, job, &prepared))
    return FALSE;
  self->n_run++;
  if (!ready || !record (way->device, job, &prepared, &error)
      || !kiln_commands_run (prepared.commands, NULL, &error)
      || (!self->bench && !compare (self, job, &prepared,
              bound_of (way, job), &error)))
    failed (self, job, "%s%s%s%s%s", error->message,
        way->small_windows ? ", in small windows" : "",
        way->not_software ? ", not as software" : "",
        way->kernels ? ", as " : "", way->kernels ? way->kernels : "");
  else if (self->bench)
    bench (way->device, job, &prepared);
  return TRUE;
}

void
check_run (Check *self, CheckJob *job)
{
  gboolean tried = FALSE;       /* with a variant */

  for (const Way *way = self->ways; way < self->ways + self->n_ways; way++) {
    if (!is_for (self, way, job) || (way->kernels && tried && job->once))
      continue;
    if (run_on (self, way, job) && way->kernels != NULL)
      tried = TRUE;
  }
  for (guint i = 0; i < job->n_inputs; i++)
    g_free (job->inputs[i].data);
}

void
check_refuses (Check *self, const char *what, const KilnOpClass *klass,
    gconstpointer params, const KilnShape *shapes, guint n_shapes)
{
  CheckJob job = { .what = what };
  const KilnShape *inputs[KILN_OP_MAX_INPUTS];
  KilnShape output = { .type = KILN_F32 };
  g_autoptr (GError) error = NULL;

  if (self->bench || !check_wants (self, what, KILN_F32))
    return;
  for (guint i = 0; i < n_shapes; i++)
    inputs[i] = shapes[i].channels > 0 ? &shapes[i] : NULL;
  self->n_run++;
  if (klass->infer (params, inputs, n_shapes, &output, &error))
    failed (self, &job, "it should be refused");
  else if (!g_error_matches (error, KILN_ERROR, KILN_ERROR_SHAPE))
    failed (self, &job, "it is refused with another error: %s",
        error->message);
  else if (self->verbose)
    g_print ("%-44s refused: %s\n", what, error->message);
}

/* ---- */

static void
set_or_unset (const char *name, const char *value)
{
  if (value != NULL)
    g_setenv (name, value, TRUE);
  else
    g_unsetenv (name);
}

static gboolean
add_way (Check *self, const char *which, Way way, GError **error)
{
  g_assert (self->n_ways < MAX_WAYS);
  set_or_unset ("KILN_MAX_STORAGE_RANGE",
      way.small_windows ? SMALL_RANGE : NULL);
  set_or_unset ("KILN_NOT_SOFTWARE", way.not_software ? "1" : NULL);
  set_or_unset ("KILN_KERNELS", way.kernels);
  way.device = kiln_device_open (which, error);
  if (way.device == NULL)
    return FALSE;
  self->ways[self->n_ways++] = way;
  return TRUE;
}

static gboolean
has_way (Check *self, const char *kernels)
{
  for (guint i = 0; i < self->n_ways; i++)
    if (g_strcmp0 (self->ways[i].kernels, kernels) == 0)
      return TRUE;
  return FALSE;
}

/* A way for each variant that the device offers. */
static gboolean
add_variants (Check *self, const char *which, gboolean not_software,
    GError **error)
{
  const KilnOpClass *const classes[] = {
    &kiln_matmul_class, &kiln_attention_class, &kiln_layer_norm_class
  };
  KilnDevice *device = self->ways[self->n_ways - 1].device;

  for (guint i = 0; i < G_N_ELEMENTS (classes); i++)
    for (const KilnVariant *v = classes[i]->variants; v->name != NULL; v++) {
      if (has_way (self, v->name)
          || (!kiln_variant_supports (v, device, KILN_F32)
              && !kiln_variant_supports (v, device, KILN_F16)))
        continue;
      if (!add_way (self, which, (Way) { TRUE, not_software, v->name }, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
open_devices (Check *self, const char *which, GError **error)
{
  gboolean cpu;

  if (self->bench) {
    /* As the environment says. */
    self->ways[0].device = kiln_device_open (which, error);
    self->n_ways = 1;
    return self->ways[0].device != NULL;
  }
  if (self->large)
    return add_way (self, which, (Way) { FALSE }, error);
  if (!add_way (self, which, (Way) { TRUE }, error))
    return FALSE;
  cpu = kiln_device_is_cpu (self->ways[0].device);
  if (self->quick)
    return add_way (self, which, (Way) { TRUE, cpu, "subgroup" }, error);
  if (!add_way (self, which, (Way) { FALSE }, error)
      || !add_variants (self, which, FALSE, error))
    return FALSE;
  return !cpu || (add_way (self, which, (Way) { TRUE, TRUE }, error)
      && add_variants (self, which, TRUE, error));
}

static void (*const families[]) (Check *self) = {
  check_matmul, check_normalization, check_attention, check_elementwise,
  check_resize, check_pixels, check_image, check_winograd, check_motion
};

int
main (int argc, char **argv)
{
  Check self = { 0 };
  g_autofree char *which = NULL;
  const GOptionEntry entries[] = {
    { "bench", 'b', 0, G_OPTION_ARG_NONE, &self.bench,
        "Measure instead of checking", NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &self.verbose,
        "Print every error", NULL },
    { "quick", 'q', 0, G_OPTION_ARG_NONE, &self.quick,
        "Only with small binding windows, and what has to do with subgroups",
        NULL },
    { "large", 'l', 0, G_OPTION_ARG_NONE, &self.large,
        "Also tensors that are larger than a binding", NULL },
    { "type", 't', 0, G_OPTION_ARG_STRING, &self.type,
        "Only this element type", "f32|f16" },
    { "only", 'o', 0, G_OPTION_ARG_STRING, &self.only,
        "Only what has this in its name", "TEXT" },
    { "kernels", 'k', 0, G_OPTION_ARG_STRING, &self.kernels,
        "Only this variant of kernels", "NAME" },
    { "device", 'd', 0, G_OPTION_ARG_STRING, &which,
        "Vulkan device: index, name or UUID", "DEVICE" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)
      || !open_devices (&self, which, &error)) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  for (guint i = 0; i < G_N_ELEMENTS (families); i++) {
    check_restart_numbers ();
    families[i] (&self);
  }
  g_print ("%u of %u failed\n", self.n_failed, self.n_run);
  for (guint i = 0; i < self.n_ways; i++)
    kiln_device_unref (self.ways[i].device);
  if (self.n_run > 0 || self.bench)
    return self.n_failed > 0;
  g_printerr ("Nothing was checked: the device does not offer this.\n");
  return SKIPPED;
}
