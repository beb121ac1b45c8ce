/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"
#include "ops/compare.h"
#include "ops/pixels.h"

#define BT601 0.299f, 0.114f
#define BT709 0.2126f, 0.0722f
#define BT2020 0.2627f, 0.0593f

static const struct
{
  const char *what;
  KilnPixels pixels;
} cases[] = {
  { "RGB 13x7", { KILN_PIXELS_PACKED, 13, 7, 3, FALSE, FALSE, 1, 0, 0, 0, TRUE } },
  { "BGR 8x1", { KILN_PIXELS_PACKED, 8, 1, 3, TRUE, FALSE, 1, 0, 0, 0, TRUE } },
  { "RGBx 9x5", { KILN_PIXELS_PACKED, 9, 5, 4, FALSE, FALSE, 1, 0, 0, 0, TRUE } },
  { "RGBA 1x1", { KILN_PIXELS_PACKED, 1, 1, 4, FALSE, TRUE, 1, 0, 0, 0, TRUE } },
  { "BGRA 64x48, video range", { KILN_PIXELS_PACKED, 64, 48, 4, TRUE, TRUE, 1, 0, 0, 0, FALSE } },
  { "YUY2 15x4", { KILN_PIXELS_YUY2, 15, 4, 0, FALSE, FALSE, 1, 0, BT601, FALSE } },
  { "I420 1x1", { KILN_PIXELS_PLANAR, 1, 1, 0, FALSE, FALSE, 1, 0, BT709, FALSE } },
  { "I420 33x17", { KILN_PIXELS_PLANAR, 33, 17, 0, FALSE, FALSE, 1, 0, BT601, FALSE } },
  { "I420 320x180, full range", { KILN_PIXELS_PLANAR, 320, 180, 0, FALSE, FALSE, 1, 0, BT709, TRUE } },
  { "NV12 18x9", { KILN_PIXELS_SEMIPLANAR, 18, 9, 0, FALSE, FALSE, 1, 0, BT709, FALSE } },
  { "I420_10LE 35x19", { KILN_PIXELS_PLANAR, 35, 19, 0, FALSE, FALSE, 2, 0, BT2020, FALSE } },
  { "P010 62x46", { KILN_PIXELS_SEMIPLANAR, 62, 46, 0, FALSE, FALSE, 2, 6, BT2020, FALSE } },
  { "P010 17x3, full range", { KILN_PIXELS_SEMIPLANAR, 17, 3, 0, FALSE, FALSE, 2, 6, BT709, TRUE } },
};

static void
check_read (Check *check, const char *name, const KilnPixels *pixels)
{
  KilnShape bytes = kiln_pixels_bytes_shape (pixels);
  g_autofree char *what = g_strconcat ("read ", name, NULL);
  CheckJob job = {
    .what = what, .klass = &kiln_pixels_read_class, .params = pixels,
    .type = KILN_F32, .n_inputs = 1, .reference = reference_pixels_read,
    .bound = 1e-6,
  };

  if (!check_wants (check, what, KILN_F32))
    return;
  job.inputs[0] = check_picture (1, 1, bytes.width, 4);
  check_run (check, &job);
}

/* What is out of range must be clamped. */
static void
check_write (Check *check, const char *name, const KilnPixels *pixels)
{
  g_autofree char *what = g_strconcat ("write ", name, NULL);
  CheckJob job = {
    .what = what, .klass = &kiln_pixels_write_class, .params = pixels,
    .type = KILN_F32, .n_inputs = 1, .reference = reference_pixels_write,
    .bound = 1e-3,
  };

  if (!check_wants (check, what, KILN_F32))
    return;
  job.inputs[0] = check_tensor (kiln_pixels_picture_shape (pixels), 0.5, 0.4);
  check_run (check, &job);
}

static void
check_compare (Check *check, guint32 height, guint32 width, guint32 cell)
{
  KilnShape shape = { KILN_F32, 1, height, width, 4 };
  KilnCompare compare = { cell };
  g_autofree char *what = g_strdup_printf ("compare %ux%u in cells of %u",
      width, height, cell);
  CheckJob job = {
    .what = what, .klass = &kiln_compare_class, .params = &compare,
    .type = KILN_F32, .n_inputs = 2, .reference = reference_compare,
    .bound = 2e-6,
  };

  if (!check_wants (check, what, KILN_F32))
    return;
  job.inputs[0] = check_tensor (shape, 0.5, 0.3);
  job.inputs[1] = check_tensor (shape, 0.5, 0.3);
  check_run (check, &job);
}

void
check_pixels (Check *check)
{
  KilnShape words = { KILN_U8, 1, 1, 12, 4 };
  KilnShape unlike[] = { { KILN_F32, 1, 4, 4, 4 }, { KILN_F32, 1, 4, 5, 4 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    check_read (check, cases[i].what, &cases[i].pixels);
    check_write (check, cases[i].what, &cases[i].pixels);
  }
  check_compare (check, 1, 1, 1);
  check_compare (check, 48, 64, 16);
  check_compare (check, 181, 321, 11);
  check_refuses (check, "comparison of unlike pictures", &kiln_compare_class,
      &(KilnCompare) { 2 }, unlike, 2);
  check_refuses (check, "read of too few bytes", &kiln_pixels_read_class,
      &cases[0].pixels, &words, 1);
  check_refuses (check, "write of bytes", &kiln_pixels_write_class,
      &cases[0].pixels, &words, 1);
}
