/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "scheduler.h"

#include <math.h>

#include "../device/error.h"

/* The network predicts v: x0 = sample / (σ²+1) − v σ / √(σ²+1). Euler's step
 * to σ' along (sample − x0) / σ is then linear in sample and v. */
static KilnEulerStep
make_step (double sigma, double sigma_next)
{
  double variance = sigma * sigma + 1;
  double delta = sigma_next - sigma;
  KilnEulerStep step = {
    .sigma = sigma,
    .sigma_next = sigma_next,
    .timestep = 0.25 * log (sigma),
    .c_in = 1 / sqrt (variance),
    .sample_scale = 1 + delta * sigma / variance,
    .output_scale = delta / sqrt (variance),
  };

  return step;
}

/* n_steps + 1 sigmas, rounded to float by being stored so: GCC 12 loses the
 * rounding of a cast when it vectorises this. */
static KilnEulerSchedule *
make_schedule (const float *sigmas, guint n_steps, gboolean leading_spacing)
{
  KilnEulerSchedule *schedule = g_new (KilnEulerSchedule, 1);
  double first = sigmas[0];

  schedule->n_steps = n_steps;
  schedule->steps = g_new (KilnEulerStep, n_steps);
  for (guint i = 0; i < n_steps; i++)
    schedule->steps[i] = make_step (sigmas[i], sigmas[i + 1]);
  schedule->init_noise_sigma = leading_spacing ? sqrt (first * first + 1)
      : first;
  return schedule;
}

/* Karras et al. 2022, equation 5 */
static double
karras_sigma (double ramp, double sigma_min, double sigma_max, double rho)
{
  double low = pow (sigma_min, 1 / rho), high = pow (sigma_max, 1 / rho);

  return pow (high + ramp * (low - high), rho);
}

KilnEulerSchedule *
kiln_euler_schedule_new_karras (guint n_steps, double sigma_min,
    double sigma_max, double rho, gboolean leading_spacing, GError **error)
{
  g_autofree float *sigmas = NULL;

  if (n_steps < 1 || !(sigma_min > 0) || !(sigma_max >= sigma_min)
      || !isfinite (sigma_max) || !(rho > 0)) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT,
        "no schedule of %u steps from sigma %g to %g with rho %g: at least "
        "one step, positive sigmas, and a positive rho are needed", n_steps,
        sigma_max, sigma_min, rho);
    return NULL;
  }
  sigmas = g_new0 (float, (gsize) n_steps + 1);
  for (guint i = 0; i < n_steps; i++) {
    double ramp = n_steps > 1 ? (double) i / (n_steps - 1) : 0;

    sigmas[i] = (float) karras_sigma (ramp, sigma_min, sigma_max, rho);
  }
  return make_schedule (sigmas, n_steps, leading_spacing);
}

KilnEulerSchedule *
kiln_euler_schedule_new_custom (const double *sigmas, guint n_sigmas,
    gboolean leading_spacing, GError **error)
{
  g_autofree float *rounded = g_new (float, n_sigmas);

  if (n_sigmas < 2) {
    g_set_error_literal (error, KILN_ERROR, KILN_ERROR_ARGUMENT,
        "at least two sigmas are needed: one step leads from each to the "
        "next");
    return NULL;
  }
  for (guint i = 0; i < n_sigmas; i++)
    rounded[i] = (float) sigmas[i];
  for (guint i = 0; i < n_sigmas; i++) {
    gboolean last = i == n_sigmas - 1;

    if (isfinite (rounded[i])
        && (last ? rounded[i] >= 0 : rounded[i] > rounded[i + 1]))
      continue;
    g_set_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT,
        "sigma %g at place %u: sigmas must descend and be positive, except "
        "the last, which may be 0", sigmas[i], i + 1);
    return NULL;
  }
  return make_schedule (rounded, n_sigmas - 1, leading_spacing);
}

void
kiln_euler_schedule_free (KilnEulerSchedule *schedule)
{
  g_free (schedule->steps);
  g_free (schedule);
}
