/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "reference.h"
#include "ops/image.h"

/* ---- Bilinear */

typedef struct {
  const char *what;
  guint32 frames, height, width, channels;
  KilnBilinear bilinear;
  gboolean only_bench, large;
} BilinearCase;

static const BilinearCase bilinear_cases[] = {
  { "bilinear down 8 times", 1, 32, 48, 7, { 4, 6 } },
  { "bilinear up 16 times", 2, 3, 5, 4, { 48, 80 } },
  { "bilinear up 2 times, 13 channels", 1, 7, 9, 13, { 14, 18 } },
  { "bilinear 11x7 to 5x9", 2, 11, 7, 3, { 5, 9 } },
  { "bilinear of one pixel", 1, 1, 1, 5, { 4, 3 } },
  { "bilinear to one pixel", 1, 6, 7, 5, { 1, 1 } },
  { "bilinear, many lines", 2, 90, 60, 8, { 181, 59 } },
  { "bilinear past a binding", 1, 1500, 1600, 16, { 1200, 1700 }, FALSE, TRUE },
  { "bilinear 40x22x16 up 16 times", 1, 22, 40, 13, { 352, 640 }, TRUE },
};

static void
check_bilinear (Check *check, const BilinearCase *row, KilnType type)
{
  KilnShape x = { type, row->frames, row->height, row->width, row->channels };
  CheckJob job = {
    .what = row->what, .klass = &kiln_bilinear_class,
    .params = &row->bilinear, .type = type, .n_inputs = 1,
    .reference = reference_bilinear,
    /* A position has 24 bits, of which a hundred pixels take 7. */
    .bound = type == KILN_F16 ? 4e-4 : row->large ? 1e-4 : 1e-5,
  };

  if (!check_wants (check, row->what, type)
      || (row->large && (type == KILN_F16 || !check_wants_large (check)))
      || (row->only_bench && !check_is_bench (check)))
    return;
  job.inputs[0] = check_tensor (x, 0, 1);
  check_run (check, &job);
}

/* ---- Warp */

typedef struct {
  const char *what;
  guint32 frames, height, width, channels, flow_channels;
  KilnWarp warp;
  double flow;                  /* pixels: RMS */
  gboolean only_bench, large;
} WarpCase;

static const WarpCase warp_cases[] = {
  { "warp", 1, 9, 11, 3, 4, { 0, 1 }, 3 },
  { "warp by the other flow, scaled", 2, 9, 11, 4, 13, { 2, 8 }, 0.5 },
  { "warp by a flow across vectors", 1, 8, 5, 7, 6, { 3, -1 }, 2 },
  { "warp of one pixel", 1, 1, 1, 5, 2, { 0, 1 }, 2 },
  { "warp far beyond the edges", 1, 12, 10, 4, 4, { 2, 1 }, 100 },
  { "warp, many lines", 2, 150, 70, 8, 4, { 0, 1 }, 40 },
  { "warp past a binding", 1, 1500, 1600, 16, 4, { 0, 1 }, 300, FALSE, TRUE },
  { "warp 640x352x3", 1, 352, 640, 3, 4, { 0, 1 }, 5, TRUE },
};

static void
check_warp (Check *check, const WarpCase *row, KilnType type)
{
  KilnShape x = { type, row->frames, row->height, row->width, row->channels };
  KilnShape flow = x;
  CheckJob job = {
    .what = row->what, .klass = &kiln_warp_class, .params = &row->warp,
    .type = type, .n_inputs = 2, .reference = reference_warp,
    /* A position has 24 bits, of which a thousand pixels take 10. */
    .bound = type == KILN_F16 ? 4e-4 : row->large ? 1e-4 : 1e-5,
  };

  if (!check_wants (check, row->what, type)
      || (row->large && (type == KILN_F16 || !check_wants_large (check)))
      || (row->only_bench && !check_is_bench (check)))
    return;
  flow.channels = row->flow_channels;
  job.inputs[0] = check_tensor (x, 0, 1);
  job.inputs[1] = check_tensor (flow, 0, row->flow);
  check_run (check, &job);
}

/* ---- Pixel shuffle, stack: copies, so without any error */

typedef struct {
  const char *what;
  guint32 frames, height, width, channels;
  KilnPixelShuffle shuffle;
} ShuffleCase;

static const ShuffleCase shuffle_cases[] = {
  { "pixel shuffle 2, 52 channels", 1, 5, 7, 52, { 2 } },
  { "pixel shuffle 2, many lines", 2, 60, 40, 20, { 2 } },
  { "pixel shuffle 3, 9 channels", 2, 4, 3, 9, { 3 } },
  { "pixel shuffle 1", 1, 4, 3, 5, { 1 } },
};

static void
check_shuffle (Check *check, const ShuffleCase *row, KilnType type)
{
  KilnShape x = { type, row->frames, row->height, row->width, row->channels };
  CheckJob job = {
    .what = row->what, .klass = &kiln_pixel_shuffle_class,
    .params = &row->shuffle, .type = type, .n_inputs = 1,
    .reference = reference_pixel_shuffle,
  };

  if (!check_wants (check, row->what, type))
    return;
  job.inputs[0] = check_tensor (x, 0, 1);
  check_run (check, &job);
}

typedef struct {
  const char *what;
  guint32 frames, height, width;
  guint32 channels[KILN_STACK_MAX_PARTS];
  guint everywhere;             /* bits: inputs of a single vector */
  KilnStack stack;
  gboolean only_bench, large;
} StackCase;

static const StackCase stack_cases[] = {
  { "stack 3 and 3 and 1 everywhere", 2, 5, 7, { 3, 3, 1 }, 4, { { { 0, 3 }, { 0, 3 }, { 0, 1 } }, 5, 7 } },
  { "stack of slices", 1, 5, 7, { 13, 4, 13, 9 }, 0, { { { 4, 1 }, { 2, 2 }, { 5, 8 }, { 8, 1 } }, 5, 7 } },
  { "stack of eight", 1, 6, 3, { 3, 3, 4, 4, 1, 13, 13, 4 }, 16, { { { 0, 3 }, { 0, 3 }, { 0, 4 }, { 0, 4 }, { 0, 1 }, { 4, 1 }, { 5, 8 }, { 0, 4 } }, 6, 3 } },
  { "stack, one slice", 1, 3, 4, { 7 }, 0, { { { 3, 3 } }, 3, 4 } },
  { "stack, one vector everywhere", 1, 1, 1, { 5 }, 1, { { { 1, 3 } }, 3, 4 } },
  { "stack, padded", 2, 5, 7, { 4 }, 0, { { { 0, 3 } }, 8, 16 } },
  { "stack, cut off", 2, 8, 16, { 3, 5 }, 0, { { { 0, 3 }, { 1, 1 } }, 5, 7 } },
  { "stack, many lines, padded", 2, 70, 50, { 5, 3 }, 0, { { { 1, 4 }, { 0, 2 } }, 99, 53 } },
  { "stack of 70 channels", 1, 9, 9, { 40, 40 }, 0, { { { 3, 37 }, { 7, 33 } }, 9, 9 } },
  { "stack past a binding", 1, 1500, 1600, { 20, 8 }, 0, { { { 3, 12 }, { 1, 4 } }, 1500, 1600 }, FALSE, TRUE },
  { "stack 640x352x28", 1, 352, 640, { 3, 3, 4, 4, 1, 13, 13, 4 }, 16, { { { 0, 3 }, { 0, 3 }, { 0, 4 }, { 0, 4 }, { 0, 1 }, { 4, 1 }, { 5, 8 }, { 0, 4 } }, 352, 640 }, TRUE },
};

static void
check_stack (Check *check, const StackCase *row, KilnType type)
{
  CheckJob job = {
    .what = row->what, .klass = &kiln_stack_class, .params = &row->stack,
    .type = type, .reference = reference_stack,
  };

  if (!check_wants (check, row->what, type)
      || (row->large && (type == KILN_F16 || !check_wants_large (check)))
      || (row->only_bench && !check_is_bench (check)))
    return;
  for (guint i = 0; i < KILN_STACK_MAX_PARTS && row->channels[i] > 0; i++) {
    KilnShape x = {
      type, row->frames, row->height, row->width, row->channels[i]
    };

    if (row->everywhere >> i & 1)
      x.frames = x.height = x.width = 1;
    job.inputs[job.n_inputs++] = check_tensor (x, 0, 1);
  }
  check_run (check, &job);
}

/* ---- */

static void
check_refusals (Check *check)
{
  KilnBilinear nothing = { 0, 4 };
  KilnWarp warp = { 3, 1 };
  KilnPixelShuffle shuffle = { 2 };
  KilnStack stack = { { { 0, 4 }, { 2, 3 } }, 4, 4 };
  KilnShape shapes[2] = {
    { KILN_F32, 1, 4, 4, 7 }, { KILN_F32, 1, 4, 4, 4 }
  };

  check_refuses (check, "bilinear to nothing", &kiln_bilinear_class,
      &nothing, shapes, 1);
  check_refuses (check, "warp by one channel", &kiln_warp_class, &warp,
      shapes, 2);
  check_refuses (check, "pixel shuffle of 7 channels",
      &kiln_pixel_shuffle_class, &shuffle, shapes, 1);
  check_refuses (check, "stack of channels past the last",
      &kiln_stack_class, &stack, shapes, 2);
  warp.flow_first = 0;
  shapes[1].width = 5;
  check_refuses (check, "warp by a wider flow", &kiln_warp_class, &warp,
      shapes, 2);
  stack.parts[1].first = 0;
  check_refuses (check, "stack of unlike sizes", &kiln_stack_class, &stack,
      shapes, 2);
}

void
check_image (Check *check)
{
  for (KilnType type = KILN_F32; type <= KILN_F16; type++) {
    for (guint i = 0; i < G_N_ELEMENTS (bilinear_cases); i++)
      check_bilinear (check, &bilinear_cases[i], type);
    for (guint i = 0; i < G_N_ELEMENTS (warp_cases); i++)
      check_warp (check, &warp_cases[i], type);
    for (guint i = 0; i < G_N_ELEMENTS (shuffle_cases); i++)
      check_shuffle (check, &shuffle_cases[i], type);
    for (guint i = 0; i < G_N_ELEMENTS (stack_cases); i++)
      check_stack (check, &stack_cases[i], type);
  }
  check_refusals (check);
}
