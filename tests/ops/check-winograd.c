/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "reference.h"
#include "ops/winograd.h"

typedef struct {
  const char *what;
  guint32 frames, height, width, channels;
  KilnActivation activation;
  gboolean bias, row, residual, factor;
} Case;

static const Case cases[] = {
  { "Winograd, whole tiles", 1, 8, 12, 8, KILN_ACT_NONE, TRUE },
  { "Winograd, prime channels and sizes", 2, 7, 11, 5, KILN_ACT_NONE },
  { "Winograd of one pixel", 1, 1, 1, 4, KILN_ACT_NONE, TRUE },
  { "Winograd leaky ReLU, factors, rows", 2, 9, 6, 7, KILN_ACT_LEAKY_RELU, TRUE, TRUE, FALSE, TRUE },
  { "Winograd PReLU, residual", 1, 10, 13, 8, KILN_ACT_PRELU, TRUE, FALSE, TRUE, TRUE },
};

static void
check_in (Check *check, const Case *row, KilnType type)
{
  KilnShape x = { type, row->frames, row->height, row->width, row->channels };
  CheckJob job = {
    .what = row->what, .klass = &kiln_winograd_in_class, .type = type,
    .n_inputs = 1, .reference = reference_winograd_in,
    .bound = type == KILN_F16 ? 4e-4 : 4e-7,
  };

  job.inputs[0] = check_tensor (x, 0, 1);
  check_run (check, &job);
}

static void
check_out (Check *check, const Case *row, KilnType type)
{
  KilnShape y = { type, row->frames, row->height, row->width, row->channels };
  KilnShape x = {
    type, KILN_WINOGRAD_PLACES, 1,
    row->frames * ((row->height + 3) / 4) * ((row->width + 3) / 4),
    row->channels
  };
  KilnWinogradOut out = {
    row->frames, row->height, row->width, row->activation, 0.2f
  };
  CheckJob job = {
    .what = row->what, .klass = &kiln_winograd_out_class, .params = &out,
    .type = type, .n_inputs = KILN_WINOGRAD_N_INPUTS,
    .reference = reference_winograd_out,
    .bound = type == KILN_F16 ? 4e-4 : 1e-6,
  };

  job.inputs[KILN_WINOGRAD_X] = check_tensor (x, 0, 1);
  if (row->bias)
    job.inputs[KILN_WINOGRAD_BIAS] = check_vector (row->channels, 0, 1);
  if (row->row)
    job.inputs[KILN_WINOGRAD_ROW] = check_tensor (y, 0, 4);
  if (row->residual)
    job.inputs[KILN_WINOGRAD_RESIDUAL] = check_tensor (y, 0, 4);
  if (row->factor)
    job.inputs[KILN_WINOGRAD_FACTOR] = check_vector (row->channels, 0.5, 0.5);
  check_run (check, &job);
}

static void
check_refusals (Check *check)
{
  KilnWinogradOut out = { 1, 8, 8 };
  KilnShape shapes[KILN_WINOGRAD_N_INPUTS] = {
    { KILN_F32, 1, 4096, 4096, 64 }
  };

  check_refuses (check, "Winograd of more than a binding",
      &kiln_winograd_in_class, NULL, shapes, 1);
  shapes[0] = (KilnShape) { KILN_F32, KILN_WINOGRAD_PLACES, 1, 5, 8 };
  check_refuses (check, "Winograd back from too many tiles",
      &kiln_winograd_out_class, &out, shapes, KILN_WINOGRAD_N_INPUTS);
}

void
check_winograd (Check *check)
{
  for (KilnType type = KILN_F32; type <= KILN_F16; type++)
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
      if (check_wants (check, cases[i].what, type)) {
        check_in (check, &cases[i], type);
        check_out (check, &cases[i], type);
      }
  check_refusals (check);
}
