/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "normalization.h"

/* A set is what one statistic spans: the rows of one frame, or of all. Its
 * rows are cut into chunks, whose moments are merged level by level until
 * one run is left for each set. */
#define ROWS_PER_PARTIAL 64
#define RUNS_PER_MERGE 64
#define ROWS_PER_APPLY 8
#define MAX_LEVELS 8

typedef struct {
  guint64 sets, rows_per_set;
  guint64 rows_per_chunk, chunks_per_set;
} Chunks;

static Chunks
make_chunks (const KilnShape *x, gboolean all_frames, guint64 rows_per_chunk)
{
  Chunks chunks;

  chunks.sets = all_frames ? 1 : x->frames;
  chunks.rows_per_set = kiln_shape_rows (x) / chunks.sets;
  chunks.rows_per_chunk = MIN (rows_per_chunk, chunks.rows_per_set);
  chunks.chunks_per_set =
      (chunks.rows_per_set + chunks.rows_per_chunk - 1) /
      chunks.rows_per_chunk;
  return chunks;
}

/* The row a chunk starts at; the chunk after the last starts at the end. */
static guint64
chunk_start (const Chunks *chunks, guint64 chunk)
{
  return chunk / chunks->chunks_per_set * chunks->rows_per_set
      + chunk % chunks->chunks_per_set * chunks->rows_per_chunk;
}

/* ---- Scratch memory: the moments of every level, then mean and scale. */

typedef struct {
  guint n_levels;
  guint64 runs_per_set[MAX_LEVELS];
  guint64 offset[MAX_LEVELS];
  guint64 scale_offset, size;
} Layout;

static Layout
make_layout (const KilnShape *x, gboolean all_frames)
{
  Chunks chunks = make_chunks (x, all_frames, ROWS_PER_PARTIAL);
  guint64 run_bytes = 2 * sizeof (float) * kiln_shape_stride (x);
  guint64 runs = chunks.chunks_per_set;
  Layout layout = { 0 };

  for (;;) {
    guint level = layout.n_levels++;

    g_assert (level < MAX_LEVELS);
    layout.runs_per_set[level] = runs;
    layout.offset[level] = layout.size;
    layout.size += (chunks.sets * runs * run_bytes + 255) & ~(guint64) 255;
    if (runs == 1)
      break;
    runs = (runs + RUNS_PER_MERGE - 1) / RUNS_PER_MERGE;
  }
  layout.scale_offset = layout.size;
  layout.size += chunks.sets * run_bytes;
  return layout;
}

/* A row of this view is the mean and the second moment (or the scale) of
 * all channels. */
static KilnView
scratch_view (const KilnView *scratch, const KilnShape *x, guint64 offset,
    guint64 rows)
{
  return (KilnView) {
    { KILN_F32, 1, 1, rows, 2 * kiln_shape_stride (x) },
    scratch->buffer, scratch->offset + offset
  };
}

static KilnView
level_view (const KilnView *scratch, const KilnShape *x, guint64 sets,
    const Layout *layout, guint level)
{
  return scratch_view (scratch, x, layout->offset[level],
      sets * layout->runs_per_set[level]);
}

/* ---- Passes over chunks */

typedef struct {              /* Push in group_norm_{partial,merge,apply}.comp */
  guint32 in_base, out_base, vectors, first_chunk, n_chunks, first_row;
  guint32 chunks_per_set, rows_per_set, rows_per_chunk;
  union
  {
    struct
    {
      guint32 rows_per_run, rows_of_set;
    };
    struct
    {
      guint32 scale_base, beta_base;
    };
  };
} Push;

static Push
make_push (const Chunks *chunks, guint32 vectors)
{
  return (Push) {
    .vectors = vectors,
    .chunks_per_set = chunks->chunks_per_set,
    .rows_per_set = chunks->rows_per_set,
    .rows_per_chunk = chunks->rows_per_chunk,
  };
}

/* As many chunks of `in` at once as a dispatch may have. Each makes a row of
 * `out`, or where that has as many rows as `in` has, those of its own. */
static void
record_chunks (KilnRecorder *recorder, KilnDispatch *dispatch, Push *push,
    const Chunks *chunks, const KilnView *in, const KilnView *out,
    double row_flops)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  guint64 n = chunks->sets * chunks->chunks_per_set;
  guint64 size = chunks->rows_per_chunk;
  gboolean by_row =
      kiln_shape_rows (&in->shape) == kiln_shape_rows (&out->shape);
  guint64 out_bytes = kiln_shape_row_bytes (&out->shape);
  guint64 bytes = MAX (kiln_shape_row_bytes (&in->shape),
      by_row ? out_bytes : (out_bytes + size - 1) / size);
  guint64 at_once =
      kiln_rows_per_dispatch (device, size, 0, bytes, row_flops) / size;

  dispatch->push = push;
  dispatch->push_size = sizeof *push;
  for (guint64 chunk = 0; chunk < n; chunk += at_once) {
    guint64 count = MIN (at_once, n - chunk);
    guint64 row = chunk_start (chunks, chunk);
    guint64 rows = chunk_start (chunks, chunk + count) - row;

    push->first_chunk = chunk;
    push->n_chunks = count;
    push->first_row = row;
    dispatch->bindings[0] = kiln_view_window (in, row, rows, &push->in_base);
    dispatch->bindings[1] = kiln_view_window (out, by_row ? row : chunk,
        by_row ? rows : count, &push->out_base);
    dispatch->invocations = count * push->vectors;
    dispatch->flops = row_flops * rows;
    kiln_recorder_dispatch (recorder, dispatch);
  }
}

static void
record_partial (KilnRecorder *recorder, const KilnGroupNorm *norm,
    const KilnView *x, const KilnView *partial)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  Chunks chunks = make_chunks (&x->shape, norm->all_frames, ROWS_PER_PARTIAL);
  Push push = make_push (&chunks, kiln_shape_stride (&x->shape) / 4);
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "group_norm_partial", x->shape.type),
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
  };

  record_chunks (recorder, &dispatch, &push, &chunks, x, partial,
      8.0 * x->shape.channels);
}

/* The runs of one level become fewer, longer ones: the same chunks, with
 * runs for rows. */
static void
record_merge (KilnRecorder *recorder, const KilnView *runs,
    const KilnView *merged, const Chunks *rows, guint64 rows_per_run,
    guint64 runs_per_set)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  KilnShape shape = { KILN_F32, rows->sets, 1, runs_per_set, 1 };
  Chunks chunks = make_chunks (&shape, FALSE, RUNS_PER_MERGE);
  Push push = make_push (&chunks, runs->shape.channels / 8);
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "group_norm_merge", KILN_F32),
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
  };

  push.rows_per_run = rows_per_run;
  push.rows_of_set = rows->rows_per_set;
  record_chunks (recorder, &dispatch, &push, &chunks, runs, merged,
      10.0 * runs->shape.channels);
}

static void
record_apply (KilnRecorder *recorder, const KilnGroupNorm *norm,
    const KilnView *x, const KilnView *scale, const KilnView *beta,
    const KilnView *y)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  Chunks chunks = make_chunks (&x->shape, norm->all_frames, ROWS_PER_APPLY);
  Push push = make_push (&chunks, kiln_shape_stride (&x->shape) / 4);
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "group_norm_apply", x->shape.type),
    .specs = { norm->silu },
    .n_specs = 1,
    .n_bindings = 4,
    .texels = kiln_texels_for (device, 1 << 0 | 1 << 2 | 1 << 3),
  };

  dispatch.bindings[2] = kiln_view_window (scale, 0, chunks.sets,
      &push.scale_base);
  dispatch.bindings[3] = kiln_view_window (beta, 0, 1, &push.beta_base);
  record_chunks (recorder, &dispatch, &push, &chunks, x, y,
      8.0 * x->shape.channels);
}

/* ---- The statistics of groups */

static void
record_finish (KilnRecorder *recorder, const KilnGroupNorm *norm,
    const KilnView *x, const KilnView *moments, const KilnView *gamma,
    const KilnView *scale)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  guint64 sets = kiln_shape_rows (&scale->shape);
  struct
  {
    guint32 moments_base, gamma_base, scale_base, channels, stride;
    guint32 groups, sets;
    float rows_per_set, eps;
  } push = {
    .channels = x->shape.channels,
    .stride = kiln_shape_stride (&x->shape),
    .groups = norm->groups,
    .sets = sets,
    .rows_per_set = kiln_shape_rows (&x->shape) / sets,
    .eps = norm->eps,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "group_norm_finish", KILN_F32),
    .n_bindings = 3,
    .texels = kiln_texels_for (device, 1 << 0 | 1 << 1),
    .push = &push,
    .push_size = sizeof push,
    .invocations = sets * norm->groups,
    .flops = 6.0 * sets * x->shape.channels,
  };

  dispatch.bindings[0] = kiln_view_window (moments, 0, sets,
      &push.moments_base);
  dispatch.bindings[1] = kiln_view_window (gamma, 0, 1, &push.gamma_base);
  dispatch.bindings[2] = kiln_view_window (scale, 0, sets, &push.scale_base);
  kiln_recorder_dispatch (recorder, &dispatch);
}

/* ---- The class */

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnGroupNorm *norm = params;
  const KilnShape *x = inputs[0];

  *output = *x;
  if (norm->groups == 0 || x->channels == 0
      || x->channels % norm->groups != 0) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "%u channels do not divide into %u groups", x->channels,
        norm->groups);
    return FALSE;
  }
  if (kiln_shape_rows (x) == 0 || kiln_shape_rows (x) > G_MAXUINT32
      || x->type == KILN_U8) {
    g_autofree char *text = kiln_shape_to_string (x);

    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "an input of %s cannot be normalised", text);
    return FALSE;
  }
  return kiln_norm_check_vector ("gamma", inputs[1], x->channels, error)
      && kiln_norm_check_vector ("beta", inputs[2], x->channels, error);
}

static guint64
scratch_size (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  const KilnGroupNorm *norm = params;

  return make_layout (inputs[0], norm->all_frames).size;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return 16.0 * kiln_shape_rows (output) * output->channels;
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  const KilnGroupNorm *norm = params;
  const KilnView *x = &inputs[0];
  Chunks chunks = make_chunks (&x->shape, norm->all_frames, ROWS_PER_PARTIAL);
  Layout layout = make_layout (&x->shape, norm->all_frames);
  KilnView scale = scratch_view (scratch, &x->shape, layout.scale_offset,
      chunks.sets);
  KilnView runs = level_view (scratch, &x->shape, chunks.sets, &layout, 0);
  guint64 rows_per_run = chunks.rows_per_chunk;

  record_partial (recorder, norm, x, &runs);
  for (guint level = 1; level < layout.n_levels; level++) {
    KilnView merged =
        level_view (scratch, &x->shape, chunks.sets, &layout, level);

    kiln_recorder_barrier (recorder);
    record_merge (recorder, &runs, &merged, &chunks, rows_per_run,
        layout.runs_per_set[level - 1]);
    runs = merged;
    rows_per_run *= RUNS_PER_MERGE;
  }
  kiln_recorder_barrier (recorder);
  record_finish (recorder, norm, x, &runs, &inputs[1], &scale);
  kiln_recorder_barrier (recorder);
  record_apply (recorder, norm, x, &scale, &inputs[2], output);
}

const KilnOpClass kiln_group_norm_class = {
  .name = "group norm",
  .params_size = sizeof (KilnGroupNorm),
  .infer = infer,
  .scratch = scratch_size,
  .flops = flops,
  .record = record,
};
