/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attention.h"
#include "variant.h"

#include <math.h>

/* Temporal sequences are spread over the whole tensor: where that is larger
 * than a binding may be, slabs of positions of about this many bytes are
 * copied to scratch memory and attended to there. */
#define SLAB_BYTES (8 << 20)

/* How sequences lie in a tensor, in rows. */
typedef struct {
  guint64 batches, length;
  guint64 batch_step, token_step;
} Sequences;

static Sequences
find_sequences (const KilnShape *x, gboolean temporal)
{
  guint64 positions = (guint64) x->height * x->width;

  if (temporal)
    return (Sequences) { positions, x->frames, 1, positions };
  return (Sequences) { x->frames, positions, positions, 1 };
}

static double
batch_flops (const Sequences *sequences, guint32 inner)
{
  return 4.0 * sequences->length * sequences->length * inner;
}

/* ---- Variants: a tile is a chunk of the result's channels for some
 * queries, from as many keys at a time as it is deep.
 *
 * On Mesa's llvmpipe, which keeps what exceeds its registers in the
 * first-level cache, large tiles were measured to be best, and for wide heads
 * large chunks, as each chunk computes the scores again. Graphics processors
 * would spill to memory: a tile of 128 numbers there, or a workgroup with
 * shared memory, for which a head must be one chunk. */

#define ANY_TYPE (1u << KILN_F32 | 1u << KILN_F16)

static const KilnVariant variants[] = {
  { "cpu", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, 0, 4, 96, 8 },
  { "cpu-wide", "cpu", ANY_TYPE, KILN_FEATURE_SOFTWARE, 0, 2, 256, 8 },
  /* With matrices shares of a query are rounded to halves: by 2^-11 at most, of
   * each. */
#ifdef KILN_COOPERATIVE_MATRIX2
  { "flash-matrix2-large", "matrix2", 1u << KILN_F16, KILN_FEATURE_MATRIX2, 0,
      128, 64, 32, 19456, .subgroups = 4, .error = 2e-4 },
  { "flash-matrix2", "matrix2", 1u << KILN_F16, KILN_FEATURE_MATRIX2, 0, 64,
      128, 32, 22528, .subgroups = 4, .error = 2e-4 },
#endif
#ifdef KILN_COOPERATIVE_MATRIX
  { "flash-matrix", "matrix", 1u << KILN_F16,
      KILN_FEATURE_MATRIX | KILN_FEATURE_SUBGROUPS, 0, 64, 128, 32, 23552,
      .subgroups = 4, .error = 2e-4 },
#endif
  { "flash", "flash", ANY_TYPE, 0, 64, 32, 128, 32, 22400 },
  { "flash-wide", "flash", ANY_TYPE, 0, 256, 32, 512, 32, 23168 },
  { "scalar", "scalar", ANY_TYPE, 0, 0, 2, 64, 4 },
  { NULL }
};

/* How many chunks a head has. */
static guint32
n_chunks (const KilnVariant *variant, guint32 head)
{
  return (head + variant->columns - 1) / variant->columns;
}

/* A load counts as so many multiplications. */
#define LOAD_COST 16

/* Matrix units multiply so many times faster, a guess. */
#define MATRIX_SPEED 8

static KilnWork
sequence_work (guint64 length, guint32 head)
{
  return (KilnWork) { "attention", length, head };
}

static double
fill_up (double length, guint32 unit)
{
  return ceil (length / unit) * unit;
}

/* Of a sequence's scores, those that only fill tiles up too. */
static double
cost (const KilnVariant *variant, KilnDevice *device, const KilnWork *work)
{
  guint32 chunks = n_chunks (variant, work->columns);
  double loads = 1.0 / variant->rows + 1.0 / variant->depth;
  double product = variant->subgroups > 0 ? 1.0 / MATRIX_SPEED : 1;

  if (kiln_variant_group_size (variant, device) > 0 && chunks > 1)
    return HUGE_VAL;
  return fill_up (work->rows, variant->rows)
      * fill_up (work->rows, variant->depth)
      * (chunks + 1) / 2.0 * (product + LOAD_COST * loads);
}

/* ---- Recording */

typedef struct {                /* Push in attention.comp */
  guint32 qkv_base, y_base, n, first_tile, n_tiles, chunks, heads, head;
  guint32 length;
  guint32 batch_step, token_step;
  float scale;
} Push;

/* All query tiles of the sequences that are bound, in runs that are short
 * enough. */
static void
dispatch_tiles (KilnRecorder *recorder, KilnDispatch *dispatch, Push *push,
    const KilnVariant *variant, guint64 batches, double flops)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  guint64 tiles = (push->length + variant->rows - 1) / variant->rows;
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0, 1, flops / tiles);

  for (guint64 first = 0; first < tiles; first += at_once) {
    push->first_tile = first;
    push->n_tiles = MIN (at_once, tiles - first);
    push->n = batches * push->heads * push->chunks * push->n_tiles;
    kiln_variant_set_tiles (variant, push->n, dispatch);
    dispatch->flops = flops * push->n_tiles / tiles;
    kiln_recorder_dispatch (recorder, dispatch);
  }
}

/* Spatial sequences are runs of rows; temporal ones need all of the tensor
 * bound, and start one row after another. */
static void
bind (KilnDispatch *dispatch, Push *push, const KilnView *qkv,
    const KilnView *y, const Sequences *sequences, guint64 first, guint64 n)
{
  gboolean runs = sequences->token_step == 1
      && sequences->batch_step == sequences->length;
  guint64 row = first * sequences->batch_step;
  guint64 bound = runs ? row : 0;
  guint64 rows = runs ? n * sequences->length
      : kiln_shape_rows (&qkv->shape);

  dispatch->bindings[0] = kiln_view_window (qkv, bound, rows,
      &push->qkv_base);
  dispatch->bindings[1] = kiln_view_window (y, bound, rows, &push->y_base);
  push->qkv_base += (row - bound) * (kiln_shape_stride (&qkv->shape) / 4);
  push->y_base += (row - bound) * (kiln_shape_stride (&y->shape) / 4);
}

static void
record_sequences (KilnRecorder *recorder, const KilnAttention *attention,
    const KilnView *qkv, const KilnView *y, const Sequences *sequences)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  guint32 inner = y->shape.channels, d = inner / attention->heads;
  KilnWork work = sequence_work (sequences->length, d);
  const KilnVariant *variant = kiln_variant_choose (&kiln_attention_class,
      device, qkv->shape.type, &work);
  guint32 chunks = n_chunks (variant, d);
  /* Each chunk computes the scores. */
  double flops = batch_flops (sequences, inner) * (chunks + 1) / 2;
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0,
      sequences->length * kiln_shape_row_bytes (&qkv->shape), flops);
  const KilnDeviceInfo *info = kiln_device_get_info (device);
  Push push = {
    .chunks = chunks,
    .heads = attention->heads,
    .head = d / 4,
    .length = sequences->length,
    .batch_step = sequences->batch_step,
    .token_step = sequences->token_step,
    .scale = 1.0 / (G_LN2 * sqrt (d)),
  };
  KilnDispatch dispatch = {
    .specs = {
      (d / 4 + chunks - 1) / chunks, variant->rows, variant->depth,
      info->matrix_rows, info->matrix_columns, info->matrix_depth,
      variant->subgroups,
    },
    .n_specs = variant->subgroups ? 7 : 3,
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
    .push = &push,
    .push_size = sizeof push,
  };

  kiln_variant_set_shader (variant, device, work.family, qkv->shape.type,
      &dispatch);
  for (guint64 batch = 0; batch < sequences->batches; batch += at_once) {
    guint64 n = MIN (at_once, sequences->batches - batch);

    bind (&dispatch, &push, qkv, y, sequences, batch, n);
    dispatch_tiles (recorder, &dispatch, &push, variant, n, flops * n);
  }
}

/* ---- Temporal attention in slabs */

static guint64
slab_positions (const KilnShape *qkv, guint64 bytes)
{
  guint64 position = qkv->frames * kiln_shape_row_bytes (qkv);

  return CLAMP (bytes / position, 1, (guint64) qkv->height * qkv->width);
}

static guint64
slab_bytes (const KilnShape *shape, guint64 positions)
{
  return (shape->frames * positions * kiln_shape_row_bytes (shape) + 255)
      & ~(guint64) 255;
}

/* A slab's rows of every frame, between the tensor and scratch memory. */
static void
copy_slab (KilnRecorder *recorder, const KilnView *tensor,
    const KilnView *slab, guint64 first, gboolean out)
{
  guint64 row = kiln_shape_row_bytes (&tensor->shape);
  guint64 positions = (guint64) tensor->shape.height * tensor->shape.width;
  guint64 n = slab->shape.width;

  for (guint32 frame = 0; frame < tensor->shape.frames; frame++) {
    guint64 at = tensor->offset + (frame * positions + first) * row;
    guint64 slab_at = slab->offset + frame * n * row;

    if (out)
      kiln_recorder_copy (recorder, slab->buffer, slab_at, tensor->buffer,
          at, n * row);
    else
      kiln_recorder_copy (recorder, tensor->buffer, at, slab->buffer,
          slab_at, n * row);
  }
}

static KilnView
slab_view (const KilnView *tensor, const KilnView *scratch, guint64 offset,
    guint64 positions)
{
  KilnShape shape = tensor->shape;

  shape.height = 1;
  shape.width = positions;
  return (KilnView) { shape, scratch->buffer, scratch->offset + offset };
}

static void
record_slabs (KilnRecorder *recorder, const KilnAttention *attention,
    const KilnView *qkv, const KilnView *y, const KilnView *scratch,
    guint64 range)
{
  guint64 positions = (guint64) qkv->shape.height * qkv->shape.width;
  guint64 at_once = slab_positions (&qkv->shape, MIN (SLAB_BYTES, range));

  for (guint64 first = 0; first < positions; first += at_once) {
    guint64 n = MIN (at_once, positions - first);
    KilnView in = slab_view (qkv, scratch, 0, n);
    KilnView out = slab_view (y, scratch, slab_bytes (&qkv->shape, n), n);
    Sequences sequences = find_sequences (&in.shape, TRUE);

    copy_slab (recorder, qkv, &in, first, FALSE);
    kiln_recorder_barrier (recorder);
    record_sequences (recorder, attention, &in, &out, &sequences);
    kiln_recorder_barrier (recorder);
    copy_slab (recorder, y, &out, first, TRUE);
  }
}

/* ---- The class */

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnAttention *attention = params;
  const KilnShape *x = inputs[0];
  g_autofree char *text = kiln_shape_to_string (x);

  *output = *x;
  output->channels = x->channels / 3;
  if (x->channels == 0 || x->channels % 3 != 0 || attention->heads == 0
      || output->channels % attention->heads != 0) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "%s is not q, k and v of %u heads", text, attention->heads);
    return FALSE;
  }
  if (output->channels / attention->heads % 4 != 0) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "heads of %u channels: only multiples of 4 are supported",
        output->channels / attention->heads);
    return FALSE;
  }
  if (kiln_shape_rows (x) == 0 || kiln_shape_rows (x) > G_MAXUINT32
      || x->type == KILN_U8) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "%s cannot be attended to", text);
    return FALSE;
  }
  return TRUE;
}

static guint64
scratch_size (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  const KilnAttention *attention = params;
  guint64 n = slab_positions (inputs[0], SLAB_BYTES);

  if (!attention->temporal)
    return 0;
  return slab_bytes (inputs[0], n) + slab_bytes (output, n);
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  const KilnAttention *attention = params;
  Sequences sequences = find_sequences (inputs[0], attention->temporal);

  return batch_flops (&sequences, output->channels) * sequences.batches;
}

static KilnWork
work (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  const KilnAttention *attention = params;
  Sequences sequences = find_sequences (inputs[0], attention->temporal);

  return sequence_work (sequences.length,
      output->channels / attention->heads);
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  const KilnAttention *attention = params;
  const KilnView *qkv = &inputs[0];
  Sequences sequences = find_sequences (&qkv->shape, attention->temporal);
  const KilnDeviceInfo *info =
      kiln_device_get_info (kiln_recorder_get_device (recorder));
  guint64 range = info->max_storage_range - info->storage_alignment;

  if (attention->temporal && kiln_shape_bytes (&qkv->shape) > range) {
    record_slabs (recorder, attention, qkv, output, scratch, range);
    return;
  }
  if (sequences.length * kiln_shape_row_bytes (&qkv->shape) > range) {
    kiln_recorder_take_error (recorder, g_error_new (KILN_ERROR,
            KILN_ERROR_UNSUPPORTED, "attention over %" G_GUINT64_FORMAT
            " tokens of %u channels needs more than the %" G_GUINT64_FORMAT
            " MiB that this device can bind: use a smaller picture",
            sequences.length, qkv->shape.channels, range >> 20));
    return;
  }
  record_sequences (recorder, attention, qkv, output, &sequences);
}

const KilnOpClass kiln_attention_class = {
  .name = "attention",
  .params_size = sizeof (KilnAttention),
  .infer = infer,
  .scratch = scratch_size,
  .flops = flops,
  .record = record,
  .variants = variants,
  .work = work,
  .cost = cost,
};
