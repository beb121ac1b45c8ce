/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exact place of every number in packed weights, from sources of every
 * type. Packing is no operation of the graph: one is made of it here. */
#include "check.h"
#include "half.h"
#include "reference.h"

#include <string.h>

typedef struct {
  const char *what;
  KilnPack pack;                /* type: filled in */
  guint parts;
} Case;

static const Case cases[] = {
  { "pack matrix 16x8", { KILN_PACK_MATRIX, 0, 16, 8, 1 }, 1 },
  { "pack matrix 13x7x9", { KILN_PACK_MATRIX, 0, 13, 7, 9 }, 1 },
  { "pack matrix 1x1", { KILN_PACK_MATRIX, 0, 1, 1, 1 }, 1 },
  { "pack matrix transposed", { KILN_PACK_MATRIX, 0, 11, 10, 1, FALSE, TRUE }, 1 },
  { "pack matrix stacked, 3 of 12", { KILN_PACK_MATRIX, 0, 36, 5, 1 }, 3 },
  { "pack matrix stacked, 3 of 4, transposed", { KILN_PACK_MATRIX, 0, 12, 6, 1, FALSE, TRUE }, 3 },
  { "pack matrix GEGLU 2x13", { KILN_PACK_MATRIX, 0, 26, 9, 1, TRUE }, 1 },
  { "pack matrix 100x40x9", { KILN_PACK_MATRIX, 0, 100, 40, 9 }, 1 },
  { "pack vector 13", { KILN_PACK_VECTOR, 0, 13 }, 1 },
  { "pack vector GEGLU 2x6", { KILN_PACK_VECTOR, 0, 12, 0, 0, TRUE }, 1 },
  { "pack vector stacked, 3 of 12", { KILN_PACK_VECTOR, 0, 36 }, 3 },
  { "pack rows 5x13", { KILN_PACK_ROWS, 0, 5, 13 }, 1 },
};

/* ---- The operation */

typedef struct {
  KilnPack pack;
  KilnSourceType source;
  guint parts;
  guint64 skipped;              /* bytes before the first number */
  const float *values;
} Params;

static guint64
each_output (const KilnPack *pack)
{
  return (guint64) (pack->packing == KILN_PACK_VECTOR ? 1 : pack->inputs)
      * (pack->packing == KILN_PACK_MATRIX ? pack->taps : 1);
}

static guint
element_size (KilnSourceType source)
{
  return source == KILN_SOURCE_F32 ? 4 : 2;
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const Params *self = params;

  *output = kiln_pack_shape (&self->pack);
  return TRUE;
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  const Params *self = params;
  guint32 step = self->pack.outputs / self->parts;
  guint64 bytes = step * each_output (&self->pack)
      * element_size (self->source);

  for (guint part = 0; part < self->parts; part++)
    kiln_pack_record (recorder, &self->pack, self->source, inputs[0].buffer,
        inputs[0].offset + self->skipped + part * bytes, part * step, step,
        output);
}

static const KilnOpClass pack_class = {
  .name = "pack",
  .params_size = sizeof (Params),
  .infer = infer,
  .record = record,
};

/* ---- Its reference */

/* The output in a panel's column; outputs: none. */
static guint32
output_of (const KilnPack *pack, guint32 panel, guint32 column)
{
  guint32 half = pack->outputs / 2, n;

  if (!pack->geglu)
    return MIN (panel * 8 + column, pack->outputs);
  n = panel * 4 + column % 4;
  if (n >= half)
    return pack->outputs;
  return column < 4 ? n : half + n;
}

/* Transposed parts are each [inputs, outputs of the part]. */
static double
value_of (const Params *self, guint32 n, guint32 input, guint32 tap)
{
  const KilnPack *pack = &self->pack;
  guint32 step = pack->outputs / self->parts;

  if (pack->transposed)
    return self->values[(gsize) n / step * step * pack->inputs
        + input * step + n % step];
  return self->values[((gsize) n * pack->inputs + input) * pack->taps + tap];
}

static double
matrix_value (const Params *self, guint32 depth, guint64 row, guint32 column)
{
  const KilnPack *pack = &self->pack;
  guint32 padded = (pack->inputs + 3) / 4 * 4;
  guint32 tap = row % depth / padded, input = row % depth % padded;
  guint32 n = output_of (pack, row / depth, column);

  return n < pack->outputs && input < pack->inputs
      ? value_of (self, n, input, tap) : 0;
}

REFERENCE (reference_pack)
{
  const Params *self = params;
  guint32 channels = output->channels, n;

  for (guint i = 0; i < n_rows; i++)
    for (guint32 c = 0; c < channels; c++) {
      double *value = &values[(gsize) i * channels + c];

      switch (self->pack.packing) {
        case KILN_PACK_MATRIX:
          *value = matrix_value (self, output->width, rows[i], c);
          break;
        case KILN_PACK_VECTOR:
          n = output_of (&self->pack, c / 8, c % 8);
          *value = n < self->pack.outputs ? self->values[n] : 0;
          break;
        case KILN_PACK_ROWS:
          *value = self->values[rows[i] * channels + c];
          break;
      }
    }
}

/* ---- */

/* Numbers that every type holds exactly, so that none may differ. */
static CheckInput
encode_source (const Params *self, guint64 n)
{
  guint64 words = (self->skipped + n * element_size (self->source) + 3) / 4;
  CheckInput input = {
    .kind = CHECK_TABLE, .shape = { KILN_F32, 1, 1, 1, words },
    .data = g_malloc0 ((words + 3) * 4)
  };
  guint8 *to = (guint8 *) input.data + self->skipped;

  for (guint64 i = 0; i < n; i++, to += element_size (self->source)) {
    guint16 half = half_from_float (self->values[i]);
    guint32 bits;

    memcpy (&bits, &self->values[i], sizeof bits);
    if (self->source == KILN_SOURCE_F32)
      memcpy (to, &bits, 4);
    else if (self->source == KILN_SOURCE_F16)
      memcpy (to, &half, 2);
    else
      memcpy (to, (guint16[]) { bits >> 16 }, 2);
  }
  return input;
}

static void
check_case (Check *check, const Case *row, KilnSourceType source,
    KilnType type)
{
  Params params = {
    .pack = row->pack, .source = source, .parts = row->parts,
    .skipped = 3 * element_size (source)
  };
  guint64 n = row->pack.outputs * each_output (&row->pack);
  g_autofree float *values = g_new (float, n);
  CheckJob job = {
    .what = row->what, .klass = &pack_class, .params = &params, .type = type,
    .n_inputs = 1, .reference = reference_pack,
  };

  for (guint64 i = 0; i < n; i++)
    values[i] = ((gint) (i * 37 % 255) - 127) / 64.0f;
  params.values = values;
  params.pack.type = type;
  job.inputs[0] = encode_source (&params, n);
  check_run (check, &job);
}

void
check_pack (Check *check)
{
  for (KilnType type = KILN_F32; type <= KILN_F16; type++)
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
      for (KilnSourceType source = KILN_SOURCE_F32;
          source <= KILN_SOURCE_BF16; source++)
        if (check_wants (check, cases[i].what, type)
            && !check_is_bench (check))
          check_case (check, &cases[i], source, type);
}
