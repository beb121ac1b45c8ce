/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Expected values are diffusers 0.42.1's with SVD's scheduler_config. */

#include "../../src/diffusion/scheduler.h"

#include <math.h>

#include "../../src/device/error.h"

static void
assert_relative (double value, double expected, double tolerance)
{
  if (!(fabs (value - expected) <= tolerance * fmax (fabs (expected), 1e-3)))
    g_error ("%.9g is not %.9g", value, expected);
}

static KilnEulerSchedule *
karras (guint n_steps)
{
  g_autoptr (GError) error = NULL;
  KilnEulerSchedule *schedule = kiln_euler_schedule_new_karras (n_steps,
      0.002, 700, 7, TRUE, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (schedule->n_steps, ==, n_steps);
  return schedule;
}

static void
test_karras (void)
{
  static const double sigmas[6] = { 700, 134.8544464111328,
    15.589967727661133, 0.6781460046768188, 0.0020000000949949026, 0
  };
  static const double timesteps[5] = { 1.6377700567245483,
    1.2260489463806152, 0.6866568922996521, -0.09709817171096802,
    -1.553652048110962
  };
  g_autoptr (KilnEulerSchedule) schedule = karras (5);

  g_assert_cmpfloat (schedule->steps[4].sigma_next, ==, 0);
  assert_relative (schedule->init_noise_sigma, 700.000732421875, 1e-7);
  for (guint i = 0; i < 5; i++) {
    assert_relative (schedule->steps[i].sigma, sigmas[i], 1e-7);
    assert_relative (schedule->steps[i].sigma_next, sigmas[i + 1], 1e-7);
    assert_relative (schedule->steps[i].timestep, timesteps[i], 1e-6);
  }
}

/* A sample of 3 and a network that always answers -0.5. */
static void
test_steps (void)
{
  static const double inputs[5] = { 0.00428570993244648, 0.007278962526470423,
    0.03557254746556282, 0.4168163239955902, 0.6252427101135254
  };
  static const double samples[5] = { 0.9816274642944336, 0.5557145476341248,
    0.5036207437515259, 0.6252439618110657, 0.6262413859367371
  };
  g_autoptr (KilnEulerSchedule) schedule = karras (5);
  double sample = 3;

  for (guint i = 0; i < 5; i++) {
    const KilnEulerStep *step = &schedule->steps[i];

    assert_relative (sample * step->c_in, inputs[i], 1e-5);
    sample = sample * step->sample_scale - 0.5 * step->output_scale;
    assert_relative (sample, samples[i], 1e-5);
  }
}

static void
test_one_step (void)
{
  g_autoptr (KilnEulerSchedule) schedule = karras (1);

  g_assert_cmpfloat (schedule->steps[0].sigma, ==, 700);
  g_assert_cmpfloat (schedule->steps[0].sigma_next, ==, 0);
}

static void
test_plain_spacing (void)
{
  g_autoptr (KilnEulerSchedule) schedule =
      kiln_euler_schedule_new_karras (2, 0.002, 700, 7, FALSE, NULL);

  g_assert_cmpfloat (schedule->init_noise_sigma, ==, 700);
}

/* Align-Your-Steps: ten steps that end above zero. */
static void
test_custom (void)
{
  static const double sigmas[11] = { 700, 54.5, 15.886, 7.977, 4.248, 1.789,
    0.981, 0.403, 0.173, 0.034, 0.002
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnEulerSchedule) schedule =
      kiln_euler_schedule_new_custom (sigmas, 11, TRUE, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (schedule->n_steps, ==, 10);
  g_assert_cmpfloat (schedule->steps[9].sigma_next, ==, (float) 0.002);
  assert_relative (schedule->steps[1].timestep, 0.9995501637458801, 1e-6);
  assert_relative (schedule->steps[9].timestep, -0.8453486561775208, 1e-6);
  assert_relative (schedule->init_noise_sigma, 700.000732421875, 1e-7);
}

static void
assert_refused (const double *sigmas, guint n_sigmas)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kiln_euler_schedule_new_custom (sigmas, n_sigmas, TRUE,
          &error));
  g_assert_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT);
}

static void
test_bad_arguments (void)
{
  static const double rising[] = { 1, 2, 0 };
  static const double repeated[] = { 2, 1, 1 };
  static const double negative[] = { 2, 1, -1 };
  static const double early_zero[] = { 2, 0, 0 };
  const double not_a_number[] = { 2, NAN, 0 };
  const double infinite[] = { INFINITY, 1, 0 };
  g_autoptr (GError) error = NULL;

  assert_refused (rising, 3);
  assert_refused (repeated, 3);
  assert_refused (negative, 3);
  assert_refused (early_zero, 3);
  assert_refused (not_a_number, 3);
  assert_refused (infinite, 3);
  assert_refused (rising, 1);
  assert_refused (NULL, 0);
  g_assert_null (kiln_euler_schedule_new_karras (0, 0.002, 700, 7, TRUE,
          &error));
  g_assert_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/scheduler/karras", test_karras);
  g_test_add_func ("/scheduler/steps", test_steps);
  g_test_add_func ("/scheduler/one-step", test_one_step);
  g_test_add_func ("/scheduler/plain-spacing", test_plain_spacing);
  g_test_add_func ("/scheduler/custom", test_custom);
  g_test_add_func ("/scheduler/bad-arguments", test_bad_arguments);
  return g_test_run ();
}
