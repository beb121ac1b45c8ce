/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "half.h"
#include "pack.h"
#include "winograd.h"

#define COLUMNS KILN_PACK_COLUMNS

/* So many numbers of each column are packed at a time: they stay in the
 * fastest cache. A multiple of the 9 taps that winograd transforms. */
#define RUN 72

static guint32
n_panels (const KilnPack *pack)
{
  if (pack->geglu)
    return (pack->outputs / 2 + 3) / 4;
  return (pack->outputs + COLUMNS - 1) / COLUMNS;
}

static guint32
padded_inputs (const KilnPack *pack)
{
  return (pack->inputs + 3u) & ~3u;
}

KilnShape
kiln_pack_shape (const KilnPack *pack)
{
  switch (pack->packing) {
    case KILN_PACK_MATRIX:
      return (KilnShape) {
        pack->type, pack->winograd ? KILN_WINOGRAD_PLACES : 1,
        n_panels (pack),
        (pack->winograd ? 1 : pack->taps) * padded_inputs (pack), COLUMNS
      };
    case KILN_PACK_VECTOR:
      return (KilnShape) { KILN_F32, 1, 1, 1, n_panels (pack) * COLUMNS };
    case KILN_PACK_ROWS:
      return (KilnShape) { pack->type, 1, 1, pack->outputs, pack->inputs };
  }
  g_assert_not_reached ();
}

guint32
kiln_pack_n_slices (const KilnPack *pack)
{
  switch (pack->packing) {
    case KILN_PACK_MATRIX:
      return (pack->winograd ? KILN_WINOGRAD_PLACES : 1) * n_panels (pack);
    case KILN_PACK_VECTOR:
      return n_panels (pack);
    case KILN_PACK_ROWS:
      return pack->outputs;
  }
  g_assert_not_reached ();
}

gsize
kiln_pack_slice_bytes (const KilnPack *pack)
{
  KilnShape shape = kiln_pack_shape (pack);

  switch (pack->packing) {
    case KILN_PACK_MATRIX:
      return shape.width * kiln_shape_row_bytes (&shape);
    case KILN_PACK_VECTOR:
      return COLUMNS * sizeof (float);
    case KILN_PACK_ROWS:
      return kiln_shape_row_bytes (&shape);
  }
  g_assert_not_reached ();
}

/* ---- Types */

/* Numbers in the type that is packed: of one column, or a panel's. */
typedef union {
  guint32 f32[RUN];
  guint16 f16[RUN];
} Run;

typedef union {
  guint32 f32[RUN][COLUMNS];
  guint16 f16[RUN][COLUMNS];
} Block;

#define SAME(bits) (bits)
#define BF16_WIDEN(bits) ((guint32) (bits) << 16)
#define BF16_TO_HALF(bits) kiln_half_narrow (BF16_WIDEN (bits))

/* Checkpoints' tensors may lie at any address. */
#define DEFINE_CONVERT(name, From, To, CONVERT)                         \
static void                                                             \
name (const guint8 *restrict source, guint n, To *restrict to)          \
{                                                                       \
  for (guint i = 0; i < n; i++) {                                       \
    From from;                                                          \
                                                                        \
    memcpy (&from, source + i * sizeof from, sizeof from);              \
    to[i] = CONVERT (from);                                             \
  }                                                                     \
}

DEFINE_CONVERT (f32_to_f32, guint32, guint32, SAME)
DEFINE_CONVERT (f16_to_f32, guint16, guint32, kiln_half_widen)
DEFINE_CONVERT (bf16_to_f32, guint16, guint32, BF16_WIDEN)
DEFINE_CONVERT (f32_to_f16, guint32, guint16, kiln_half_narrow)
DEFINE_CONVERT (f16_to_f16, guint16, guint16, SAME)
DEFINE_CONVERT (bf16_to_f16, guint16, guint16, BF16_TO_HALF)

static void
convert (KilnSourceType from, const guint8 *source, guint n, KilnType type,
    Run *run)
{
  gboolean to_f32 = type == KILN_F32;

  switch (from) {
    case KILN_SOURCE_F32:
      if (to_f32)
        f32_to_f32 (source, n, run->f32);
      else
        f32_to_f16 (source, n, run->f16);
      break;
    case KILN_SOURCE_F16:
      if (to_f32)
        f16_to_f32 (source, n, run->f32);
      else
        f16_to_f16 (source, n, run->f16);
      break;
    case KILN_SOURCE_BF16:
      if (to_f32)
        bf16_to_f32 (source, n, run->f32);
      else
        bf16_to_f16 (source, n, run->f16);
      break;
  }
}

/* ---- Outputs: what becomes a column or a row */

typedef struct {
  KilnSourceType type;
  const guint8 *data;           /* NULL: zeros */
  guint step;                   /* numbers from one to the next */
} Output;

static guint
source_size (KilnSourceType type)
{
  return type == KILN_SOURCE_F32 ? 4 : 2;
}

/* Output n, whose numbers are `depth`. */
static Output
find_output (const KilnPackPart *parts, guint n_parts, guint32 n,
    guint64 depth)
{
  for (guint i = 0; i < n_parts; i++) {
    const KilnPackPart *part = &parts[i];
    guint64 index = n - part->first_output;

    if (n < part->first_output || index >= part->n_outputs)
      continue;
    return (Output) {
      part->type,
      part->data + index * (part->transposed ? 1 : depth)
          * source_size (part->type),
      part->transposed ? part->n_outputs : 1
    };
  }
  return (Output) { 0 };
}

/* Numbers [first, first + n) of an output. */
static void
read_run (const Output *output, guint64 first, guint n, KilnType type,
    Run *run)
{
  guint size = source_size (output->type);
  const guint8 *source = output->data + first * output->step * size;
  guint8 gathered[sizeof (Run)];

  if (output->data == NULL) {
    memset (run, 0, n * kiln_type_size (type));
    return;
  }
  if (output->step > 1) {
    for (guint i = 0; i < n; i++, source += (gsize) output->step * size)
      memcpy (gathered + i * size, source, size);
    source = gathered;
  }
  convert (output->type, source, n, type, run);
}

/* ---- Panels */

/* The output that stands in a panel's column; outputs or more: none. */
static guint32
output_of (const KilnPack *pack, guint32 panel, guint32 column)
{
  guint32 half = pack->outputs / 2, n = panel * 4 + column % 4;

  if (!pack->geglu)
    return panel * COLUMNS + column;
  if (n >= half)
    return pack->outputs;
  return column < 4 ? n : half + n;
}

static void
find_columns (const KilnPack *pack, const KilnPackPart *parts, guint n_parts,
    guint32 panel, guint64 depth, Output columns[COLUMNS])
{
  for (guint c = 0; c < COLUMNS; c++)
    columns[c] =
        find_output (parts, n_parts, output_of (pack, panel, c), depth);
}

static void
transpose (const Run runs[COLUMNS], KilnType type, Block *block)
{
  if (type == KILN_F32)
    for (guint i = 0; i < RUN; i++)
      for (guint c = 0; c < COLUMNS; c++)
        block->f32[i][c] = runs[c].f32[i];
  else
    for (guint i = 0; i < RUN; i++)
      for (guint c = 0; c < COLUMNS; c++)
        block->f16[i][c] = runs[c].f16[i];
}

/* A checkpoint's next number is of the next tap, a panel's of the next
 * input: numbers [first, first + n) of each column. */
static void
scatter (const KilnPack *pack, const Block *block, guint64 first, guint n,
    guint8 *to)
{
  guint32 padded = padded_inputs (pack);
  guint32 tap = first % pack->taps, input = first / pack->taps;

  for (guint i = 0; i < n; i++) {
    gsize at = (gsize) tap * padded + input;

    /* Of constant sizes, which are no calls. */
    if (pack->type == KILN_F32)
      memcpy (to + at * sizeof block->f32[i], block->f32[i],
          sizeof block->f32[i]);
    else
      memcpy (to + at * sizeof block->f16[i], block->f16[i],
          sizeof block->f16[i]);
    if (++tap == pack->taps) {
      tap = 0;
      input++;
    }
  }
}

static void
pack_panel (const KilnPack *pack, const Output columns[COLUMNS], guint8 *to)
{
  guint64 depth = (guint64) pack->inputs * pack->taps;
  gsize row = COLUMNS * kiln_type_size (pack->type);
  guint32 padded = padded_inputs (pack);
  Run runs[COLUMNS];
  Block block;

  for (guint64 first = 0; first < depth; first += RUN) {
    guint n = MIN (RUN, depth - first);

    for (guint c = 0; c < COLUMNS; c++)
      read_run (&columns[c], first, n, pack->type, &runs[c]);
    transpose (runs, pack->type, &block);
    if (pack->taps == 1)
      memcpy (to + first * row, &block, n * row);
    else
      scatter (pack, &block, first, n, to);
  }
  for (guint32 tap = 0; tap < pack->taps; tap++)
    memset (to + ((gsize) tap * padded + pack->inputs) * row, 0,
        (padded - pack->inputs) * row);
}

/* ---- Winograd */

/* (G · kernel · Gᵀ) at the place. */
static float
transform_kernel (const guint32 kernel[9], guint place)
{
  static const float G[6][3] = {
    { 1 / 4.0f, 0, 0 },
    { -1 / 6.0f, -1 / 6.0f, -1 / 6.0f },
    { -1 / 6.0f, 1 / 6.0f, -1 / 6.0f },
    { 1 / 24.0f, 1 / 12.0f, 1 / 6.0f },
    { 1 / 24.0f, -1 / 12.0f, 1 / 6.0f },
    { 0, 0, 1 }
  };
  float sum = 0;

  for (guint y = 0; y < 3; y++)
    for (guint x = 0; x < 3; x++)
      sum += G[place / 6][y] * G[place % 6][x]
          * kiln_float_of_bits (kernel[y * 3 + x]);
  return sum;
}

static void
pack_transformed (const KilnPack *pack, const Output columns[COLUMNS],
    guint place, guint8 *to)
{
  const guint at_once = RUN / 9;
  gsize row = COLUMNS * kiln_type_size (pack->type);
  Run kernels, packed;

  memset (to + pack->inputs * row, 0,
      (padded_inputs (pack) - pack->inputs) * row);
  for (guint c = 0; c < COLUMNS; c++)
    for (guint32 input = 0; input < pack->inputs; input += at_once) {
      guint n = MIN (at_once, pack->inputs - input);
      float transformed[RUN / 9];

      read_run (&columns[c], (guint64) input * 9, n * 9, KILN_F32, &kernels);
      for (guint i = 0; i < n; i++)
        transformed[i] = transform_kernel (&kernels.f32[i * 9], place);
      convert (KILN_SOURCE_F32, (guint8 *) transformed, n, pack->type,
          &packed);
      for (guint i = 0; i < n; i++)
        memcpy (to + (input + i) * row + c * row / COLUMNS,
            (guint8 *) &packed + i * row / COLUMNS, row / COLUMNS);
    }
}

/* ---- Slices */

static void
pack_matrix_slice (const KilnPack *pack, const KilnPackPart *parts,
    guint n_parts, guint32 slice, guint8 *to)
{
  guint32 panels = n_panels (pack);
  Output columns[COLUMNS];

  find_columns (pack, parts, n_parts, slice % panels,
      (guint64) pack->inputs * pack->taps, columns);
  if (pack->winograd)
    pack_transformed (pack, columns, slice / panels, to);
  else
    pack_panel (pack, columns, to);
}

/* A panel of a matrix of one input. */
static void
pack_vector_slice (const KilnPack *pack, const KilnPackPart *parts,
    guint n_parts, guint32 slice, guint8 *to)
{
  Output columns[COLUMNS];
  Run run;

  find_columns (pack, parts, n_parts, slice, 1, columns);
  for (guint c = 0; c < COLUMNS; c++) {
    read_run (&columns[c], 0, 1, KILN_F32, &run);
    memcpy (to + c * sizeof (float), run.f32, sizeof (float));
  }
}

static void
pack_row_slice (const KilnPack *pack, const KilnPackPart *parts,
    guint n_parts, guint32 slice, guint8 *to)
{
  Output output = find_output (parts, n_parts, slice, pack->inputs);
  gsize size = kiln_type_size (pack->type);
  Run run;

  for (guint32 first = 0; first < pack->inputs; first += RUN) {
    guint n = MIN (RUN, pack->inputs - first);

    read_run (&output, first, n, pack->type, &run);
    memcpy (to + first * size, &run, n * size);
  }
  memset (to + pack->inputs * size, 0,
      (padded_inputs (pack) - pack->inputs) * size);
}

void
kiln_pack_slices (const KilnPack *pack, const KilnPackPart *parts,
    guint n_parts, guint32 first, guint32 n, guint8 *to)
{
  gsize slice_bytes = kiln_pack_slice_bytes (pack);

  for (guint32 slice = first; slice < first + n; slice++, to += slice_bytes)
    switch (pack->packing) {
      case KILN_PACK_MATRIX:
        pack_matrix_slice (pack, parts, n_parts, slice, to);
        break;
      case KILN_PACK_VECTOR:
        pack_vector_slice (pack, parts, n_parts, slice, to);
        break;
      case KILN_PACK_ROWS:
        pack_row_slice (pack, parts, n_parts, slice, to);
        break;
    }
}
