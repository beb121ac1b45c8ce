/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "../../src/diffusion/noise.h"

#include <math.h>

/* How far PyTorch's vectorised path may be away. */
#define TOLERANCE 1e-6

static void
assert_close (const float *values, const float *expected, guint n)
{
  for (guint i = 0; i < n; i++)
    if (!(fabsf (values[i] - expected[i]) <= TOLERANCE))
      g_error ("number %u is %.9g, not %.9g", i, values[i], expected[i]);
}

/* manual_seed(42), randn(18), randn(3): blocks of 16 with a redrawn tail,
 * then single numbers. */
static void
test_blocks (void)
{
  static const float first[18] = { 1.92691529f, 1.48728406f, -0.497397542f,
    0.439589262f, -0.758131146f, 1.07831764f, 0.800800562f, 1.68062055f,
    0.355859905f, -0.686622977f, 0.610466480f, 1.33473778f, -0.231624320f,
    0.0417594910f, -0.251575291f, 0.859858513f, -0.309726775f, -0.395710498f
  };
  static const float second[3] = { -0.421986043f, -1.33232415f,
    -0.363932282f
  };
  g_autoptr (KilnNoise) noise = kiln_noise_new (42);
  float values[18];

  kiln_noise_draw (noise, values, 18, NULL, NULL);
  assert_close (values, first, 18);
  kiln_noise_draw (noise, values, 3, NULL, NULL);
  assert_close (values, second, 3);
}

/* manual_seed(7), randn(3), randn(16), randn(2): the spare number of the
 * first draw's second pair survives the block. */
static void
test_spare (void)
{
  static const float first[3] = { -0.146795094f, 0.786141276f, 0.946821630f };
  static const float second[4] = { -0.176437929f, 1.75017238f, 1.93001688f,
    0.986111820f
  };
  static const float third[2] = { -1.11434400f, 0.137324095f };
  g_autoptr (KilnNoise) noise = kiln_noise_new (7);
  float values[16];

  kiln_noise_draw (noise, values, 3, NULL, NULL);
  assert_close (values, first, 3);
  kiln_noise_draw (noise, values, 16, NULL, NULL);
  assert_close (values, second, 4);
  kiln_noise_draw (noise, values, 2, NULL, NULL);
  assert_close (values, third, 2);
}

static void
test_seed_has_32_bits (void)
{
  g_autoptr (KilnNoise) small = kiln_noise_new (123);
  g_autoptr (KilnNoise) large =
      kiln_noise_new (123 + (G_GUINT64_CONSTANT (5) << 32));
  float a[20], b[20];

  kiln_noise_draw (small, a, 20, NULL, NULL);
  kiln_noise_draw (large, b, 20, NULL, NULL);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
}

/* After skipping, the stream goes on as after drawing. */
static void
test_skip (void)
{
  static const gsize sizes[] = { 0, 1, 2, 15, 16, 17, 31, 32, 607, 608, 609,
    623, 624, 625, 1247, 1248, 1249, 10007
  };
  g_autofree float *scratch = g_new (float, 10007);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (KilnNoise) drawn = kiln_noise_new (i);
    g_autoptr (KilnNoise) skipped = kiln_noise_new (i);
    float a[21], b[21];

    kiln_noise_draw (drawn, scratch, sizes[i], NULL, NULL);
    kiln_noise_skip (skipped, sizes[i]);
    kiln_noise_draw (drawn, a, 1, NULL, NULL);
    kiln_noise_draw (drawn, a + 1, 20, NULL, NULL);
    kiln_noise_draw (skipped, b, 1, NULL, NULL);
    kiln_noise_draw (skipped, b + 1, 20, NULL, NULL);
    g_assert_cmpmem (a, sizeof a, b, sizeof b);
  }
}

static void
test_cancel (void)
{
  const gsize n = 1 << 20;
  g_autofree float *values = g_new0 (float, n);
  g_autoptr (KilnNoise) noise = kiln_noise_new (1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (kiln_noise_draw (noise, values, n, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpfloat (values[n - 1], ==, 0);
}

static void
test_moments (void)
{
  const gsize n = 1 << 20;
  g_autofree float *values = g_new (float, n);
  g_autoptr (KilnNoise) noise = kiln_noise_new (1);
  double sum = 0, squares = 0;

  kiln_noise_draw (noise, values, n, NULL, NULL);
  for (gsize i = 0; i < n; i++) {
    g_assert_true (isfinite (values[i]));
    sum += values[i];
    squares += (double) values[i] * values[i];
  }
  g_assert_cmpfloat_with_epsilon (sum / n, 0, 0.005);
  g_assert_cmpfloat_with_epsilon (squares / n, 1, 0.01);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/noise/blocks", test_blocks);
  g_test_add_func ("/noise/spare", test_spare);
  g_test_add_func ("/noise/seed-has-32-bits", test_seed_has_32_bits);
  g_test_add_func ("/noise/skip", test_skip);
  g_test_add_func ("/noise/cancel", test_cancel);
  g_test_add_func ("/noise/moments", test_moments);
  return g_test_run ();
}
