/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "reference.h"
#include "ops/attention.h"

typedef struct {
  const char *what;
  guint32 frames, height, width, heads, d;
  gboolean temporal;
  double deviation;             /* of q, k and v: large ones make sharp softmaxes */
  gboolean only_bench, large, only_f32;
} Case;

/* A head's width is a shader (see check-matmul.c): few of them. */
static const Case cases[] = {
  { "attention 2x5x7, 2 heads of 16", 2, 5, 7, 2, 16, FALSE, 1 },
  { "attention one token", 3, 1, 1, 1, 16, FALSE, 1 },
  { "attention two tokens", 1, 1, 2, 3, 4, FALSE, 1 },
  { "attention 3 tokens, head of 20", 2, 1, 3, 1, 20, FALSE, 1 },
  { "attention 65 tokens, 2 heads of 20", 1, 5, 13, 2, 20, FALSE, 1 },
  { "attention head of 100", 1, 1, 21, 2, 100, FALSE, 1 },
  { "attention head of 260", 1, 2, 5, 1, 260, FALSE, 1, FALSE, FALSE, TRUE },
  { "attention sharp", 1, 6, 7, 2, 16, FALSE, 6 },
  { "attention 1024 tokens", 1, 32, 32, 1, 4, FALSE, 2 },
  { "temporal attention 14 frames", 14, 3, 5, 2, 16, TRUE, 1 },
  { "temporal attention 25 frames", 25, 2, 3, 1, 20, TRUE, 1 },
  { "temporal attention 50 frames", 50, 1, 3, 1, 4, TRUE, 1 },
  { "temporal attention one frame", 1, 3, 3, 2, 20, TRUE, 1 },
  { "temporal attention two frames", 2, 3, 7, 2, 16, TRUE, 1 },
  { "temporal attention 7 frames of 190", 7, 10, 19, 2, 20, TRUE, 1 },
  { "temporal attention past a binding", 9, 300, 301, 1, 16, TRUE, 1, FALSE, TRUE },
  { "attention 14x16x16, head of 64", 14, 16, 16, 1, 64, FALSE, 1, TRUE },
  { "attention 14x16x16, head of 96", 14, 16, 16, 1, 96, FALSE, 1, TRUE },
  { "attention 14x8x8, 2 heads of 48", 14, 8, 8, 2, 48, FALSE, 1, TRUE },
  { "attention 1x32x32, 5 heads of 64", 1, 32, 32, 5, 64, FALSE, 1, TRUE },
  { "attention 1x16x16, head of 512", 1, 16, 16, 1, 512, FALSE, 1, TRUE },
  { "temporal attention 14x16x16, head of 64", 14, 16, 16, 1, 64, TRUE, 1, TRUE },
  { "temporal attention 14x16x16, head of 96", 14, 16, 16, 1, 96, TRUE, 1, TRUE },
  { "temporal attention 25x16x16, 5 heads of 64", 25, 16, 16, 5, 64, TRUE, 1, TRUE },
};

static void
check_case (Check *check, const Case *row, KilnType type)
{
  KilnAttention attention = {
    .heads = row->heads, .temporal = row->temporal
  };
  KilnShape x = {
    type, row->frames, row->height, row->width, 3 * row->heads * row->d
  };
  CheckJob job = {
    .what = row->what, .klass = &kiln_attention_class, .params = &attention,
    .type = type, .n_inputs = 1, .reference = reference_attention,
    .bound = type == KILN_F16 ? 4e-4 : 2e-6,
  };

  if (!check_wants (check, row->what, type)
      || (row->only_f32 && type == KILN_F16)
      || (row->large && (type == KILN_F16 || !check_wants_large (check)))
      || (row->only_bench && !check_is_bench (check)))
    return;
  job.inputs[0] = check_tensor (x, 0, row->deviation);
  check_run (check, &job);
}

static void
check_refusals (Check *check)
{
  KilnAttention two = { .heads = 2 };
  KilnShape x = { KILN_F32, 1, 4, 4, 32 };

  check_refuses (check, "attention of no q, k and v", &kiln_attention_class,
      &two, &x, 1);
  x.channels = 3 * 15;
  check_refuses (check, "attention of 15 channels in 2 heads",
      &kiln_attention_class, &two, &x, 1);
  x.channels = 3 * 12;
  check_refuses (check, "attention with heads of 6", &kiln_attention_class,
      &two, &x, 1);
}

void
check_attention (Check *check)
{
  for (KilnType type = KILN_F32; type <= KILN_F16; type++)
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
      check_case (check, &cases[i], type);
  check_refusals (check);
}
