/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exact place of every number in packed weights, from sources of every
 * type; how numbers are rounded. */
#include <math.h>
#include <string.h>

#include "half.h"
#include "reference.h"
#include "../../src/ops/half.h"
#include "../../src/ops/winograd.h"

#define GUARD 0xa5

typedef struct {
  const char *what;
  KilnPack pack;                /* type: filled in */
  guint parts;
  gboolean transposed;
} Case;

static const Case cases[] = {
  { "matrix-16x8", { KILN_PACK_MATRIX, 0, 16, 8, 1 }, 1 },
  { "matrix-13x7x9", { KILN_PACK_MATRIX, 0, 13, 7, 9 }, 1 },
  { "matrix-1x1", { KILN_PACK_MATRIX, 0, 1, 1, 1 }, 1 },
  { "matrix-9x150", { KILN_PACK_MATRIX, 0, 9, 150, 1 }, 1 },
  { "matrix-transposed", { KILN_PACK_MATRIX, 0, 11, 90, 1 }, 1, TRUE },
  { "matrix-3-of-12", { KILN_PACK_MATRIX, 0, 36, 5, 1 }, 3 },
  { "matrix-3-of-4-transposed", { KILN_PACK_MATRIX, 0, 12, 6, 1 }, 3, TRUE },
  { "matrix-GEGLU-2x13", { KILN_PACK_MATRIX, 0, 26, 9, 1, TRUE }, 1 },
  { "matrix-100x40x9", { KILN_PACK_MATRIX, 0, 100, 40, 9 }, 1 },
  { "matrix-9x3x196", { KILN_PACK_MATRIX, 0, 9, 3, 196 }, 1 },
  { "vector-13", { KILN_PACK_VECTOR, 0, 13 }, 1 },
  { "vector-GEGLU-2x6", { KILN_PACK_VECTOR, 0, 12, 0, 0, TRUE }, 1 },
  { "vector-3-of-12", { KILN_PACK_VECTOR, 0, 36 }, 3 },
  { "rows-5x13", { KILN_PACK_ROWS, 0, 5, 13 }, 1 },
  { "rows-3x160", { KILN_PACK_ROWS, 0, 3, 160 }, 1 },
  { "winograd-9x5", { KILN_PACK_MATRIX, 0, 9, 5, 9, FALSE, TRUE }, 1 },
  { "winograd-17x19", { KILN_PACK_MATRIX, 0, 17, 19, 9, FALSE, TRUE }, 1 },
};

/* ---- The source */

/* Parts of all types, the first `type`, at addresses that suit none. */
typedef struct {
  const Case *row;
  KilnPackPart parts[3];
  guint8 *bytes[3];
  float *values;                /* [outputs, inputs, taps]; transposed by part */
} Source;

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

static guint8 *
encode (const float *values, guint64 n, KilnSourceType type)
{
  guint size = element_size (type);
  guint8 *bytes = g_malloc (1 + n * size), *to = bytes + 1;

  for (guint64 i = 0; i < n; i++, to += size) {
    guint32 bits = kiln_bits_of_float (values[i]);
    guint16 upper = type == KILN_SOURCE_F16 ? half_from_float (values[i])
        : bits >> 16;

    if (type == KILN_SOURCE_F32)
      memcpy (to, &bits, 4);
    else
      memcpy (to, &upper, 2);
  }
  return bytes;
}

/* Numbers that every type holds exactly, so that none may differ. */
static void
source_init (Source *self, const Case *row, KilnSourceType type)
{
  guint32 step = row->pack.outputs / row->parts;
  guint64 n = row->pack.outputs * each_output (&row->pack);

  *self = (Source) { row, .values = g_new (float, n) };
  for (guint64 i = 0; i < n; i++)
    self->values[i] = ((gint) (i * 37 % 255) - 127) / 64.0f;
  for (guint i = 0; i < row->parts; i++) {
    KilnSourceType of_part = (type + i) % 3;

    self->bytes[i] = encode (self->values
        + i * step * each_output (&row->pack),
        step * each_output (&row->pack), of_part);
    self->parts[i] = (KilnPackPart) {
      of_part, row->transposed, i * step, step, self->bytes[i] + 1
    };
  }
}

static void
source_clear (Source *self)
{
  for (guint i = 0; i < self->row->parts; i++)
    g_free (self->bytes[i]);
  g_free (self->values);
}

/* Transposed parts are each [inputs, outputs of the part]. */
static double
value_of (const Source *self, guint32 n, guint32 input, guint32 tap)
{
  const KilnPack *pack = &self->row->pack;
  guint32 step = pack->outputs / self->row->parts;

  if (self->row->transposed)
    return self->values[(gsize) n / step * step * pack->inputs
        + input * step + n % step];
  return self->values[((gsize) n * pack->inputs + input) * pack->taps + tap];
}

/* ---- The reference */

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

static double
matrix_value (const Source *self, const KilnShape *shape, guint64 row,
    guint32 column)
{
  const KilnPack *pack = &self->row->pack;
  guint32 padded = (pack->inputs + 3) / 4 * 4;
  guint32 tap = row % shape->width / padded;
  guint32 input = row % shape->width % padded;
  guint32 panel = row / shape->width % shape->height;
  guint32 n = output_of (pack, panel, column);

  if (n >= pack->outputs || input >= pack->inputs)
    return 0;
  return pack->winograd ? reference_winograd_kernel (&self->values[(n
              * (gsize) pack->inputs + input) * 9],
      row / shape->width / shape->height) : value_of (self, n, input, tap);
}

static double
expected (const Source *self, const KilnShape *shape, guint64 row, guint32 c)
{
  const KilnPack *pack = &self->row->pack;
  guint32 n;

  switch (pack->packing) {
    case KILN_PACK_MATRIX:
      return matrix_value (self, shape, row, c);
    case KILN_PACK_VECTOR:
      n = output_of (pack, c / 8, c % 8);
      return n < pack->outputs ? self->values[n] : 0;
    case KILN_PACK_ROWS:
      return c < shape->channels ? self->values[row * shape->channels + c] : 0;
  }
  g_assert_not_reached ();
}

/* ---- Places */

static double
decode (const guint8 *packed, const KilnShape *shape, guint64 row, guint32 c)
{
  guint64 at = row * kiln_shape_stride (shape) + c;

  return shape->type == KILN_F32 ? ((const float *) packed)[at]
      : half_to_float (((const guint16 *) packed)[at]);
}

/* Transformed kernels are sums of nine products, all others are exact. */
static void
compare (const Source *self, const KilnShape *shape, const guint8 *packed)
{
  double bound = !self->row->pack.winograd ? 0
      : shape->type == KILN_F32 ? 1e-6 : 2e-3;

  for (guint64 row = 0; row < kiln_shape_rows (shape); row++)
    for (guint32 c = 0; c < kiln_shape_stride (shape); c++)
      g_assert_cmpfloat (fabs (decode (packed, shape, row, c)
              - expected (self, shape, row, c)), <=, bound);
}

/* Slices at_once at a time, the last first. */
static void
pack_and_compare (const Source *self, KilnType type, guint32 at_once)
{
  KilnPack pack = self->row->pack;
  g_autofree guint8 *packed = NULL;
  KilnShape shape;
  guint64 bytes;
  guint32 n;

  pack.type = type;
  shape = kiln_pack_shape (&pack);
  n = kiln_pack_n_slices (&pack);
  bytes = kiln_shape_bytes (&shape);
  g_assert_cmpuint (n * kiln_pack_slice_bytes (&pack), ==, bytes);
  packed = g_malloc (bytes + 1);
  memset (packed, GUARD, bytes + 1);
  for (guint32 first = (n - 1) / at_once * at_once;; first -= at_once) {
    kiln_pack_slices (&pack, self->parts, self->row->parts, first,
        MIN (at_once, n - first),
        packed + first * kiln_pack_slice_bytes (&pack));
    if (first == 0)
      break;
  }
  g_assert_cmpuint (packed[bytes], ==, GUARD);
  compare (self, &shape, packed);
}

static void
test_places (gconstpointer data)
{
  for (KilnSourceType source = 0; source <= KILN_SOURCE_BF16; source++)
    for (KilnType type = KILN_F32; type <= KILN_F16; type++) {
      Source self;

      source_init (&self, data, source);
      pack_and_compare (&self, type, G_MAXUINT16);
      pack_and_compare (&self, type, 1);
      source_clear (&self);
    }
}

/* ---- Rounding */

/* One row of n numbers. */
static void
pack_row (KilnSourceType source, const void *from, KilnType type, guint32 n,
    void *to)
{
  KilnPack pack = {
    .packing = KILN_PACK_ROWS, .type = type, .outputs = 1, .inputs = n
  };
  KilnPackPart part = { source, FALSE, 0, 1, from };

  kiln_pack_slices (&pack, &part, 1, 0, 1, to);
}

static void
test_widening (void)
{
  g_autofree guint16 *halves = g_new (guint16, 1 << 16);
  g_autofree float *floats = g_new (float, 1 << 16);

  for (guint i = 0; i < 1 << 16; i++)
    halves[i] = i;
  pack_row (KILN_SOURCE_F16, halves, KILN_F32, 1 << 16, floats);
  for (guint i = 0; i < 1 << 16; i++) {
    float wanted = half_to_float (i);

    if (isnan (wanted))
      g_assert_true (isnan (floats[i]));
    else
      g_assert_cmphex (kiln_bits_of_float (floats[i]), ==,
          kiln_bits_of_float (wanted));
  }
  pack_row (KILN_SOURCE_BF16, halves, KILN_F32, 1 << 16, floats);
  for (guint i = 0; i < 1 << 16; i++)
    g_assert_cmphex (kiln_bits_of_float (floats[i]), ==, i << 16);
}

/* All that a half is made from: its bits, half of its last place and what
 * lies around. */
static void
test_narrowing (void)
{
  static const guint32 below[] = { 0, 1, 0xfff, 0x1000, 0x1001, 0x1fff };
  const guint n = 1 << 19;
  g_autofree guint32 *floats = g_new (guint32, n);
  g_autofree guint16 *halves = g_new (guint16, n);

  for (guint i = 0; i < G_N_ELEMENTS (below); i++) {
    for (guint32 j = 0; j < n; j++)
      floats[j] = j << 13 | below[i];
    pack_row (KILN_SOURCE_F32, floats, KILN_F16, n, halves);
    for (guint32 j = 0; j < n; j++)
      g_assert_cmphex (halves[j], ==,
          half_from_float (kiln_float_of_bits (floats[j])));
  }
}

/* As F32 does whose lower half is zero. */
static void
test_narrowing_bf16 (void)
{
  g_autofree guint16 *from = g_new (guint16, 1 << 16);
  g_autofree guint16 *halves = g_new (guint16, 1 << 16);

  for (guint i = 0; i < 1 << 16; i++)
    from[i] = i;
  pack_row (KILN_SOURCE_BF16, from, KILN_F16, 1 << 16, halves);
  for (guint32 i = 0; i < 1 << 16; i++)
    g_assert_cmphex (halves[i], ==,
        half_from_float (kiln_float_of_bits (i << 16)));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strdup_printf ("/pack/%s", cases[i].what);

    g_test_add_data_func (path, &cases[i], test_places);
  }
  g_test_add_func ("/pack/widening", test_widening);
  g_test_add_func ("/pack/narrowing", test_narrowing);
  g_test_add_func ("/pack/narrowing-bf16", test_narrowing_bf16);
  return g_test_run ();
}
