/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Activations; the numbers are those of KilnActivation. */
#ifndef ACTIVATION_GLSL
#define ACTIVATION_GLSL

const uint ACT_NONE = 0, ACT_SILU = 1, ACT_GELU = 2, ACT_QUICK_GELU = 3,
    ACT_GEGLU = 4, ACT_LEAKY_RELU = 5, ACT_PRELU = 6, ACT_SIGMOID = 7,
    ACT_UNIT = 8;

vec4 sigmoid (vec4 x) { return 1.0 / (1.0 + exp (-x)); }

/* Error function to 1.2e-7: Numerical Recipes' Chebyshev erfc. */
vec4 erf (vec4 x)
{
  vec4 z = abs (x);
  vec4 t = 1.0 / (1.0 + 0.5 * z);
  vec4 p = vec4 (0.17087277);
  p = p * t - 0.82215223;
  p = p * t + 1.48851587;
  p = p * t - 1.13520398;
  p = p * t + 0.27886807;
  p = p * t - 0.18628806;
  p = p * t + 0.09678418;
  p = p * t + 0.37409196;
  p = p * t + 1.00002368;
  p = p * t - 1.26551223;
  return sign (x) * (1.0 - t * exp (p - z * z));
}

vec4 gelu (vec4 x) { return 0.5 * x * (1.0 + erf (x * 0.70710678)); }

vec4 leaky (vec4 slope, vec4 x)
{
  return mix (x, slope * x, lessThan (x, vec4 (0)));
}

/* Those that need nothing but x. */
vec4 activate (uint activation, vec4 x)
{
  if (activation == ACT_SILU)
    return x * sigmoid (x);
  if (activation == ACT_GELU)
    return gelu (x);
  if (activation == ACT_QUICK_GELU)
    return x * sigmoid (1.702 * x);
  if (activation == ACT_SIGMOID)
    return sigmoid (x);
  if (activation == ACT_UNIT)
    return clamp (x, 0.0, 1.0);
  return x;
}

#endif
