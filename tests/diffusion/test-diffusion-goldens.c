/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Noise and schedules against what tools/golden made with PyTorch and
 * diffusers: $SVD_GOLDEN_DIR/common/golden.safetensors. */

#include <math.h>
#include <stdio.h>

#include "../../src/diffusion/noise.h"
#include "../../src/diffusion/scheduler.h"
#include "../../src/weights/safetensors.h"

static KilnSafetensors *goldens;

/* The values of a tensor, copied because the file may not align them. */
static float *
get (const char *name, guint *n)
{
  const KilnSafetensorsEntry *entry = kiln_safetensors_find (goldens, name);

  g_assert_nonnull (entry);
  g_assert_cmpstr (entry->dtype, ==, "F32");
  *n = entry->info.size / sizeof (float);
  return g_memdup2 (entry->info.data, entry->info.size);
}

static void
assert_close (const char *name, const float *values, guint n,
    double absolute, double relative)
{
  guint n_expected;
  g_autofree float *expected = get (name, &n_expected);

  g_assert_cmpuint (n, ==, n_expected);
  for (guint i = 0; i < n; i++)
    if (!(fabs (values[i] - expected[i])
            <= absolute + relative * fabs (expected[i])))
      g_error ("%s[%u] is %.9g, not %.9g", name, i, values[i], expected[i]);
}

static void
check_draw (KilnNoise *noise, const char *name)
{
  const KilnSafetensorsEntry *entry = kiln_safetensors_find (goldens, name);
  guint n = entry->info.size / sizeof (float);
  g_autofree float *values = g_new (float, n);

  kiln_noise_draw (noise, values, n, NULL, NULL);
  assert_close (name, values, n, 1e-6, 0);
}

static void
test_noise (void)
{
  guint n_checked = 0;

  for (guint i = 0; i < kiln_safetensors_get_n_tensors (goldens); i++) {
    const char *name = kiln_safetensors_get_nth (goldens, i)->name;
    guint64 seed;

    if (sscanf (name, "noise/seed.%" G_GUINT64_FORMAT "/", &seed) == 1) {
      g_autoptr (KilnNoise) noise = kiln_noise_new (seed);

      check_draw (noise, name);
      n_checked++;
    }
  }
  g_assert_cmpuint (n_checked, >, 0);
}

static void
test_noise_order (void)
{
  g_autoptr (KilnNoise) noise = kiln_noise_new (42);

  check_draw (noise, "noise_order/augmentation");
  check_draw (noise, "noise_order/latents");
  check_draw (noise, "noise_order/third");
}

static void
check_member (const char *schedule, const char *member, const float *values,
    guint n, double absolute, double relative)
{
  g_autofree char *name = g_strdup_printf ("schedule/%s/%s", schedule, member);

  assert_close (name, values, n, absolute, relative);
}

static KilnEulerSchedule *
make_schedule (const char *name)
{
  g_autofree char *member = g_strdup_printf ("schedule/%s/sigmas", name);
  guint n_steps, n;
  g_autofree float *sigmas = get (member, &n);
  g_autofree double *doubles = g_new (double, n);

  if (sscanf (name, "steps.%u", &n_steps) == 1)
    return kiln_euler_schedule_new_karras (n_steps, 0.002, 700, 7, TRUE,
        NULL);
  for (guint i = 0; i < n; i++)
    doubles[i] = sigmas[i];
  return kiln_euler_schedule_new_custom (doubles, n, TRUE, NULL);
}

/* The levels and what the network is told. */
static void
check_levels (const char *name, const KilnEulerSchedule *schedule)
{
  guint n = schedule->n_steps;
  g_autofree float *sigmas = g_new (float, n + 1);
  g_autofree float *timesteps = g_new (float, n);
  float init = schedule->init_noise_sigma;

  for (guint i = 0; i < n; i++) {
    sigmas[i] = schedule->steps[i].sigma;
    sigmas[i + 1] = schedule->steps[i].sigma_next;
    timesteps[i] = schedule->steps[i].timestep;
  }
  check_member (name, "sigmas", sigmas, n + 1, 0, 1e-7);
  check_member (name, "timesteps", timesteps, n, 2e-7, 2e-7);
  check_member (name, "init_noise_sigma", &init, 1, 0, 1e-7);
}

/* Euler steps from the recorded start with the recorded outputs. diffusers
 * subtracts numbers near 2000 in fp32, hence the tolerance. */
static void
check_steps (const char *name, const KilnEulerSchedule *schedule)
{
  g_autofree char *outputs_name =
      g_strdup_printf ("schedule/%s/model_outputs", name);
  g_autofree char *samples_name =
      g_strdup_printf ("schedule/%s/samples", name);
  guint n_outputs, n_samples, n;
  g_autofree float *outputs = get (outputs_name, &n_outputs);
  g_autofree float *samples = get (samples_name, &n_samples);
  g_autofree float *scaled = g_new (float, n_outputs);

  n = n_outputs / schedule->n_steps;
  g_assert_cmpuint (n_samples, ==, n_outputs + n);
  for (guint i = 0; i < n_outputs; i++) {
    const KilnEulerStep *step = &schedule->steps[i / n];

    scaled[i] = samples[i] * step->c_in;
    samples[i + n] = samples[i] * step->sample_scale
        + outputs[i] * step->output_scale;
  }
  check_member (name, "scaled", scaled, n_outputs, 3e-4, 1e-6);
  check_member (name, "samples", samples, n_samples, 3e-4, 1e-6);
}

static void
test_schedules (void)
{
  guint n_checked = 0;

  for (guint i = 0; i < kiln_safetensors_get_n_tensors (goldens); i++) {
    const char *full = kiln_safetensors_get_nth (goldens, i)->name;
    g_auto (GStrv) parts = g_strsplit (full, "/", -1);

    if (g_strv_length (parts) == 3 && g_str_equal (parts[0], "schedule")
        && g_str_equal (parts[2], "sigmas")) {
      g_autoptr (KilnEulerSchedule) schedule = make_schedule (parts[1]);

      g_assert_nonnull (schedule);
      check_levels (parts[1], schedule);
      check_steps (parts[1], schedule);
      n_checked++;
    }
  }
  g_assert_cmpuint (n_checked, >, 0);
}

int
main (int argc, char **argv)
{
  const char *folder = g_getenv ("SVD_GOLDEN_DIR");
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  path = g_build_filename (folder ? folder : "", "common",
      "golden.safetensors", NULL);
  if (!folder || !g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_print ("Bail out! There are no goldens: SVD_GOLDEN_DIR must be the "
        "folder that \"python3 tools/golden/make.py FOLDER\" has made\n");
    return 1;
  }
  goldens = kiln_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_test_add_func ("/goldens/noise", test_noise);
  g_test_add_func ("/goldens/noise-order", test_noise_order);
  g_test_add_func ("/goldens/schedules", test_schedules);
  result = g_test_run ();
  kiln_safetensors_unref (goldens);
  return result;
}
