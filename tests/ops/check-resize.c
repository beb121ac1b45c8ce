/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "reference.h"
#include "ops/resize.h"

typedef struct {
  const char *what;
  guint32 frames, height, width, channels;
  gboolean vertical;
  guint32 outputs;
  gboolean fixed;               /* Lanczos; else antialiased bicubic */
  gboolean only_bench;
} Case;

static const Case cases[] = {
  { "Lanczos 37 to 16", 2, 9, 37, 3, FALSE, 16, TRUE },
  { "Lanczos 16 to 37", 1, 9, 16, 3, FALSE, 37, TRUE },
  { "Lanczos 41 to 8, vertical", 2, 41, 7, 3, TRUE, 8, TRUE },
  { "Lanczos 8 to 41, vertical", 1, 8, 7, 4, TRUE, 41, TRUE },
  { "Lanczos 1 to 9", 1, 3, 1, 1, FALSE, 9, TRUE },
  { "Lanczos 9 to 1", 1, 3, 9, 2, FALSE, 1, TRUE },
  { "Lanczos 300 to 32, many lines", 3, 40, 300, 3, FALSE, 32, TRUE },
  { "bicubic 100 to 31", 1, 9, 100, 3, FALSE, 31 },
  { "bicubic 10 to 31", 2, 9, 10, 3, FALSE, 31 },
  { "bicubic 100 to 31, vertical", 1, 100, 7, 4, TRUE, 31 },
  { "bicubic 10 to 31, vertical", 2, 10, 7, 7, TRUE, 31 },
  { "bicubic 3 to 7", 1, 2, 3, 3, FALSE, 7 },
  { "bicubic 2 to 1", 1, 2, 2, 3, FALSE, 1 },
  { "bicubic 900 to 20, many lines", 1, 60, 900, 3, FALSE, 20 },
  { "Lanczos 1920x1080 to 128 wide", 1, 1080, 1920, 3, FALSE, 128, TRUE, TRUE },
  { "bicubic 1920x1080 to 224 wide", 1, 1080, 1920, 3, FALSE, 224, FALSE, TRUE },
};

static CheckInput
table_input (const KilnFilter *filter)
{
  CheckInput input = {
    .kind = CHECK_TABLE, .shape = kiln_filter_table_shape (filter)
  };

  input.data = g_malloc (kiln_shape_bytes (&input.shape));
  kiln_filter_write_table (filter, input.data);
  return input;
}

static void
check_case (Check *check, const Case *row, KilnType x)
{
  guint32 inputs = row->vertical ? row->height : row->width;
  g_autoptr (KilnFilter) filter = row->fixed
      ? kiln_filter_new_lanczos (inputs, row->outputs)
      : kiln_filter_new_antialiased_bicubic (inputs, row->outputs);
  KilnResample resample = {
    row->outputs, filter->taps, row->vertical, row->fixed
  };
  KilnShape shape = { x, row->frames, row->height, row->width, row->channels };
  CheckJob job = {
    .what = row->what, .klass = &kiln_resample_class, .params = &resample,
    .type = KILN_F32, .n_inputs = 2, .reference = reference_resample,
    .bound = row->fixed ? 0 : 1e-6,
  };

  job.inputs[0] = x == KILN_U8
      ? check_picture (row->frames, row->height, row->width, row->channels)
      : check_tensor (shape, 0.5, 0.5);
  job.inputs[1] = table_input (filter);
  check_run (check, &job);
}

static void
check_refusals (Check *check)
{
  KilnResample resample = { 5, 3, FALSE, TRUE };
  KilnShape shapes[2] = {
    { KILN_F32, 1, 4, 4, 3 }, { KILN_F32, 1, 1, 5, 6 }
  };

  check_refuses (check, "Lanczos of fp32", &kiln_resample_class, &resample,
      shapes, 2);
  shapes[0].type = KILN_U8;
  shapes[1].width = 4;
  check_refuses (check, "Lanczos with another table", &kiln_resample_class,
      &resample, shapes, 2);
}

void
check_resize (Check *check)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    if (!check_wants (check, cases[i].what, KILN_F32)
        || (cases[i].only_bench && !check_is_bench (check)))
      continue;
    if (!cases[i].fixed)
      check_case (check, &cases[i], KILN_F32);
    if (cases[i].channels <= 4)
      check_case (check, &cases[i], KILN_U8);
  }
  check_refusals (check);
}
