/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "half.h"

#include <math.h>
#include <string.h>

/* SplitMix64 (Steele, Lea & Flood 2014): the same numbers in every run. */
static guint64 state = 1;

static guint64
random_bits (void)
{
  guint64 z = state += 0x9e3779b97f4a7c15;

  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

void
check_restart_numbers (void)
{
  state = 1;
}

/* About normal, mean 0 and deviation 1: the sum of four uniform numbers. */
static double
random_normal (void)
{
  guint64 bits = random_bits ();
  gint64 sum = (bits & 0xffff) + (bits >> 16 & 0xffff)
      + (bits >> 32 & 0xffff) + (bits >> 48);

  return (sum - 2.0 * 65535) / (65536 * sqrt (1.0 / 3.0));
}

/* After so many, a prime, they begin again: large tensors are filled fast. */
#define PERIOD 1000003

static float *
random_numbers (guint64 n, KilnType type, double mean, double deviation)
{
  float *data = g_new (float, n);

  for (guint64 i = 0; i < MIN (n, PERIOD); i++) {
    data[i] = mean + deviation * random_normal ();
    if (type == KILN_F16)
      data[i] = half_to_float (half_from_float (data[i]));
  }
  for (guint64 i = PERIOD; i < n; i += PERIOD)
    memcpy (data + i, data, MIN (n - i, PERIOD) * sizeof *data);
  return data;
}

CheckInput
check_tensor (KilnShape shape, double mean, double deviation)
{
  guint64 n = kiln_shape_rows (&shape) * shape.channels;

  return (CheckInput) {
    .kind = CHECK_TENSOR, .shape = shape,
    .data = random_numbers (n, shape.type, mean, deviation)
  };
}

CheckInput
check_picture (guint32 frames, guint32 height, guint32 width,
    guint32 channels)
{
  KilnShape shape = { KILN_U8, frames, height, width, channels };
  guint64 n = kiln_shape_rows (&shape) * channels;
  CheckInput input = {
    .kind = CHECK_TENSOR, .shape = shape, .data = g_new (float, n)
  };

  /* Half of them black or white: overshoot must be clipped. */
  for (guint64 i = 0; i < n; i++) {
    guint64 bits = random_bits ();

    input.data[i] = bits & 256 ? bits & 255 : bits & 512 ? 255 : 0;
  }
  return input;
}

CheckInput
check_weight (const KilnPack *pack, double deviation)
{
  guint64 n = (guint64) pack->outputs
      * (pack->packing == KILN_PACK_VECTOR ? 1 : pack->inputs)
      * (pack->packing == KILN_PACK_MATRIX ? pack->taps : 1);

  return (CheckInput) {
    .kind = CHECK_WEIGHT, .pack = *pack,
    .data = random_numbers (n,
        pack->packing == KILN_PACK_VECTOR ? KILN_F32 : pack->type, 0,
        deviation)
  };
}

CheckInput
check_vector (guint32 n, double mean, double deviation)
{
  KilnPack pack = { .packing = KILN_PACK_VECTOR, .outputs = n };

  return (CheckInput) {
    .kind = CHECK_WEIGHT, .pack = pack,
    .data = random_numbers (n, KILN_F32, mean, deviation)
  };
}

CheckInput
check_numbers (const float *values, guint32 n)
{
  return (CheckInput) {
    .kind = CHECK_TENSOR, .shape = { KILN_F32, 1, 1, 1, n },
    .data = g_memdup2 (values, n * sizeof *values)
  };
}
