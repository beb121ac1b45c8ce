/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exp, sin and cos to about one unit in the last place. Vulkan asks little
 * of the built-in ones (sin and cos: 2^-11 absolute, and only to ±π). All
 * constants are split so that products of them with small whole numbers
 * are exact (Cody & Waite 1980): no fused multiply-add is needed. */
#ifndef TRIGONOMETRY_GLSL
#define TRIGONOMETRY_GLSL

/* e^x for x in ±80. */
float precise_exp (float x)
{
  precise float n = roundEven (x * 1.44269504);
  precise float r = (x - n * 0.693359375) - n * -2.12194440e-4;
  precise float p = 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = (p * r) * r + r;
  return ldexp (1.0 + p, int (n));
}

/* x, a multiple of π/2 and the remainder in ±π/4; for |x| up to 8192. */
float quarter_turns (float x, out float remainder)
{
  precise float n = roundEven (x * 0.636619772);
  precise float r = x - n * 1.5703125;
  r = r - n * 4.837512969970703125e-4;
  r = r - n * 7.54978995489188216e-8;
  remainder = r;
  return n;
}

/* (cos x, sin x), |x| up to 8192. Polynomials: Moshier, Cephes sinf. */
vec2 precise_cos_sin (float x)
{
  float r;
  int quadrant = int (quarter_turns (x, r)) & 3;
  precise float z = r * r;
  precise float s = ((-1.9515295891e-4 * z + 8.3321608736e-3) * z
      - 1.6666654611e-1) * z * r + r;
  precise float c = ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z
      + 4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
  vec2 turned = (quadrant & 1) == 0 ? vec2 (c, s) : vec2 (-s, c);
  return (quadrant & 2) == 0 ? turned : -turned;
}

#endif
