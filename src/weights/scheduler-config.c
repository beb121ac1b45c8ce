/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "svd-config.h"

void
svd_scheduler_config_init (SvdSchedulerConfig *config)
{
  config->sigma_min = 0.002;
  config->sigma_max = 700;
  config->rho = 7;
  config->leading_spacing = TRUE;
}

/* The key's value must be `only`. fallback is diffusers' default. */
static void
require (KilnConfigReader *reader, const char *key, const char *fallback,
    const char *only)
{
  const char *value = kiln_config_reader_string (reader, key, fallback);

  if (!g_str_equal (value, only))
    kiln_config_reader_fail (reader, "'%s' is '%s': only %s is supported, as "
        "in the published Stable Video Diffusion", key, value, only);
}

/* Sigmas must be Karras's: other schedules come from betas, which
 * continuous v-prediction models are not trained with. */
static void
check_schedule (KilnConfigReader *reader)
{
  gboolean karras = FALSE, exponential = FALSE, beta = FALSE;

  kiln_config_reader_boolean (reader, "use_karras_sigmas", &karras);
  kiln_config_reader_boolean (reader, "use_exponential_sigmas",
      &exponential);
  kiln_config_reader_boolean (reader, "use_beta_sigmas", &beta);
  if (!karras || exponential || beta)
    kiln_config_reader_fail (reader, "'use_karras_sigmas' must be true, and "
        "no other kind of sigmas chosen");
}

static void
read_sigmas (SvdSchedulerConfig *config, KilnConfigReader *reader)
{
  if (!kiln_config_reader_has (reader, "sigma_min")
      || !kiln_config_reader_has (reader, "sigma_max"))
    kiln_config_reader_fail (reader, "'sigma_min' and 'sigma_max' must be "
        "given");
  kiln_config_reader_double (reader, "sigma_min", 1e-6, 1e6,
      &config->sigma_min);
  kiln_config_reader_double (reader, "sigma_max", 1e-6, 1e6,
      &config->sigma_max);
  if (config->sigma_min >= config->sigma_max)
    kiln_config_reader_fail (reader, "'sigma_min' (%g) must be below "
        "'sigma_max' (%g)", config->sigma_min, config->sigma_max);
}

static void
read_spacing (SvdSchedulerConfig *config, KilnConfigReader *reader)
{
  const char *spacing = kiln_config_reader_string (reader,
      "timestep_spacing", "linspace");

  config->leading_spacing = g_str_equal (spacing, "leading");
  if (!config->leading_spacing && !g_str_equal (spacing, "linspace")
      && !g_str_equal (spacing, "trailing"))
    kiln_config_reader_fail (reader, "'timestep_spacing' is '%s', but must "
        "be leading, linspace or trailing", spacing);
}

gboolean
svd_scheduler_config_read (SvdSchedulerConfig *config,
    KilnConfigReader *reader, GError **error)
{
  svd_scheduler_config_init (config);
  require (reader, "_class_name", "EulerDiscreteScheduler",
      "EulerDiscreteScheduler");
  require (reader, "prediction_type", "epsilon", "v_prediction");
  require (reader, "timestep_type", "discrete", "continuous");
  require (reader, "interpolation_type", "linear", "linear");
  require (reader, "final_sigmas_type", "zero", "zero");
  check_schedule (reader);
  read_sigmas (config, reader);
  read_spacing (config, reader);
  return kiln_config_reader_finish (reader, error);
}
