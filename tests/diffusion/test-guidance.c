/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "../../src/diffusion/guidance.h"

static void
assert_scales (KilnGuidance guidance, double min, double max, guint n,
    const float *expected, gboolean on)
{
  float scales[16];

  g_assert_cmpuint (n, <=, G_N_ELEMENTS (scales));
  g_assert_cmpint (kiln_guidance_scales (guidance, min, max, n, scales), ==,
      on);
  for (guint i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon (scales[i], expected[i], 3e-7);
}

/* What torch.linspace gives in fp32. */
static void
test_linear (void)
{
  static const float seven[] = { 1.0f, 1.3333333730697632f,
    1.6666667461395264f, 2.0f, 2.3333332538604736f, 2.6666667461395264f, 3.0f
  };
  static const float fourteen[] = { 1.100000023841858f, 1.2230769395828247f,
    1.3461538553237915f, 1.4692307710647583f, 1.592307686805725f,
    1.715384602546692f, 1.8384615182876587f, 1.961538553237915f,
    2.084615468978882f, 2.2076923847198486f, 2.3307693004608154f,
    2.4538462162017822f, 2.576923131942749f, 2.700000047683716f
  };

  assert_scales (KILN_GUIDANCE_LINEAR, 1, 3, 7, seven, TRUE);
  assert_scales (KILN_GUIDANCE_LINEAR, 1.1, 2.7, 14, fourteen, TRUE);
}

static void
test_triangular (void)
{
  static const float five[] = { 1, 2, 3, 2, 1 };
  static const float four[] = { 1, 1 + 4.0f / 3, 1 + 4.0f / 3, 1 };

  assert_scales (KILN_GUIDANCE_TRIANGULAR, 1, 3, 5, five, TRUE);
  assert_scales (KILN_GUIDANCE_TRIANGULAR, 1, 3, 4, four, TRUE);
}

static void
test_constant (void)
{
  static const float expected[] = { 2.5f, 2.5f, 2.5f };

  assert_scales (KILN_GUIDANCE_CONSTANT, 1, 2.5, 3, expected, TRUE);
}

static void
test_off (void)
{
  static const float ones[] = { 1, 1, 1 };
  static const float below[] = { 0, 0.5f, 1 };

  assert_scales (KILN_GUIDANCE_LINEAR, 1, 1, 3, ones, FALSE);
  assert_scales (KILN_GUIDANCE_LINEAR, 0, 1, 3, below, FALSE);
  assert_scales (KILN_GUIDANCE_CONSTANT, 3, 1, 3, ones, FALSE);
}

/* Where diffusers fails. */
static void
test_single_frame (void)
{
  static const float one[] = { 1 }, two[] = { 2 }, falling[] = { 2, 1 };

  assert_scales (KILN_GUIDANCE_LINEAR, 1, 3, 1, one, FALSE);
  assert_scales (KILN_GUIDANCE_LINEAR, 2, 1, 1, two, TRUE);
  assert_scales (KILN_GUIDANCE_CONSTANT, 1, 2, 1, two, TRUE);
  assert_scales (KILN_GUIDANCE_TRIANGULAR, 1, 3, 1, one, FALSE);
  assert_scales (KILN_GUIDANCE_LINEAR, 2, 1, 2, falling, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/guidance/linear", test_linear);
  g_test_add_func ("/guidance/triangular", test_triangular);
  g_test_add_func ("/guidance/constant", test_constant);
  g_test_add_func ("/guidance/off", test_off);
  g_test_add_func ("/guidance/single-frame", test_single_frame);
  return g_test_run ();
}
