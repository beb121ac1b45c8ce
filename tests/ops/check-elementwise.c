/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "reference.h"
#include "ops/elementwise.h"

/* ---- Affine */

typedef struct {
  const char *what;
  guint32 frames, height, width, channels;
  KilnAffine affine;            /* type: filled in */
  guint32 b_rows;               /* 0: no b */
  gboolean factor, only_bench, large;
} AffineCase;

static const AffineCase affine_cases[] = {
  { "affine convert", 2, 5, 7, 16, { 1, 0 } },
  { "affine convert, prime channels", 3, 5, 7, 13, { 1, 0 } },
  { "affine convert, one number", 1, 1, 1, 1, { 1, 0 } },
  { "affine sum", 2, 3, 5, 7, { 0.5f, -2 }, 30 },
  { "affine sum, a vector a frame", 3, 4, 5, 13, { 1, 1 }, 3 },
  { "affine sum, one vector", 2, 40, 40, 12, { 1, 0.5f }, 1 },
  { "affine sum, a vector for 5 rows", 4, 30, 30, 8, { 1, 1 }, 720 },
  { "affine factor", 2, 7, 7, 4, { 3, 0 }, 0, TRUE },
  { "affine factor and sum", 2, 7, 7, 20, { 0.5f, 1 }, 98, TRUE },
  { "affine SiLU", 1, 1, 9, 1280, { 1, 0, KILN_ACT_SILU } },
  { "affine GELU", 1, 3, 9, 7, { 1.5f, 0, KILN_ACT_GELU } },
  { "affine quick GELU of a sum", 1, 3, 9, 7, { 1, 1, KILN_ACT_QUICK_GELU }, 27 },
  { "affine past a binding", 11, 300, 301, 36, { 1, 1, KILN_ACT_SILU }, 11, TRUE, FALSE, TRUE },
  { "affine sum 14x16x16x64", 14, 16, 16, 64, { 1, 1 }, 3584, FALSE, TRUE },
  { "affine sum 4x128x128x64", 4, 128, 128, 64, { 1, 1 }, 65536, FALSE, TRUE },
  { "affine convert 4x128x128x64", 4, 128, 128, 64, { 1, 0 }, 0, FALSE, TRUE },
};

static void
check_affine (Check *check, const AffineCase *row, KilnType a, KilnType b,
    KilnType y)
{
  KilnAffine affine = row->affine;
  KilnShape a_shape = { a, row->frames, row->height, row->width, row->channels };
  KilnShape b_shape = { b, 1, 1, row->b_rows, row->channels };
  float factor = -0.75f;
  CheckJob job = {
    .what = row->what, .klass = &kiln_affine_class, .params = &affine,
    .type = y, .n_inputs = 3, .reference = reference_affine,
    .bound = y == KILN_F16 ? 4e-4 : 4e-7,
  };

  affine.type = y;
  job.inputs[0] = a == KILN_U8
      ? check_picture (row->frames, row->height, row->width, row->channels)
      : check_tensor (a_shape, 0, 2);
  if (row->b_rows > 0)
    job.inputs[1] = check_tensor (b_shape, 0, 2);
  if (row->factor)
    job.inputs[2] = check_numbers (&factor, 1);
  check_run (check, &job);
}

/* All types of a, b and y; bench and large ones only with equal types. */
static void
check_affine_types (Check *check, const AffineCase *row, KilnType y)
{
  gboolean few = row->only_bench || row->large;

  if (!check_wants (check, row->what, y)
      || (row->large && (y == KILN_F16 || !check_wants_large (check)))
      || (row->only_bench && !check_is_bench (check)))
    return;
  if (few) {
    check_affine (check, row, y, y, y);
    return;
  }
  for (KilnType a = KILN_F32; a <= KILN_U8; a++)
    for (KilnType b = KILN_F32; b <= (row->b_rows ? KILN_F16 : KILN_F32); b++)
      if (a != KILN_U8 || row->channels <= 4)
        check_affine (check, row, a, b, y);
}

/* ---- Pointwise */

typedef struct {
  const char *what;
  guint32 frames, height, width, channels;
  guint32 b_channels;           /* 0: no b */
  gboolean b_everywhere;
  KilnPointwise pointwise;
} PointwiseCase;

static const PointwiseCase pointwise_cases[] = {
  { "pointwise scaled slice", 2, 5, 7, 13, 0, FALSE, { { 5, 8, 1 }, .channels = 8 } },
  { "pointwise sum of slices", 2, 5, 7, 13, 9, FALSE, { { 4, 1, 0.5f }, { 3, 16, 0 }, 4 } },
  { "pointwise sum, prime channels", 1, 3, 3, 7, 7, FALSE, { { 0, 1, 0 }, { 0, -1, 0 }, 7 } },
  { "pointwise last slices", 1, 3, 3, 7, 6, FALSE, { { 6, 1, 0 }, { 5, 2, 0 }, 1 } },
  { "pointwise product with one channel", 2, 4, 5, 3, 13, FALSE, { { 0, 1, 0 }, { 4, -1, 1 }, 3, TRUE, TRUE } },
  { "pointwise product with a vector", 2, 4, 5, 7, 7, TRUE, { { 0, 1, 0 }, { 0, 1, 0 }, 7, TRUE } },
  { "pointwise product with one number", 1, 4, 5, 6, 1, TRUE, { { 1, 1, 0 }, { 0, 1, 0 }, 5, TRUE, TRUE } },
  { "pointwise sigmoid of a sum", 1, 3, 9, 5, 5, FALSE, { { 4, 1, 0 }, { 4, 1, 0 }, 1, .activation = KILN_ACT_SIGMOID } },
  { "pointwise leaky ReLU", 1, 3, 9, 7, 0, FALSE, { { 1, 1, 0 }, .channels = 6, .activation = KILN_ACT_LEAKY_RELU, .slope = 0.2f } },
  { "pointwise PReLU", 1, 3, 9, 7, 0, FALSE, { { 0, 1, 0 }, .channels = 7, .activation = KILN_ACT_PRELU } },
  { "pointwise 0 to 1", 1, 3, 9, 3, 0, FALSE, { { 0, 1, 0 }, .channels = 3, .activation = KILN_ACT_UNIT } },
  { "pointwise sum, many rows", 2, 60, 50, 13, 4, FALSE, { { 2, 1, 0 }, { 0, 8, 0 }, 4 } },
};

static void
check_pointwise (Check *check, const PointwiseCase *row, KilnType type)
{
  KilnShape a = { type, row->frames, row->height, row->width, row->channels };
  KilnShape b = a;
  CheckJob job = {
    .what = row->what, .klass = &kiln_pointwise_class,
    .params = &row->pointwise, .type = type, .n_inputs = 3,
    .reference = reference_pointwise,
    .bound = type == KILN_F16 ? 4e-4 : 4e-7,
  };

  if (!check_wants (check, row->what, type))
    return;
  b.channels = row->b_channels;
  if (row->b_everywhere)
    b.frames = b.height = b.width = 1;
  job.inputs[0] = check_tensor (a, 0, 1);
  if (row->b_channels > 0)
    job.inputs[1] = check_tensor (b, 0, 1);
  if (row->pointwise.activation == KILN_ACT_PRELU)
    job.inputs[2] = check_vector (row->pointwise.channels, 0.3, 0.3);
  check_run (check, &job);
}

/* ---- Concat, join, first: copies, so without any error */

typedef struct {
  const char *what;
  guint32 frames, height, width;
  guint32 channels[4];
  guint32 frames_of_second;     /* 0: as many as the first */
  gboolean only_bench, large;
} ConcatCase;

static const ConcatCase concat_cases[] = {
  { "concat 8 and 12", 2, 5, 7, { 8, 12 } },
  { "concat 13 and 7", 2, 5, 7, { 13, 7 } },
  { "concat 1 and 1", 3, 1, 1, { 1, 1 } },
  { "concat 1, 2, 3 and 5", 2, 3, 3, { 1, 2, 3, 5 } },
  { "concat 4, 4 and 1, second repeated", 3, 5, 4, { 4, 4, 1 }, 1 },
  { "concat 8 and 4, second repeated", 7, 40, 30, { 8, 4 }, 1 },
  { "concat 3 and 6 of 4000 rows", 1, 40, 100, { 3, 6 } },
  { "concat past a binding", 5, 400, 500, { 20, 16 }, 1, FALSE, TRUE },
  { "concat 14x16x16, 64 and 96", 14, 16, 16, { 64, 96 }, 0, TRUE },
};

static void
check_concat (Check *check, const ConcatCase *row, KilnType type)
{
  CheckJob job = {
    .what = row->what, .klass = &kiln_concat_class, .type = type,
    .reference = reference_concat,
  };

  if (!check_wants (check, row->what, type)
      || (row->large && (type == KILN_F16 || !check_wants_large (check)))
      || (row->only_bench && !check_is_bench (check)))
    return;
  for (guint i = 0; i < 4 && row->channels[i] > 0; i++) {
    KilnShape x = { type, row->frames, row->height, row->width, row->channels[i] };

    if (i == 1 && row->frames_of_second > 0)
      x.frames = row->frames_of_second;
    job.inputs[job.n_inputs++] = check_tensor (x, 0, 1);
  }
  check_run (check, &job);
}

static void
check_tokens (Check *check, KilnType type)
{
  KilnShape token = { type, 1, 1, 1, 13 }, patches = { type, 3, 7, 5, 13 };
  KilnFirst first = { 4 };
  CheckJob join = {
    .what = "join a token and patches", .klass = &kiln_join_class,
    .type = type, .n_inputs = 2, .reference = reference_join,
  };
  CheckJob few = {
    .what = "first 4 of 35", .klass = &kiln_first_class, .params = &first,
    .type = type, .n_inputs = 1, .reference = reference_first,
  };

  if (check_wants (check, join.what, type)) {
    join.inputs[0] = check_tensor (token, 0, 1);
    join.inputs[1] = check_tensor (patches, 0, 1);
    check_run (check, &join);
    join.inputs[0] = check_tensor (patches, 0, 1);
    join.inputs[1] = check_tensor (patches, 0, 1);
    check_run (check, &join);
  }
  if (check_wants (check, few.what, type)) {
    few.inputs[0] = check_tensor (patches, 0, 1);
    check_run (check, &few);
  }
}

/* ---- Sinusoid, Euler */

static void
check_sinusoid (Check *check, guint32 size, gboolean flatten, KilnType type)
{
  static const float values[] = {
    0, 1.6378f, -1.5537f, 6, 127, 0.02f, 1000, -998.7f, 31.4159f
  };
  KilnSinusoid sinusoid = { size, flatten };
  g_autofree char *what = g_strdup_printf ("sinusoid of %u%s", size,
      flatten ? ", flat" : "");
  /* The last bit of a frequency counts a thousand times. */
  CheckJob job = {
    .what = what, .klass = &kiln_sinusoid_class, .params = &sinusoid,
    .type = type, .n_inputs = 1, .reference = reference_sinusoid,
    .bound = type == KILN_F16 ? 4e-4 : 6e-6,
  };

  if (!check_wants (check, what, type))
    return;
  job.inputs[0] = check_numbers (values, G_N_ELEMENTS (values));
  check_run (check, &job);
}

typedef struct {
  const char *what;
  guint32 frames, height, width, channels;
  float sigmas[2];
  gboolean guided;
  double bound;
} EulerCase;

static const EulerCase euler_cases[] = {
  { "euler 700 to 300", 3, 5, 4, 4, { 700, 300.5f }, TRUE, 5e-7 },
  { "euler 1 to 0.5, prime channels", 3, 40, 31, 7, { 1, 0.5f }, TRUE, 5e-7 },
  { "euler 0.002 to 0", 2, 5, 4, 4, { 0.002f, 0 }, FALSE, 5e-7 },
  /* Numbers of 1 from the difference of two of 700, as in diffusers. */
  { "euler 700 to 0", 5, 5, 4, 16, { 700, 0 }, FALSE, 1e-4 },
  { "euler 0 to 0", 1, 5, 4, 4, { 0, 0 }, FALSE, 0 },
};

static void
check_euler (Check *check, const EulerCase *row)
{
  static const float guidance[] = { 1, 1.5f, 2, 2.5f, 3 };
  KilnShape shape = {
    KILN_F32, row->frames, row->height, row->width, row->channels
  };
  CheckJob job = {
    .what = row->what, .klass = &kiln_euler_class, .type = KILN_F32,
    .n_inputs = 5, .reference = reference_euler, .bound = row->bound,
  };

  if (!check_wants (check, row->what, KILN_F32))
    return;
  job.inputs[0] = check_tensor (shape, 0, row->sigmas[0] + 1);
  job.inputs[1] = check_tensor (shape, 0, 1);
  if (row->guided) {
    job.inputs[2] = check_tensor (shape, 0, 1);
    job.inputs[3] = check_numbers (guidance, row->frames);
  }
  job.inputs[4] = check_numbers (row->sigmas, 2);
  check_run (check, &job);
}

/* ---- */

static void
check_refusals (Check *check)
{
  KilnAffine affine = { 1, 1, KILN_ACT_GEGLU, KILN_F32 };
  KilnSinusoid odd = { 7 };
  KilnFirst first = { 17 };
  KilnPointwise pointwise = { { 5, 1, 0 }, { 0, 1, 0 }, 4 };
  KilnShape shapes[5] = {
    { KILN_F32, 1, 4, 4, 8 }, { KILN_F32, 1, 4, 3, 8 },
    { KILN_F32, 1, 1, 1, 2 }
  };

  check_refuses (check, "affine with GEGLU", &kiln_affine_class, &affine,
      shapes, 1);
  affine.activation = KILN_ACT_NONE;
  check_refuses (check, "affine of 16 rows and 12", &kiln_affine_class,
      &affine, shapes, 2);
  shapes[1] = shapes[0];
  check_refuses (check, "affine with two factors", &kiln_affine_class,
      &affine, shapes, 3);
  check_refuses (check, "pointwise of channels past the last",
      &kiln_pointwise_class, &pointwise, shapes, 1);
  check_refuses (check, "first 17 of 16", &kiln_first_class, &first, shapes,
      1);
  check_refuses (check, "concat of one", &kiln_concat_class, NULL, shapes, 1);
  shapes[1].width = 5;
  check_refuses (check, "concat of unlike pictures", &kiln_concat_class,
      NULL, shapes, 2);
  shapes[1] = (KilnShape) { KILN_F32, 1, 1, 3, 9 };
  check_refuses (check, "join of unlike tokens", &kiln_join_class, NULL,
      shapes, 2);
  check_refuses (check, "sinusoid of an odd size", &kiln_sinusoid_class,
      &odd, &shapes[2], 1);
  shapes[1] = shapes[0];
  shapes[4] = (KilnShape) { KILN_F32, 1, 1, 1, 3 };
  shapes[2].channels = 0;
  check_refuses (check, "euler with three sigmas", &kiln_euler_class, NULL,
      shapes, 5);
}

void
check_elementwise (Check *check)
{
  for (KilnType type = KILN_F32; type <= KILN_F16; type++) {
    for (guint i = 0; i < G_N_ELEMENTS (affine_cases); i++)
      check_affine_types (check, &affine_cases[i], type);
    for (guint i = 0; i < G_N_ELEMENTS (concat_cases); i++)
      check_concat (check, &concat_cases[i], type);
    for (guint i = 0; i < G_N_ELEMENTS (pointwise_cases); i++)
      check_pointwise (check, &pointwise_cases[i], type);
    check_tokens (check, type);
    check_sinusoid (check, 32, FALSE, type);
    check_sinusoid (check, 256, TRUE, type);
    check_sinusoid (check, 6, TRUE, type);
    check_sinusoid (check, 2, FALSE, type);
  }
  for (guint i = 0; i < G_N_ELEMENTS (euler_cases); i++)
    check_euler (check, &euler_cases[i]);
  check_refusals (check);
}
