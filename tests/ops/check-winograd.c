/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "reference.h"
#include "ops/winograd.h"

enum { BIAS = 1, RESIDUAL = 2, RESIDUAL2 = 4, FACTOR = 8, ONLY_BENCH = 16 };

typedef struct {
  const char *what;
  guint32 frames, height, width, channels;
  KilnMatmul matmul;
  guint flags, row_vectors;
} Case;

#define CONV(n, ...) { .kind = KILN_MATMUL_CONV2D, .outputs = n, \
    .kernel = 3, .stride = 1, .pad = 1, .pad_end = 1, __VA_ARGS__ }

static const Case cases[] = {
  { "Winograd, whole tiles", 1, 8, 12, 8, CONV (8, .scale = 1), BIAS },
  { "Winograd, prime channels and sizes", 2, 7, 11, 5, CONV (13, .scale = 1), BIAS },
  { "Winograd of one pixel", 3, 1, 1, 4, CONV (4, .scale = 1), BIAS },
  { "Winograd, bands", 3, 70, 66, 24, CONV (40, .scale = 1), BIAS },
  { "Winograd, a vector a frame", 3, 21, 13, 8, CONV (12, .scale = 1), BIAS, 3 },
  { "Winograd, one vector, bands", 2, 44, 60, 16, CONV (20, .scale = 1), BIAS, 1 },
  { "Winograd leaky ReLU, factors, vectors for all", 2, 9, 6, 7, CONV (9, .activation = KILN_ACT_LEAKY_RELU, .slope = 0.2f, .scale = 1), BIAS | FACTOR, 108 },
  { "Winograd PReLU, residual", 1, 10, 13, 8, CONV (8, .activation = KILN_ACT_PRELU, .scale = 1, .residual_scale = 1), BIAS | FACTOR | RESIDUAL },
  { "Winograd, scales, two residuals, bands", 2, 50, 30, 12, CONV (16, .scale = 0.5f, .residual_scale = 0.3f, .residual2_scale = -2), RESIDUAL | RESIDUAL2 },
  { "Winograd after upsampling 2x", 2, 5, 6, 8, CONV (8, .scale = 1, .resize_height = 10, .resize_width = 12), BIAS },
  { "Winograd after upsampling to odd, bands", 2, 29, 33, 16, CONV (16, .scale = 1, .resize_height = 57, .resize_width = 65), BIAS },

  { "Winograd 14x16x16x64 to 64", 14, 16, 16, 64, CONV (64, .scale = 1), ONLY_BENCH | BIAS },
  { "Winograd 14x4x4x96 to 96", 14, 4, 4, 96, CONV (96, .scale = 1), ONLY_BENCH | BIAS },
  { "Winograd 1x128x128x64 to 64", 1, 128, 128, 64, CONV (64, .scale = 1), ONLY_BENCH | BIAS },
  { "Winograd 1x64x64x64 to 64, upsampled", 1, 32, 32, 64, CONV (64, .scale = 1, .resize_height = 64, .resize_width = 64), ONLY_BENCH | BIAS },
  { "Winograd 1x128x128x32 to 32", 1, 128, 128, 32, CONV (32, .scale = 1), ONLY_BENCH | BIAS },
  { "Winograd 1x64x64x320 to 320", 1, 64, 64, 320, CONV (320, .scale = 1), ONLY_BENCH | BIAS },
};

static KilnPack
weight_pack (const Case *row)
{
  return (KilnPack) {
    .packing = KILN_PACK_MATRIX, .type = KILN_F32,
    .outputs = row->matmul.outputs, .inputs = row->channels, .taps = 9,
    .winograd = TRUE
  };
}

static KilnShape
result_shape (const Case *row)
{
  const KilnMatmul *matmul = &row->matmul;

  return (KilnShape) {
    KILN_F32, row->frames,
    matmul->resize_height ? matmul->resize_height : row->height,
    matmul->resize_width ? matmul->resize_width : row->width, matmul->outputs
  };
}

static void
check_case (Check *check, const Case *row)
{
  KilnPack pack = weight_pack (row);
  KilnShape x = {
    KILN_F32, row->frames, row->height, row->width, row->channels
  };
  KilnShape y = result_shape (row);
  KilnShape vectors = { KILN_F32, 1, 1, row->row_vectors, y.channels };
  CheckJob job = {
    .what = row->what, .klass = &kiln_winograd_class,
    .params = &row->matmul, .type = KILN_F32,
    .n_inputs = KILN_MATMUL_N_INPUTS, .reference = reference_matmul,
    .bound = 4e-6,
  };

  if (!check_wants (check, row->what, KILN_F32)
      || (row->flags & ONLY_BENCH && !check_is_bench (check)))
    return;
  job.inputs[KILN_MATMUL_X] = check_tensor (x, 0, 1);
  job.inputs[KILN_MATMUL_WEIGHT] = check_weight (&pack, 0.1);
  if (row->flags & BIAS)
    job.inputs[KILN_MATMUL_BIAS] = check_vector (y.channels, 0, 1);
  if (row->flags & FACTOR)
    job.inputs[KILN_MATMUL_FACTOR] = check_vector (y.channels, 0.5, 0.5);
  if (row->flags & RESIDUAL)
    job.inputs[KILN_MATMUL_RESIDUAL] = check_tensor (y, 0, 1);
  if (row->flags & RESIDUAL2)
    job.inputs[KILN_MATMUL_RESIDUAL2] = check_tensor (y, 0, 1);
  if (row->row_vectors > 0)
    job.inputs[KILN_MATMUL_ROW] = check_tensor (vectors, 0, 1);
  check_run (check, &job);
}

static void
check_refusals (Check *check)
{
  KilnMatmul conv = CONV (16, .scale = 1);
  KilnShape shapes[KILN_MATMUL_N_INPUTS] = {
    { KILN_F32, 1, 9, 9, 12 }, { KILN_F32, 1, 2, 9 * 12, 8 },
  };

  check_refuses (check, "Winograd with kernels as they are",
      &kiln_winograd_class, &conv, shapes, KILN_MATMUL_N_INPUTS);
  shapes[KILN_MATMUL_WEIGHT] = (KilnShape) { KILN_F32, 36, 2, 8, 8 };
  check_refuses (check, "Winograd with kernels for other inputs",
      &kiln_winograd_class, &conv, shapes, KILN_MATMUL_N_INPUTS);
  shapes[KILN_MATMUL_WEIGHT].width = 12;
  conv.stride = 2;
  check_refuses (check, "Winograd of stride 2", &kiln_winograd_class, &conv,
      shapes, KILN_MATMUL_N_INPUTS);
}

void
check_winograd (Check *check)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check_case (check, &cases[i]);
  check_refusals (check);
}
