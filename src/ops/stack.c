/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image.h"

/* Vectors that one invocation makes at most: what a compiler unrolls. */
#define MAX_VECTORS 8
#define MAX_CHANNELS 65535

static gboolean
stands_everywhere (const KilnShape *x)
{
  return kiln_shape_rows (x) == 1;
}

/* An input that says how large frames are; else all stand everywhere. */
static const KilnShape *
find_sized (const KilnShape *const *inputs, guint n_inputs)
{
  for (guint i = 0; i < n_inputs; i++)
    if (!stands_everywhere (inputs[i]))
      return inputs[i];
  return inputs[0];
}

static gboolean
fits (const KilnStack *stack, guint part, const KilnShape *x,
    const KilnShape *sized)
{
  guint32 first = stack->parts[part].first;
  guint32 channels = stack->parts[part].channels;

  return x->type == sized->type && x->type != KILN_U8
      && channels > 0 && first < x->channels
      && channels <= x->channels - first && x->channels <= MAX_CHANNELS
      && (stands_everywhere (x) || (x->frames == sized->frames
              && x->height == sized->height && x->width == sized->width));
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnStack *stack = params;
  const KilnShape *sized = find_sized (inputs, n_inputs);

  *output = *sized;
  output->height = stack->height;
  output->width = stack->width;
  output->channels = 0;
  for (guint i = 0; i < n_inputs; i++) {
    if (!fits (stack, i, inputs[i], sized)) {
      g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
          "channels %u to %u of input %u cannot stand beside the others",
          stack->parts[i].first,
          stack->parts[i].first + stack->parts[i].channels, i);
      return FALSE;
    }
    output->channels += stack->parts[i].channels;
  }
  if (n_inputs <= KILN_STACK_MAX_PARTS && kiln_shape_rows (output) > 0
      && kiln_shape_rows (output) <= G_MAXUINT32)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "the result is empty or too large, or of more than %u inputs",
      KILN_STACK_MAX_PARTS);
  return FALSE;
}

typedef struct {                /* Push in stack.comp */
  guint32 x_base[KILN_STACK_MAX_PARTS], x_stride[KILN_STACK_MAX_PARTS];
  guint32 y_base, y_stride, n;
  guint32 x_height, x_width, y_height, y_width;
  guint32 first_line, first_x_line;
} Push;

G_STATIC_ASSERT (sizeof (Push) <= KILN_PUSH_BYTES);

/* The line of x, over all frames, that a line of y is made of; where that
 * is padding, the last of its frame. */
static guint64
x_line (const Push *push, guint64 line)
{
  return line / push->y_height * push->x_height
      + MIN (line % push->y_height, push->x_height - 1);
}

static void
bind (KilnDispatch *dispatch, Push *push, const KilnView *inputs,
    guint n_inputs, guint64 line, guint64 n)
{
  guint64 first = x_line (push, line), end = x_line (push, line + n - 1) + 1;

  push->first_line = line;
  push->first_x_line = first;
  for (guint i = 0; i < KILN_STACK_MAX_PARTS; i++) {
    const KilnView *x = &inputs[MIN (i, n_inputs - 1)];
    gboolean everywhere = stands_everywhere (&x->shape);

    push->x_stride[i] = kiln_shape_stride (&x->shape) / 4;
    dispatch->bindings[i] = kiln_view_lines (x, everywhere ? 0 : first,
        everywhere ? 1 : end - first, &push->x_base[i]);
  }
}

static void
set_specs (KilnDispatch *dispatch, const KilnStack *stack,
    const KilnView *inputs, guint n_inputs)
{
  dispatch->n_specs = KILN_STACK_MAX_PARTS + 3;
  for (guint i = 0; i < n_inputs; i++) {
    dispatch->specs[i] =
        stack->parts[i].first << 16 | stack->parts[i].channels;
    if (stands_everywhere (&inputs[i].shape))
      dispatch->specs[KILN_STACK_MAX_PARTS] |= 1u << i;
  }
}

static guint64
widest_row (const KilnView *inputs, guint n_inputs, const KilnView *output)
{
  guint64 bytes = kiln_shape_row_bytes (&output->shape);

  for (guint i = 0; i < n_inputs; i++)
    bytes = MAX (bytes, kiln_shape_row_bytes (&inputs[i].shape));
  return bytes;
}

static void
set_geometry (Push *push, const KilnView *inputs, guint n_inputs,
    const KilnShape *y)
{
  const KilnShape *shapes[KILN_STACK_MAX_PARTS], *sized;

  for (guint i = 0; i < n_inputs; i++)
    shapes[i] = &inputs[i].shape;
  sized = find_sized (shapes, n_inputs);
  push->x_height = stands_everywhere (sized) ? y->height : sized->height;
  push->x_width = stands_everywhere (sized) ? y->width : sized->width;
  push->y_height = y->height;
  push->y_width = y->width;
  push->y_stride = kiln_shape_stride (y) / 4;
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnShape *y = &output->shape;
  guint64 lines = (guint64) y->frames * y->height;
  Push push = { { 0 } };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "stack", y->type),
    .n_bindings = KILN_STACK_MAX_PARTS + 1,
    .texels = kiln_texels_for (device, (1 << KILN_STACK_MAX_PARTS) - 1),
    .push = &push,
    .push_size = sizeof push,
  };
  double line_flops = (double) y->width * kiln_shape_stride (y);
  guint64 at_once;

  set_geometry (&push, inputs, n_inputs, y);
  set_specs (&dispatch, params, inputs, n_inputs);
  at_once = kiln_rows_per_dispatch (device, 1, 0,
      widest_row (inputs, n_inputs, output) * MAX (y->width, push.x_width),
      line_flops);
  for (guint64 line = 0; line < lines; line += at_once) {
    guint64 n = MIN (at_once, lines - line);

    bind (&dispatch, &push, inputs, n_inputs, line, n);
    dispatch.bindings[KILN_STACK_MAX_PARTS] =
        kiln_view_lines (output, line, n, &push.y_base);
    push.n = n * y->width;
    dispatch.invocations = push.n;
    dispatch.flops = line_flops * n;
    for (guint32 v = 0; v < push.y_stride; v += MAX_VECTORS) {
      dispatch.specs[KILN_STACK_MAX_PARTS + 1] = v;
      dispatch.specs[KILN_STACK_MAX_PARTS + 2] =
          MIN (MAX_VECTORS, push.y_stride - v);
      kiln_recorder_dispatch (recorder, &dispatch);
    }
  }
}

const KilnOpClass kiln_stack_class = {
  .name = "stack",
  .params_size = sizeof (KilnStack),
  .infer = infer,
  .record = record,
};
