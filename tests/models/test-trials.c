/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* svd-bench --tune: which of several variants is taken, and that a wrong one
 * is not, however fast. The variants here copy their input; some copy less,
 * or something else. */
#include "../../src/bench/measure.h"
#include "../../src/device/choices.h"
#include "../../src/ops/elementwise.h"

#include <string.h>

#define ANY_TYPE (1u << KILN_F32 | 1u << KILN_F16)

static const KilnOpClass copy_class;

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  KilnType type = output->shape.type;
  KilnWork work = { "copy", kiln_shape_rows (&output->shape) };
  const char *name =
      kiln_variant_choose (&copy_class, device, type, &work)->name;
  KilnAffine affine = { .a_scale = 1, .type = type };
  KilnView part = *output, rows = inputs[0];

  if (g_str_equal (name, "nothing"))
    return;
  if (g_str_equal (name, "all but a row"))
    part.shape.width = --rows.shape.width;
  if (g_str_equal (name, "other numbers"))
    affine.a_scale = 1.01f;
  if (g_str_equal (name, "nearly"))
    affine.a_scale = type == KILN_F16 ? 1.0004f : 1.000001f;
  if (g_str_equal (name, "failing"))
    kiln_recorder_take_error (recorder, g_error_new (KILN_ERROR,
            KILN_ERROR_UNSUPPORTED, "it does not compile"));
  kiln_affine_class.record (recorder, &affine, &rows, 1, &part, scratch);
}

static KilnWork
work (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return (KilnWork) { "copy", kiln_shape_rows (output) };
}

static double
cost (const KilnVariant *variant, KilnDevice *device, const KilnWork *work)
{
  return variant->depth;
}

static const KilnVariant variants[] = {
  { "nothing", .types = ANY_TYPE, .depth = 3 },
  { "all but a row", .types = ANY_TYPE, .depth = 3 },
  { "other numbers", .types = ANY_TYPE, .depth = 3 },
  { "failing", .types = ANY_TYPE, .depth = 3 },
  { "nearly", .types = ANY_TYPE, .depth = 1, .only_measured = TRUE },
  { "sure", .types = ANY_TYPE, .depth = 2 },
  { NULL }
};

static const KilnOpClass copy_class = {
  .name = "copy", .record = record, .variants = variants, .work = work,
  .cost = cost,
};

static KilnDevice *
open_device (void)
{
  g_autoptr (GError) error = NULL;
  KilnDevice *device = kiln_device_open (NULL, &error);

  g_assert_no_error (error);
  return device;
}

static const char *
refusal_of (const BenchRow *row, const char *variant)
{
  for (guint i = 0; i < row->n_trials; i++)
    if (g_str_equal (row->trials[i].variant, variant))
      return row->trials[i].refusal ? row->trials[i].refusal : "";
  g_assert_not_reached ();
}

static gboolean
says (const BenchRow *row, const char *variant, const char *what)
{
  return strstr (refusal_of (row, variant), what) != NULL;
}

static void
test_refused (gconstpointer data)
{
  KilnType type = GPOINTER_TO_UINT (data);
  g_autoptr (KilnDevice) device = open_device ();
  g_autoptr (GError) error = NULL;
  /* More than a piece that is compared at once. */
  KilnShape shape = { type, 1, 1, 150000, 4 };
  KilnOperation operation = {
    .klass = &copy_class, .n_inputs = 1, .inputs = { &shape },
    .output = shape,
  };
  BenchRow row = { 0 };

  bench_run_trials (device, &operation, 0, &row, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (row.n_trials, ==, 6);
  g_assert_true (says (&row, "nothing", "was not written"));
  g_assert_true (says (&row, "all but a row", "was not written"));
  g_assert_true (says (&row, "other numbers",
          "differs from that of sure by 1.0e-02"));
  g_assert_true (says (&row, "failing", "it does not compile"));
  g_assert_cmpstr (refusal_of (&row, "nearly"), ==, "");
  g_assert_cmpstr (refusal_of (&row, "sure"), ==, "");
  g_assert_true (g_str_equal (row.fastest->variant, "nearly")
      || g_str_equal (row.fastest->variant, "sure"));
  for (guint i = 0; i < row.n_trials; i++)
    g_free (row.trials[i].refusal);
}

/* What is only measured is the cheapest here, and taken only once it was. */
static void
test_only_measured (void)
{
  g_autoptr (KilnDevice) device = open_device ();
  KilnWork work = { "copy", 100 };
  g_autofree char *key = kiln_work_to_key (&work, KILN_F32);

  g_assert_cmpstr (kiln_variant_choose (&copy_class, device, KILN_F32,
          &work)->name, ==, "sure");
  kiln_device_set_choice (device, key, "nearly");
  g_assert_cmpstr (kiln_variant_choose (&copy_class, device, KILN_F32,
          &work)->name, ==, "nearly");
}

static void
test_named (void)
{
  g_autoptr (KilnDevice) device = NULL;
  KilnWork work = { "copy", 100 };

  g_setenv ("KILN_KERNELS", "nearly", TRUE);
  device = open_device ();
  g_unsetenv ("KILN_KERNELS");
  g_assert_cmpstr (kiln_variant_choose (&copy_class, device, KILN_F32,
          &work)->name, ==, "nearly");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* Variants for a software device say so; these are for any. */
  g_setenv ("KILN_NOT_SOFTWARE", "1", TRUE);
  g_test_add_data_func ("/trials/refused/f32", GUINT_TO_POINTER (KILN_F32),
      test_refused);
  g_test_add_data_func ("/trials/refused/f16", GUINT_TO_POINTER (KILN_F16),
      test_refused);
  g_test_add_func ("/trials/only-measured", test_only_measured);
  g_test_add_func ("/trials/named", test_named);
  return g_test_run ();
}
