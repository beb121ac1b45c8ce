/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "reference.h"
#include "ops/matmul.h"

#include <math.h>

enum {
  BIAS = 1, RESIDUAL = 2, RESIDUAL2 = 4,
  ONLY_BENCH = 8, LARGE = 16, ONLY_F32 = 32, FACTOR = 64,
  EACH_VARIANT = 128            /* though its epilogue is the same in all */
};

typedef struct {
  const char *what;
  guint32 frames, height, width, channels;
  KilnMatmul matmul;
  guint flags, row_vectors;
} Case;

/* Every combination of activation and optional inputs is a shader that a
 * software device compiles for half a second, or two with fp16: few of
 * them, with many shapes.
 * What is 0 here and may not be is 1: see complete(). */
#define LINEAR(n, ...) { .kind = KILN_MATMUL_LINEAR, .outputs = n, \
    __VA_ARGS__ }
#define TEMPORAL(n, ...) { .kind = KILN_MATMUL_TEMPORAL, .outputs = n, \
    __VA_ARGS__ }
#define CONV(k, n, ...) { .kind = KILN_MATMUL_CONV2D, .kernel = k, \
    .outputs = n, __VA_ARGS__ }
#define TRANSPOSED(k, n, ...) { .kind = KILN_MATMUL_TRANSPOSED, .kernel = k, \
    .outputs = n, __VA_ARGS__ }

static const Case cases[] = {
  { "linear 1x1x17x64 to 32", 1, 1, 17, 64, LINEAR (32), BIAS },
  { "linear M=1", 1, 1, 1, 40, LINEAR (24), BIAS },
  { "linear M=1, prime", 1, 1, 1, 13, LINEAR (7) },
  { "linear one by one", 1, 1, 1, 1, LINEAR (1), BIAS },
  { "linear prime channels", 3, 5, 7, 13, LINEAR (11, .residual_scale = 1), ONLY_F32 | BIAS | RESIDUAL },
  { "linear GELU, a vector a frame", 3, 4, 5, 16, LINEAR (12, .activation = KILN_ACT_GELU), ONLY_F32 | BIAS, 3 },
  { "linear GELU, prime, one vector", 2, 3, 5, 21, LINEAR (13, .activation = KILN_ACT_GELU), ONLY_F32, 1 },
  { "linear quick GELU, two residuals, scales", 2, 4, 9, 24, LINEAR (20, .activation = KILN_ACT_QUICK_GELU, .scale = 0.3f, .residual_scale = 0.7f, .residual2_scale = -1.5f), ONLY_F32 | BIAS | RESIDUAL | RESIDUAL2 },
  { "linear SiLU, one vector, residual", 2, 3, 7, 12, LINEAR (9, .activation = KILN_ACT_SILU, .residual_scale = 1), BIAS | RESIDUAL, 1 },
  { "linear GEGLU, residual", 1, 1, 33, 16, LINEAR (24, .activation = KILN_ACT_GEGLU, .residual_scale = 0.5f), BIAS | RESIDUAL | EACH_VARIANT },
  { "linear GEGLU, prime, residual", 1, 2, 19, 7, LINEAR (13, .activation = KILN_ACT_GEGLU, .residual_scale = 1), RESIDUAL },
  { "linear 3000 rows", 1, 1, 3000, 12, LINEAR (24, .residual_scale = 1), ONLY_F32 | RESIDUAL },
  { "linear deep", 1, 1, 9, 5120, LINEAR (16), ONLY_F32 | BIAS },
  { "linear past a tile's columns", 1, 1, 100, 40, LINEAR (264), BIAS },

  { "linear GEGLU, whole panels, residual", 1, 1, 67, 24, LINEAR (40, .activation = KILN_ACT_GEGLU, .residual_scale = 1), BIAS | RESIDUAL },
  { "linear, a weight a frame, whole panels", 36, 1, 45, 8, LINEAR (16, .each_frame = TRUE) },
  { "linear, a transformed weight a frame", 36, 1, 15, 8, LINEAR (12, .each_frame = TRUE) },
  { "linear, a transformed weight a frame, prime", 36, 1, 4, 7, LINEAR (13, .each_frame = TRUE) },

  { "conv 3x3 pad 1", 2, 9, 11, 8, CONV (3, 16, .pad = 1, .pad_end = 1), BIAS },
  { "conv 3x3, prime channels", 1, 13, 6, 7, CONV (3, 13, .pad = 1, .pad_end = 1), BIAS },
  { "conv 3x3, one pixel", 3, 1, 1, 5, CONV (3, 8, .pad = 1, .pad_end = 1), BIAS },
  { "conv 3x3, one line", 2, 1, 37, 4, CONV (3, 8, .pad = 1, .pad_end = 1) },
  { "conv 3x3, one column", 2, 41, 1, 4, CONV (3, 8, .pad = 1, .pad_end = 1) },
  { "conv 3x3, no padding", 1, 7, 9, 4, CONV (3, 4), BIAS },
  { "conv 3x3 stride 2, pad 1", 2, 9, 12, 8, CONV (3, 8, .stride = 2, .pad = 1, .pad_end = 1), BIAS },
  { "conv 3x3 stride 2, pad 1, even", 2, 8, 10, 8, CONV (3, 8, .stride = 2, .pad = 1, .pad_end = 1), BIAS },
  { "conv 3x3 stride 2, pad right and bottom", 1, 8, 10, 12, CONV (3, 8, .stride = 2, .pad_end = 1), BIAS },
  { "conv 3x3 stride 2, pad right and bottom, odd", 2, 9, 7, 4, CONV (3, 8, .stride = 2, .pad_end = 1) },
  { "conv 1x1", 2, 5, 7, 20, CONV (1, 12), BIAS },
  { "conv 3x3, all of the epilogue", 3, 6, 7, 8, CONV (3, 12, .pad = 1, .pad_end = 1, .activation = KILN_ACT_SILU, .scale = 0.5f, .residual_scale = 0.25f, .residual2_scale = 2), BIAS | RESIDUAL | RESIDUAL2 | EACH_VARIANT, 3 },
  { "conv 3x3 past a tile's columns", 2, 7, 9, 16, CONV (3, 264, .pad = 1, .pad_end = 1), BIAS },
  { "conv 3x3 after upsampling 2x", 2, 5, 6, 8, CONV (3, 8, .pad = 1, .pad_end = 1, .resize_height = 10, .resize_width = 12), BIAS },
  { "conv 3x3 after upsampling to odd", 2, 5, 6, 8, CONV (3, 12, .pad = 1, .pad_end = 1, .resize_height = 9, .resize_width = 11), BIAS },
  { "conv 3x3 after upsampling 1 to 2", 1, 1, 1, 4, CONV (3, 4, .pad = 1, .pad_end = 1, .resize_height = 2, .resize_width = 2) },
  { "conv patches of 14", 1, 42, 28, 3, CONV (14, 24, .stride = 14), 0 },
  { "conv patches of 32", 1, 64, 96, 3, CONV (32, 16, .stride = 32), 0 },
  { "conv 3x3 of 90 lines", 2, 90, 33, 4, CONV (3, 8, .pad = 1, .pad_end = 1), BIAS },
  { "conv 3x3 of 90 lines, stride 2", 3, 90, 70, 4, CONV (3, 8, .stride = 2, .pad = 1, .pad_end = 1), BIAS },
  { "conv 3x3 of 90 lines, whole panels", 2, 90, 33, 8, CONV (3, 8, .pad = 1, .pad_end = 1), BIAS },
  { "conv 3x3 of 90 lines, stride 2, whole panels", 3, 90, 67, 8, CONV (3, 8, .stride = 2, .pad = 1, .pad_end = 1), BIAS },
  { "conv 3x3, stride 2 from 1 column, whole panels", 2, 5, 1, 8, CONV (3, 8, .stride = 2, .pad = 1, .pad_end = 1), BIAS },
  { "conv patches of 3, whole panels", 2, 13, 15, 8, CONV (3, 8, .stride = 3, .pad = 2), BIAS },
  { "conv 3x3, all of the epilogue, whole panels", 3, 6, 7, 8, CONV (3, 24, .pad = 1, .pad_end = 1, .activation = KILN_ACT_SILU, .scale = 0.5f, .residual_scale = 0.25f, .residual2_scale = 2), BIAS | RESIDUAL | RESIDUAL2, 3 },
  { "conv 3x3 leaky ReLU, factors, whole panels", 2, 9, 7, 8, CONV (3, 16, .pad = 1, .pad_end = 1, .activation = KILN_ACT_LEAKY_RELU, .slope = 0.2f), BIAS | FACTOR, 126 },
  { "conv 3x3 of 60 lines, upsampled", 2, 60, 50, 4, CONV (3, 4, .pad = 1, .pad_end = 1, .resize_height = 119, .resize_width = 100), BIAS },

  { "conv 3x3 leaky ReLU, factors, vectors for all rows", 2, 9, 7, 8, CONV (3, 12, .pad = 1, .pad_end = 1, .activation = KILN_ACT_LEAKY_RELU, .slope = 0.2f), BIAS | FACTOR, 126 },
  { "conv 3x3 leaky ReLU, factors, vectors for 60 lines", 1, 60, 50, 4, CONV (3, 5, .pad = 1, .pad_end = 1, .activation = KILN_ACT_LEAKY_RELU, .slope = 0.2f), BIAS | FACTOR, 3000 },
  { "conv 3x3 PReLU, residual", 1, 6, 7, 7, CONV (3, 13, .stride = 2, .pad = 1, .pad_end = 1, .activation = KILN_ACT_PRELU, .residual_scale = 1), BIAS | FACTOR | RESIDUAL },

  { "transposed 4x4 stride 2", 2, 5, 7, 8, TRANSPOSED (4, 12, .stride = 2, .pad = 1, .pad_end = 1), BIAS },
  { "transposed 4x4 stride 2, prime channels", 1, 6, 4, 7, TRANSPOSED (4, 5, .stride = 2, .pad = 1, .pad_end = 1), BIAS },
  { "transposed 3x3 stride 2, odd", 2, 4, 5, 4, TRANSPOSED (3, 8, .stride = 2, .pad = 1) },
  { "transposed 3x3 stride 3, one pixel", 1, 1, 1, 4, TRANSPOSED (3, 8, .stride = 3) },
  { "transposed 4x4 stride 2 of 70 lines, leaky ReLU", 2, 70, 33, 4, TRANSPOSED (4, 9, .stride = 2, .pad = 1, .pad_end = 1, .activation = KILN_ACT_LEAKY_RELU, .slope = 0.1f), BIAS },

  { "temporal 5 frames", 5, 3, 7, 8, TEMPORAL (16), BIAS },
  { "temporal one frame", 1, 4, 4, 12, TEMPORAL (8), BIAS },
  { "temporal two frames", 2, 3, 3, 7, TEMPORAL (5), BIAS },
  { "temporal, all of the epilogue", 4, 5, 3, 13, TEMPORAL (13, .activation = KILN_ACT_SILU, .scale = 0.4f, .residual_scale = 0.6f, .residual2_scale = 0.5f), ONLY_F32 | BIAS | RESIDUAL | RESIDUAL2, 4 },
  { "temporal 3 frames of 1500", 3, 30, 50, 8, TEMPORAL (8), BIAS },

  { "conv past a binding", 9, 512, 512, 16, CONV (3, 4, .pad = 1, .pad_end = 1), LARGE },
  { "temporal past a binding", 9, 512, 512, 16, TEMPORAL (4), LARGE },

  { "linear 512x512x512", 1, 1, 512, 512, LINEAR (512), ONLY_BENCH | BIAS },
  { "linear 3584x64 to 192", 14, 16, 16, 64, LINEAR (192), ONLY_BENCH },
  { "linear 3584x64 GEGLU to 256", 14, 16, 16, 64, LINEAR (256, .activation = KILN_ACT_GEGLU), ONLY_BENCH | BIAS },
  { "linear M=1 1280 to 1280", 1, 1, 1, 1280, LINEAR (1280), ONLY_BENCH | BIAS },
  { "conv 14x16x16x64 to 64", 14, 16, 16, 64, CONV (3, 64, .pad = 1, .pad_end = 1), ONLY_BENCH | BIAS },
  { "conv 1x128x128x64 to 64", 1, 128, 128, 64, CONV (3, 64, .pad = 1, .pad_end = 1), ONLY_BENCH | BIAS },
  { "conv 1x128x256x3 to 128", 1, 128, 256, 3, CONV (3, 128, .pad = 1, .pad_end = 1), ONLY_BENCH | BIAS },
  { "conv 1x128x128x64 to 3", 1, 128, 128, 64, CONV (3, 3, .pad = 1, .pad_end = 1), ONLY_BENCH | BIAS },
  { "conv 1x64x64x320 to 320", 1, 64, 64, 320, CONV (3, 320, .pad = 1, .pad_end = 1), ONLY_BENCH | BIAS },
  { "temporal 14x16x16x64 to 64", 14, 16, 16, 64, TEMPORAL (64), ONLY_BENCH | BIAS },
  { "temporal 4x256x256x3 to 3", 4, 256, 256, 3, TEMPORAL (3), ONLY_BENCH | BIAS },
  { "temporal 4x128x128x64 to 64", 4, 128, 128, 64, TEMPORAL (64), ONLY_BENCH | BIAS },
};

static KilnMatmul
complete (KilnMatmul matmul)
{
  if (matmul.scale == 0)
    matmul.scale = 1;
  if (matmul.stride == 0)
    matmul.stride = 1;
  return matmul;
}

static KilnPack
weight_pack (const Case *row, KilnType type)
{
  const KilnMatmul *matmul = &row->matmul;
  gboolean geglu = matmul->activation == KILN_ACT_GEGLU;

  return (KilnPack) {
    .packing = KILN_PACK_MATRIX, .type = type,
    .outputs = matmul->outputs * (geglu ? 2 : 1), .inputs = row->channels,
    .winograd = matmul->each_frame,
    .taps = matmul->each_frame ? 9 : matmul->kernel > 0 ? matmul->kernel * matmul->kernel
        : matmul->kind == KILN_MATMUL_TEMPORAL ? 3 : 1,
    .geglu = geglu,
  };
}

/* The result's shape, by the class itself: residuals need it. */
static KilnShape
result_shape (const Case *row, const KilnMatmul *matmul, KilnType type,
    const KilnPack *pack)
{
  KilnShape x = { type, row->frames, row->height, row->width, row->channels };
  KilnShape weight = kiln_pack_shape (pack), output = { type };
  KilnShape factor = { KILN_F32, 1, 1, 1, matmul->outputs };
  const KilnShape *shapes[KILN_MATMUL_N_INPUTS] = {
    [KILN_MATMUL_X] = &x,
    [KILN_MATMUL_WEIGHT] = &weight,
    [KILN_MATMUL_FACTOR] = row->flags & FACTOR ? &factor : NULL,
  };
  g_autoptr (GError) error = NULL;

  if (!kiln_matmul_class.infer (matmul, shapes, KILN_MATMUL_N_INPUTS,
          &output, &error))
    g_error ("%s: %s", row->what, error->message);
  return output;
}

static CheckInput
vector (const KilnPack *weight, double deviation)
{
  KilnPack pack = {
    .packing = KILN_PACK_VECTOR, .outputs = weight->outputs,
    .geglu = weight->geglu
  };

  return check_weight (&pack, deviation);
}

static void
add_rows (CheckJob *job, const Case *row, const KilnShape *y)
{
  if (row->row_vectors > 0) {
    KilnShape shape = { y->type, 1, 1, row->row_vectors, y->channels };

    job->inputs[KILN_MATMUL_ROW] = check_tensor (shape, 0, 1);
  }
  if (row->flags & RESIDUAL)
    job->inputs[KILN_MATMUL_RESIDUAL] = check_tensor (*y, 0, 1);
  if (row->flags & RESIDUAL2)
    job->inputs[KILN_MATMUL_RESIDUAL2] = check_tensor (*y, 0, 1);
}

static gboolean
has_epilogue (const Case *row)
{
  return row->matmul.activation != KILN_ACT_NONE || row->row_vectors > 0
      || (row->flags & (RESIDUAL | RESIDUAL2 | FACTOR)) != 0;
}

static void
check_case (Check *check, const Case *row, KilnType type)
{
  KilnMatmul matmul = complete (row->matmul);
  KilnPack pack = weight_pack (row, type);
  KilnShape x = { type, row->frames, row->height, row->width, row->channels };
  CheckJob job = {
    .what = row->what, .klass = &kiln_matmul_class, .params = &matmul,
    .type = type, .n_inputs = KILN_MATMUL_N_INPUTS,
    .reference = reference_matmul,
    .bound = type == KILN_F16 ? 4e-4
        : 1e-6 * sqrt (1 + pack.inputs * pack.taps / 1024),
    .once = has_epilogue (row) && !(row->flags & EACH_VARIANT),
  };
  KilnShape y;

  if (!check_wants (check, row->what, type)
      || (row->flags & (LARGE | ONLY_F32) && type == KILN_F16)
      || (row->flags & LARGE && !check_wants_large (check))
      || (row->flags & ONLY_BENCH && !check_is_bench (check)))
    return;
  y = result_shape (row, &matmul, type, &pack);
  job.inputs[KILN_MATMUL_X] = check_tensor (x, 0, 1);
  job.inputs[KILN_MATMUL_WEIGHT] = check_weight (&pack,
      1 / sqrt (pack.inputs * pack.taps));
  if (row->flags & BIAS)
    job.inputs[KILN_MATMUL_BIAS] = vector (&pack, 0.5);
  if (row->flags & FACTOR)
    job.inputs[KILN_MATMUL_FACTOR] = vector (&pack, 1);
  add_rows (&job, row, &y);
  check_run (check, &job);
}

static void
check_refusals (Check *check)
{
  KilnMatmul linear = LINEAR (16), conv = CONV (3, 16, .stride = 1);
  KilnShape shapes[KILN_MATMUL_N_INPUTS] = {
    { KILN_F32, 1, 1, 9, 12 }, { KILN_F32, 1, 2, 16, 8 },
  };

  check_refuses (check, "linear with a weight for other inputs",
      &kiln_matmul_class, &linear, shapes, KILN_MATMUL_N_INPUTS);
  shapes[KILN_MATMUL_WEIGHT].width = 12;
  shapes[KILN_MATMUL_RESIDUAL] = (KilnShape) { KILN_F32, 1, 1, 8, 16 };
  check_refuses (check, "linear with a short residual",
      &kiln_matmul_class, &linear, shapes, KILN_MATMUL_N_INPUTS);
  shapes[KILN_MATMUL_RESIDUAL].channels = 0;
  shapes[KILN_MATMUL_ROW] = (KilnShape) { KILN_F32, 1, 1, 2, 16 };
  check_refuses (check, "linear with 2 vectors for 9 rows",
      &kiln_matmul_class, &linear, shapes, KILN_MATMUL_N_INPUTS);
  shapes[KILN_MATMUL_ROW].channels = 0;
  shapes[KILN_MATMUL_WEIGHT].width = 9 * 12;
  check_refuses (check, "conv of a picture smaller than its kernel",
      &kiln_matmul_class, &conv, shapes, KILN_MATMUL_N_INPUTS);
  shapes[KILN_MATMUL_X].height = 9;
  conv.activation = KILN_ACT_PRELU;
  check_refuses (check, "conv with PReLU but no slopes",
      &kiln_matmul_class, &conv, shapes, KILN_MATMUL_N_INPUTS);
  shapes[KILN_MATMUL_ROW] = (KilnShape) { KILN_F32, 1, 1, 1, 16 };
  conv = (KilnMatmul) TRANSPOSED (3, 16, .stride = 1);
  check_refuses (check, "transposed with a row", &kiln_matmul_class, &conv,
      shapes, KILN_MATMUL_N_INPUTS);
}

void
check_matmul (Check *check)
{
  for (KilnType type = KILN_F32; type <= KILN_F16; type++)
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
      check_case (check, &cases[i], type);
  check_refusals (check);
}
