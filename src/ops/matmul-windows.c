/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matmul-private.h"

/* Which parts of its tensors a dispatch binds: bindings are small on some
 * devices, so no more than what its rows need. */

/* First line of x, counted over all frames, that the output's line needs,
 * clamped to the line's own frame. */
static guint64
first_line (const KilnMatmulPush *push, guint64 line)
{
  gint64 y = (gint64) (line % push->y_height) * push->stride - push->pad;

  y = CLAMP (y, 0, push->resized_height - 1);
  return line / push->y_height * push->x_height
      + y * push->x_height / push->resized_height;
}

static guint64
last_line (const KilnMatmulPush *push, guint64 line)
{
  gint64 y = (gint64) (line % push->y_height) * push->stride - push->pad
      + push->kernel - 1;

  y = CLAMP (y, 0, push->resized_height - 1);
  return line / push->y_height * push->x_height
      + y * push->x_height / push->resized_height;
}

/* The part of x shifted by a frame that rows [first, first + n) read;
 * where there is none, any part that exists: the shader reads none of it. */
static KilnBinding
shifted_window (const KilnView *x, gint64 first, gint64 n, gint64 shift,
    guint32 *base)
{
  gint64 rows = kiln_shape_rows (&x->shape);
  gint64 begin = CLAMP (first + shift, 0, rows);
  gint64 end = CLAMP (first + n + shift, 0, rows);
  KilnBinding binding;

  if (begin >= end)
    return kiln_view_window (x, first, n, base);
  binding = kiln_view_window (x, begin, end - begin, base);
  /* Rows before the tensor's first are not bound: count from where the
   * shader's row 0 would be. Their frames are zero padding. */
  *base -= (begin - (first + shift)) * (kiln_shape_stride (&x->shape) / 4);
  return binding;
}

static void
bind_lines (KilnDispatch *dispatch, KilnMatmulPush *push, const KilnView *x,
    guint64 begin, guint64 end)
{
  push->first_position = begin * push->x_width;
  dispatch->bindings[0] = kiln_view_window (x, begin * push->x_width,
      (end - begin) * push->x_width, &push->x_base);
}

/* The lines of x that a line of the phase is made of, likewise. */
static guint64
met_line (const KilnMatmulPush *push, guint64 line, guint32 tap)
{
  gint64 y = line % push->phase_height
      + (push->phase_y + push->pad) / push->stride;

  y = CLAMP (y - tap, 0, push->x_height - 1);
  return line / push->phase_height * push->x_height + y;
}

static guint64
first_met_line (const KilnMatmulPush *push, guint64 line)
{
  return met_line (push, line, (push->kernel - 1) / push->stride);
}

static guint64
last_met_line (const KilnMatmulPush *push, guint64 line)
{
  return met_line (push, line, 0);
}

void
kiln_matmul_bind_x (KilnDispatch *dispatch, KilnMatmulPush *push,
    const KilnMatmul *matmul, const KilnView *x)
{
  guint64 first = push->first_row, n = push->n_rows;

  switch (matmul->kind) {
    case KILN_MATMUL_LINEAR:
      dispatch->bindings[0] = kiln_view_window (x, first, n, &push->x_base);
      break;
    case KILN_MATMUL_TEMPORAL:
      dispatch->bindings[0] = kiln_view_window (x, first, n, &push->x_base);
      dispatch->bindings[8] = shifted_window (x, first, n,
          -(gint64) push->positions, &push->before_base);
      dispatch->bindings[9] = shifted_window (x, first, n, push->positions,
          &push->after_base);
      break;
    case KILN_MATMUL_CONV2D:{
      guint64 begin = first_line (push, first / push->y_width);
      guint64 end = last_line (push, (first + n - 1) / push->y_width) + 1;

      bind_lines (dispatch, push, x, begin, end);
      break;
    }
    case KILN_MATMUL_TRANSPOSED:
      bind_lines (dispatch, push, x,
          first_met_line (push, first / push->phase_width),
          last_met_line (push, (first + n - 1) / push->phase_width) + 1);
      break;
  }
}

static void
bind_row_vectors (KilnDispatch *dispatch, KilnMatmulPush *push,
    const KilnView *row)
{
  guint64 first = push->first_row / push->row_share;
  guint64 end = (push->first_row + push->n_rows - 1) / push->row_share + 1;

  dispatch->bindings[3] = kiln_view_window (row, first, end - first,
      &push->row_base);
  /* The shader counts from the tensor's first vector. */
  push->row_base -= first * push->y_stride;
}

/* Where a transposed convolution puts its phase: in every stride-th line. */
static void
bind_phase (KilnDispatch *dispatch, KilnMatmulPush *push,
    const KilnView *output)
{
  guint64 lines[2];             /* the first and the last */
  guint64 first;

  for (guint i = 0; i < 2; i++) {
    guint64 row = push->first_row + (i ? push->n_rows - 1 : 0);
    guint64 line = row / push->phase_width;

    lines[i] = line / push->phase_height * push->y_height
        + line % push->phase_height * push->stride + push->phase_y;
  }
  first = lines[0] * push->y_width;
  dispatch->bindings[6] = kiln_view_window (output, first,
      (lines[1] + 1) * push->y_width - first, &push->y_base);
  push->y_base -= first * push->y_stride;
}

/* Optional inputs that are absent are bound to x: never read. */
void
kiln_matmul_bind_rows (KilnDispatch *dispatch, KilnMatmulPush *push,
    const KilnMatmul *matmul, const KilnView *inputs, const KilnView *output)
{
  const KilnView *bias = &inputs[KILN_MATMUL_BIAS];
  const KilnView *row = &inputs[KILN_MATMUL_ROW];
  const KilnView *residual = &inputs[KILN_MATMUL_RESIDUAL];
  const KilnView *residual2 = &inputs[KILN_MATMUL_RESIDUAL2];
  const KilnView *factor = &inputs[KILN_MATMUL_FACTOR];
  guint32 base;

  for (guint i = 2; i <= 7; i++)
    dispatch->bindings[i] = dispatch->bindings[0];
  /* Software devices compile a shader for the formats that it gets. */
  dispatch->bindings[2].format = VK_FORMAT_R32G32B32A32_SFLOAT;
  dispatch->bindings[7].format = VK_FORMAT_R32G32B32A32_SFLOAT;
  if (factor->buffer != NULL)
    dispatch->bindings[7] = kiln_view_window (factor, 0, 1, &base);
  if (bias->buffer != NULL)
    dispatch->bindings[2] = kiln_view_window (bias, 0, 1, &base);
  if (row->buffer != NULL)
    bind_row_vectors (dispatch, push, row);
  if (residual->buffer != NULL)
    dispatch->bindings[4] = kiln_view_window (residual, push->first_row,
        push->n_rows, &push->residual_base);
  if (residual2->buffer != NULL)
    dispatch->bindings[5] = kiln_view_window (residual2, push->first_row,
        push->n_rows, &push->residual2_base);
  if (matmul->kind == KILN_MATMUL_TRANSPOSED)
    bind_phase (dispatch, push, output);
  else
    dispatch->bindings[6] = kiln_view_window (output, push->first_row,
        push->n_rows, &push->y_base);
}

