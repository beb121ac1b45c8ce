/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "reference.h"
#include "ops/normalization.h"

typedef struct {
  const char *what;
  guint32 frames, height, width, channels, groups;
  gboolean all_frames, silu;
  double mean;                  /* of the numbers; their deviation is 1 */
  gboolean only_bench, large;
} GroupNormCase;

static const GroupNormCase group_norm_cases[] = {
  { "group norm 1x8x8x32", 1, 8, 8, 32, 32, FALSE, FALSE, 0 },
  { "group norm 3x5x7x24 by 8", 3, 5, 7, 24, 8, FALSE, TRUE, 0.5 },
  { "group norm 2x9x13x40 groups across vectors", 2, 9, 13, 40, 4, FALSE, TRUE, 0 },
  { "group norm one position", 4, 1, 1, 16, 4, FALSE, FALSE, 0 },
  { "group norm one row, all frames", 1, 1, 1, 12, 3, TRUE, FALSE, 0 },
  { "group norm prime channels", 2, 11, 6, 13, 1, FALSE, TRUE, 0 },
  { "group norm 7 channels by 7", 2, 11, 17, 7, 7, TRUE, TRUE, 0 },
  { "group norm one channel", 3, 6, 6, 1, 1, TRUE, FALSE, 0 },
  { "group norm 21 by 7, all frames", 5, 8, 9, 21, 7, TRUE, TRUE, 0 },
  { "group norm three levels", 3, 80, 60, 8, 2, TRUE, FALSE, 0 },
  { "group norm large mean", 2, 40, 30, 16, 4, TRUE, FALSE, 300 },
  { "group norm past a binding, all frames", 5, 260, 420, 64, 32, TRUE, TRUE, 3, FALSE, TRUE },
  { "group norm 14x16x16x64", 14, 16, 16, 64, 32, FALSE, TRUE, 0, TRUE },
  { "group norm 14x16x16x64 all frames", 14, 16, 16, 64, 32, TRUE, TRUE, 0, TRUE },
  { "group norm 4x128x128x64", 4, 128, 128, 64, 32, FALSE, TRUE, 0, TRUE },
};

static void
check_group_norm (Check *check, const GroupNormCase *row, KilnType type)
{
  KilnGroupNorm norm = {
    .groups = row->groups, .eps = 1e-5f, .all_frames = row->all_frames,
    .silu = row->silu
  };
  KilnShape x = { type, row->frames, row->height, row->width, row->channels };
  CheckJob job = {
    .what = row->what, .klass = &kiln_group_norm_class, .params = &norm,
    .type = type, .n_inputs = 3, .reference = reference_group_norm,
    /* The last bit of a mean of 300 is 3e-5. */
    .bound = type == KILN_F16 ? 4e-4 : row->mean > 100 ? 6e-5 : 1e-6,
  };

  if (!check_wants (check, row->what, type)
      || (row->large && (type == KILN_F16 || !check_wants_large (check)))
      || (row->only_bench && !check_is_bench (check)))
    return;
  job.inputs[0] = check_tensor (x, row->mean, 1);
  job.inputs[1] = check_vector (row->channels, 1, 0.5);
  job.inputs[2] = check_vector (row->channels, 0, 0.5);
  check_run (check, &job);
}

typedef struct {
  const char *what;
  guint32 rows, channels;
  double mean;
  gboolean only_bench;
} LayerNormCase;

static const LayerNormCase layer_norm_cases[] = {
  { "layer norm 17x64", 17, 64, 0 },
  { "layer norm one row of 320", 1, 320, 0.5 },
  { "layer norm 300x13", 300, 13, 0 },
  { "layer norm 33x7", 33, 7, 0 },
  { "layer norm 5x1", 5, 1, 0 },
  { "layer norm 9x3", 9, 3, 0 },
  { "layer norm 3x10000", 3, 10000, 1 },
  { "layer norm 3x1021, mean 300", 3, 1021, 300 },
  { "layer norm 3584x64", 3584, 64, 0, TRUE },
  { "layer norm 9216x320", 9216, 320, 0, TRUE },
};

static void
check_layer_norm (Check *check, const LayerNormCase *row, KilnType type)
{
  KilnLayerNorm norm = { .eps = 1e-5f };
  KilnShape x = { type, 1, 1, row->rows, row->channels };
  CheckJob job = {
    .what = row->what, .klass = &kiln_layer_norm_class, .params = &norm,
    .type = type, .n_inputs = 3, .reference = reference_layer_norm,
    .bound = type == KILN_F16 ? 4e-4 : row->mean > 100 ? 6e-5 : 1e-6,
  };

  if (!check_wants (check, row->what, type)
      || (row->only_bench && !check_is_bench (check)))
    return;
  job.inputs[0] = check_tensor (x, row->mean, 1);
  job.inputs[1] = check_vector (row->channels, 1, 0.5);
  job.inputs[2] = check_vector (row->channels, 0, 0.5);
  check_run (check, &job);
}

static void
check_refusals (Check *check)
{
  KilnGroupNorm norm = { .groups = 4, .eps = 1e-5f };
  KilnLayerNorm layer = { .eps = 1e-5f };
  KilnShape shapes[3] = {
    { KILN_F32, 1, 4, 4, 18 }, { KILN_F32, 1, 1, 1, 24 },
    { KILN_F32, 1, 1, 1, 24 }
  };

  check_refuses (check, "group norm of 18 channels by 4",
      &kiln_group_norm_class, &norm, shapes, 3);
  shapes[0].channels = 32;
  check_refuses (check, "group norm with a short gamma",
      &kiln_group_norm_class, &norm, shapes, 3);
  check_refuses (check, "layer norm with a short gamma",
      &kiln_layer_norm_class, &layer, shapes, 3);
  shapes[0] = (KilnShape) { KILN_U8, 1, 4, 4, 4 };
  check_refuses (check, "layer norm of a picture", &kiln_layer_norm_class,
      &layer, shapes, 3);
}

void
check_normalization (Check *check)
{
  for (KilnType type = KILN_F32; type <= KILN_F16; type++) {
    for (guint i = 0; i < G_N_ELEMENTS (group_norm_cases); i++)
      check_group_norm (check, &group_norm_cases[i], type);
    for (guint i = 0; i < G_N_ELEMENTS (layer_norm_cases); i++)
      check_layer_norm (check, &layer_norm_cases[i], type);
  }
  check_refusals (check);
}
