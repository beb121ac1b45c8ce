/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementwise.h"

#define MAX_PARTS 4

static gboolean
fits (const KilnShape *x, const KilnShape *first)
{
  return x != NULL && x->type == first->type && x->type != KILN_U8
      && x->height == first->height && x->width == first->width
      && (x->frames == first->frames || x->frames == 1);
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  *output = *inputs[0];
  output->channels = 0;
  if (n_inputs < 2 || n_inputs > MAX_PARTS) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "%u tensors cannot be joined, only 2 to %u", n_inputs, MAX_PARTS);
    return FALSE;
  }
  for (guint i = 0; i < n_inputs; i++) {
    g_autofree char *first = NULL;
    g_autofree char *other = NULL;

    if (fits (inputs[i], inputs[0])) {
      output->channels += inputs[i]->channels;
      continue;
    }
    first = kiln_shape_to_string (inputs[0]);
    other = inputs[i] ? kiln_shape_to_string (inputs[i]) : NULL;
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "%s cannot stand beside %s", other ? other : "nothing", first);
    return FALSE;
  }
  if (kiln_shape_rows (output) > 0
      && kiln_shape_rows (output) <= G_MAXUINT32)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "the result is empty or too large");
  return FALSE;
}

typedef struct {                /* Push in concat.comp */
  guint32 base[MAX_PARTS], end[MAX_PARTS];
  guint32 y_base, vectors, n;
} Push;

static void
set_ends (Push *push, const KilnView *inputs, guint n_inputs)
{
  guint32 end = 0;

  for (guint i = 0; i < MAX_PARTS; i++) {
    if (i < n_inputs)
      end += inputs[i].shape.channels;
    push->end[i] = end;
  }
}

static gboolean
is_aligned (const KilnView *inputs, guint n_inputs)
{
  for (guint i = 0; i + 1 < n_inputs; i++)
    if (inputs[i].shape.channels % 4 != 0)
      return FALSE;
  return TRUE;
}

static void
bind (KilnDispatch *dispatch, Push *push, const KilnView *inputs,
    guint n_inputs, const KilnView *output, guint64 row, guint64 n)
{
  for (guint i = 0; i < MAX_PARTS; i++) {
    const KilnView *x = &inputs[MIN (i, n_inputs - 1)];
    guint64 first = row % kiln_shape_rows (&x->shape);

    dispatch->bindings[i] = kiln_view_window (x, first, n, &push->base[i]);
  }
  dispatch->bindings[MAX_PARTS] = kiln_view_window (output, row, n,
      &push->y_base);
}

/* A repeated frame starts again in each: then dispatches end with frames. */
static guint64
rows_until_repeat (const KilnView *inputs, guint n_inputs)
{
  guint64 rows = kiln_shape_rows (&inputs[0].shape);

  for (guint i = 1; i < n_inputs; i++)
    rows = MIN (rows, kiln_shape_rows (&inputs[i].shape));
  return rows;
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  guint64 rows = kiln_shape_rows (&output->shape);
  guint64 period = rows_until_repeat (inputs, n_inputs);
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0,
      kiln_shape_row_bytes (&output->shape), output->shape.channels);
  Push push = { .vectors = kiln_shape_stride (&output->shape) / 4 };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "concat", output->shape.type),
    .specs = { is_aligned (inputs, n_inputs) },
    .n_specs = 1,
    .n_bindings = MAX_PARTS + 1,
    .texels = kiln_texels_for (device, (1 << MAX_PARTS) - 1),
    .push = &push,
    .push_size = sizeof push,
  };

  set_ends (&push, inputs, n_inputs);
  for (guint64 row = 0, n; row < rows; row += n) {
    n = MIN (at_once, period - row % period);
    bind (&dispatch, &push, inputs, n_inputs, output, row, n);
    push.n = n * push.vectors;
    dispatch.invocations = push.n;
    dispatch.flops = (double) push.n * 4;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_concat_class = {
  .name = "concat",
  .infer = infer,
  .record = record,
};
