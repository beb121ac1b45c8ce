/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "half.h"

#include <math.h>

guint16
half_from_float (float value)
{
  guint16 sign = signbit (value) ? 0x8000 : 0;
  double size = fabs ((double) value);
  int exponent;
  double rounded;

  if (isnan (value))
    return sign | 0x7e00;
  if (size >= 65520.0)
    return sign | 0x7c00;
  if (size < ldexp (1.0, -14))  /* subnormal: whole multiples of 2^-24 */
    return sign | (guint16) nearbyint (ldexp (size, 24));
  frexp (size, &exponent);      /* size = [0.5, 1) · 2^exponent */
  rounded = nearbyint (ldexp (size, 11 - exponent));
  return sign | (guint16) (((exponent + 14) << 10) + (gint) rounded - 1024);
}

float
half_to_float (guint16 half)
{
  int exponent = half >> 10 & 31, fraction = half & 1023;
  float size;

  if (exponent == 31)
    size = fraction ? NAN : INFINITY;
  else if (exponent == 0)
    size = ldexpf (fraction, -24);
  else
    size = ldexpf (fraction + 1024, exponent - 25);
  return half & 0x8000 ? -size : size;
}
