/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attention.h"

#include <math.h>
#include <stdlib.h>

/* Widest chunk of result channels, and widest head whose queries stay in
 * registers, in vectors of four. */
#define MAX_CHUNK 16
#define MAX_KEPT 16

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

/* ---- How one invocation's share is cut */

typedef struct {
  guint32 head, chunk, chunks, queries, keys;
  gboolean keep;
} Tiling;

/* As many tokens as possible up to `most`, with few idle in the last tile. */
static guint32
tokens_per_tile (guint64 length, guint32 most)
{
  guint32 best = most;
  guint64 least = G_MAXUINT64;

  if (length > 16 * most)
    return most;
  for (guint32 n = most; n >= (most + 1) / 2; n--) {
    guint64 covered = (length + n - 1) / n * n;

    if (covered < least) {
      least = covered;
      best = n;
    }
  }
  return MIN (best, length);
}

static Tiling
choose_tiling (guint32 head, guint64 length)
{
  Tiling tiling = { .head = head };

  tiling.chunks = (head + MAX_CHUNK - 1) / MAX_CHUNK;
  tiling.chunk = (head + tiling.chunks - 1) / tiling.chunks;
  tiling.keep = head <= MAX_KEPT;
  tiling.queries = tokens_per_tile (length, 4);
  tiling.keys = tokens_per_tile (length, 4);
  if (g_getenv ("TQ")) { /*TUNE*/ tiling.queries = atoi (g_getenv ("TQ")); tiling.keys = atoi (g_getenv ("TK")); tiling.keep = atoi (g_getenv ("KEEP")); tiling.chunk = MIN (head, atoi (g_getenv ("CH"))); tiling.chunks = (head + tiling.chunk - 1) / tiling.chunk; }
  return tiling;
}

/* ---- Recording */

typedef struct {                /* Push in attention.comp */
  guint32 qkv_base, y_base, n, first_tile, n_tiles, chunks, heads, length;
  guint32 batch_step, token_step;
  float scale;
} Push;

/* All query tiles of the sequences that are bound, in runs that are short
 * enough. */
static void
dispatch_tiles (KilnRecorder *recorder, KilnDispatch *dispatch, Push *push,
    const Tiling *tiling, guint64 batches, double flops)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  guint64 tiles = (push->length + tiling->queries - 1) / tiling->queries;
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0, 1, flops / tiles);

  for (guint64 tile = 0; tile < tiles; tile += at_once) {
    push->first_tile = tile;
    push->n_tiles = MIN (at_once, tiles - tile);
    push->n = batches * push->heads * push->chunks * push->n_tiles;
    dispatch->invocations = push->n;
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
  Tiling tiling = choose_tiling (d / 4, sequences->length);
  double flops = batch_flops (sequences, inner);
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0,
      sequences->length * kiln_shape_row_bytes (&qkv->shape), flops);
  Push push = {
    .chunks = tiling.chunks,
    .heads = attention->heads,
    .length = sequences->length,
    .batch_step = sequences->batch_step,
    .token_step = sequences->token_step,
    .scale = 1.0 / (G_LN2 * sqrt (d)),
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "attention", qkv->shape.type),
    .specs = {
      tiling.head, tiling.chunk, tiling.queries, tiling.keys, tiling.keep
    },
    .n_specs = 5,
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
    .push = &push,
    .push_size = sizeof push,
  };

  for (guint64 batch = 0; batch < sequences->batches; batch += at_once) {
    guint64 n = MIN (at_once, sequences->batches - batch);

    bind (&dispatch, &push, qkv, y, sequences, batch, n);
    dispatch_tiles (recorder, &dispatch, &push, &tiling, n, flops * n);
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
};
