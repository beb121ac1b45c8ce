/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Euler's method over EDM sigmas with v-prediction and continuous
 * timesteps: diffusers' EulerDiscreteScheduler as Stable Video Diffusion
 * configures it. Karras et al. 2022, "Elucidating the Design Space of
 * Diffusion-Based Generative Models", equation 5 and algorithm 1.
 *
 * Computed in double from sigmas that are rounded to float as diffusers
 * does. */
typedef struct {
  double sigma, sigma_next;     /* noise levels before and after the step */
  double timestep;              /* 0.25 ln sigma: what the network is told */
  double c_in;                  /* network input = sample × c_in */
  /* next sample = sample × sample_scale + network output × output_scale,
   * equation (3) and the Euler step in one. */
  double sample_scale, output_scale;
} KilnEulerStep;

typedef struct {
  guint n_steps;
  KilnEulerStep *steps;
  double init_noise_sigma;      /* the first sample = noise × this */
} KilnEulerSchedule;

/* n_steps sigmas from sigma_max to sigma_min (one step: sigma_max alone)
 * and a final 0. leading_spacing chooses init_noise_sigma: sqrt(σ²+1), or
 * σ without it. Errors: KILN_ERROR_ARGUMENT. */
KilnEulerSchedule *kiln_euler_schedule_new_karras (guint n_steps,
    double sigma_min, double sigma_max, double rho, gboolean leading_spacing,
    GError **error);

/* n_sigmas − 1 steps over the given sigmas, which must descend; none is
 * appended. The last may be 0. Errors: KILN_ERROR_ARGUMENT. */
KilnEulerSchedule *kiln_euler_schedule_new_custom (const double *sigmas,
    guint n_sigmas, gboolean leading_spacing, GError **error);

void kiln_euler_schedule_free (KilnEulerSchedule *schedule);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnEulerSchedule, kiln_euler_schedule_free)

G_END_DECLS
