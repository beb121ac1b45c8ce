/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Means and variances that keep their accuracy whatever the mean is: the
 * pairwise update of Chan, Golub and LeVeque (1979), four channels at once.
 * Four values at a time first, so that the divisions are few. */
#ifndef MOMENTS_GLSL
#define MOMENTS_GLSL

struct Moments {
  vec4 mean;
  vec4 m2;                      /* sum of squared distances from the mean */
  float n;
};

const Moments NO_MOMENTS = Moments (vec4 (0), vec4 (0), 0.0);

Moments merge (Moments a, vec4 mean, vec4 m2, float n)
{
  float total = a.n + n;
  float share = n / total;
  vec4 delta = mean - a.mean;
  return Moments (a.mean + delta * share,
      a.m2 + (m2 + delta * delta * (a.n * share)), total);
}

Moments merge_four (Moments a, vec4 x, vec4 y, vec4 z, vec4 w)
{
  vec4 mean = 0.25 * ((x + y) + (z + w));
  x -= mean;
  y -= mean;
  z -= mean;
  w -= mean;
  return merge (a, mean, (x * x + y * y) + (z * z + w * w), 4.0);
}

#endif
