/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matmul.h"

/* What one invocation makes: ROWS and PANELS in shaders/meson.build. */
typedef struct {
  guint32 rows, panels;
} Tile;

static Tile
tile_of (KilnDevice *device)
{
  const Tile software = { 4, 2 }, other = { 8, 1 };

  return kiln_device_is_cpu (device) ? software : other;
}

/* ---- Shapes */

static guint32
taps (const KilnMatmul *matmul)
{
  switch (matmul->kind) {
    case KILN_MATMUL_LINEAR:
      return 1;
    case KILN_MATMUL_TEMPORAL:
      return 3;
    case KILN_MATMUL_CONV2D:
    case KILN_MATMUL_TRANSPOSED:
      return matmul->kernel * matmul->kernel;
  }
  g_assert_not_reached ();
}

static guint32
resized_height (const KilnMatmul *matmul, const KilnShape *x)
{
  return matmul->resize_height ? matmul->resize_height : x->height;
}

static guint32
resized_width (const KilnMatmul *matmul, const KilnShape *x)
{
  return matmul->resize_width ? matmul->resize_width : x->width;
}

static guint32
n_panels (const KilnMatmul *matmul)
{
  guint a_panel = matmul->activation == KILN_ACT_GEGLU ? 4 : 8;

  return (matmul->outputs + a_panel - 1) / a_panel;
}

/* 0: the kernel does not fit. */
static guint32
convolved (const KilnMatmul *matmul, guint32 size)
{
  guint32 padded = size + matmul->pad + matmul->pad_end;

  if (padded < matmul->kernel)
    return 0;
  return (padded - matmul->kernel) / matmul->stride + 1;
}

/* 0: nothing is left. */
static guint32
transposed (const KilnMatmul *matmul, guint32 size)
{
  guint64 whole = (guint64) (size - 1) * matmul->stride + matmul->kernel;
  guint64 cut = (guint64) matmul->pad + matmul->pad_end;

  return whole > cut && whole - cut <= G_MAXUINT32 ? whole - cut : 0;
}

static gboolean
check_weight (const KilnMatmul *matmul, const KilnShape *x,
    const KilnShape *weight, KilnType type, GError **error)
{
  guint32 depth = taps (matmul) * kiln_shape_stride (x);
  guint32 weights = matmul->each_frame ? x->frames : 1;

  if (weight->frames == weights && weight->height == n_panels (matmul) && weight->width == depth
      && weight->channels == 8 && weight->type == type)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "the packed weight is %u of %u panels of %u rows, not %u of %u of %u",
      weight->frames, weight->height, weight->width, weights,
      n_panels (matmul), depth);
  return FALSE;
}

static gboolean
check_same (const char *what, const KilnShape *shape,
    const KilnShape *output, GError **error)
{
  g_autofree char *is = NULL;
  g_autofree char *wanted = NULL;

  if (shape == NULL || (kiln_shape_rows (shape) == kiln_shape_rows (output)
          && shape->channels == output->channels
          && shape->type == output->type))
    return TRUE;
  is = kiln_shape_to_string (shape);
  wanted = kiln_shape_to_string (output);
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE, "the %s is %s, not %s",
      what, is, wanted);
  return FALSE;
}

static gboolean
check_row (const KilnShape *row, const KilnShape *output, GError **error)
{
  if (row == NULL || (row->channels == output->channels
          && row->type == output->type
          && kiln_shape_rows (output) % kiln_shape_rows (row) == 0))
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "%" G_GUINT64_FORMAT " vectors of %u channels cannot be added to %"
      G_GUINT64_FORMAT " rows of %u", kiln_shape_rows (row), row->channels,
      kiln_shape_rows (output), output->channels);
  return FALSE;
}

static gboolean
check_epilogue (const KilnMatmul *matmul, const KilnShape *const *inputs,
    GError **error)
{
  const KilnShape *factor = inputs[KILN_MATMUL_FACTOR];

  if (matmul->kind == KILN_MATMUL_TRANSPOSED && (inputs[KILN_MATMUL_ROW]
          || inputs[KILN_MATMUL_RESIDUAL] || inputs[KILN_MATMUL_RESIDUAL2])) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "nothing can be added to a transposed convolution");
    return FALSE;
  }
  if (factor == NULL ? matmul->activation != KILN_ACT_PRELU
      : factor->type == KILN_F32 && factor->channels >= matmul->outputs
      && matmul->activation != KILN_ACT_GEGLU)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "the factors or slopes are not fp32 numbers for %u outputs",
      matmul->outputs);
  return FALSE;
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnMatmul *matmul = params;
  const KilnShape *x = inputs[KILN_MATMUL_X];
  KilnType type = output->type;

  *output = *x;
  output->type = type;
  output->channels = matmul->outputs;
  if (matmul->kind == KILN_MATMUL_CONV2D) {
    output->height = convolved (matmul, resized_height (matmul, x));
    output->width = convolved (matmul, resized_width (matmul, x));
  }
  if (matmul->kind == KILN_MATMUL_TRANSPOSED) {
    output->height = transposed (matmul, x->height);
    output->width = transposed (matmul, x->width);
  }
  if (x->type != type || matmul->outputs == 0
      || kiln_shape_rows (output) == 0 || x->channels == 0) {
    g_autofree char *text = kiln_shape_to_string (x);

    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "an input of %s cannot be multiplied", text);
    return FALSE;
  }
  if (kiln_shape_rows (output) > G_MAXUINT32) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "the result has more than 2^32 positions");
    return FALSE;
  }
  return check_weight (matmul, x, inputs[KILN_MATMUL_WEIGHT], type, error)
      && check_epilogue (matmul, inputs, error)
      && check_row (inputs[KILN_MATMUL_ROW], output, error)
      && check_same ("residual", inputs[KILN_MATMUL_RESIDUAL], output, error)
      && check_same ("second residual", inputs[KILN_MATMUL_RESIDUAL2], output,
      error);
}

static double
row_flops (const KilnMatmul *matmul, const KilnShape *x)
{
  double flops = 2.0 * taps (matmul) * x->channels * matmul->outputs;

  if (matmul->kind == KILN_MATMUL_TRANSPOSED)
    return flops / (matmul->stride * matmul->stride);
  return matmul->activation == KILN_ACT_GEGLU ? 2 * flops : flops;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return row_flops (params, inputs[KILN_MATMUL_X]) * kiln_shape_rows (output);
}

/* ---- Recording: a dispatch makes a run of rows of all panels. */

typedef struct {              /* Push in matmul.comp */
  guint32 first_row, n_rows, first_panel, n_panels;
  guint32 x_stride, y_stride;
  guint32 x_base, weight_base, residual_base, residual2_base, y_base;
  guint32 row_base, row_share;
  guint32 has_bias;
  float slope, scale, residual_scale, residual2_scale;
  guint32 x_height, x_width, y_height, y_width;
  guint32 resized_height, resized_width;
  guint32 kernel, stride;
  gint32 pad;
  guint32 first_position;
  union
  {
    struct
    {
      guint32 positions, frames, before_base, after_base;
    };
    struct
    {
      guint32 phase_y, phase_x, phase_height, phase_width;
    };
  };
} Push;

G_STATIC_ASSERT (sizeof (Push) <= KILN_PUSH_BYTES);

static void
set_geometry (Push *push, const KilnMatmul *matmul, const KilnView *inputs,
    const KilnView *output)
{
  const KilnShape *x = &inputs[KILN_MATMUL_X].shape;
  const KilnView *row = &inputs[KILN_MATMUL_ROW];

  push->n_panels = n_panels (matmul);
  push->has_bias = inputs[KILN_MATMUL_BIAS].buffer != NULL;
  push->x_stride = kiln_shape_stride (x) / 4;
  push->y_stride = kiln_shape_stride (&output->shape) / 4;
  push->slope = matmul->slope;
  push->scale = matmul->scale;
  push->residual_scale = matmul->residual_scale;
  push->residual2_scale = matmul->residual2_scale;
  if (row->buffer != NULL)
    push->row_share = kiln_shape_rows (&output->shape)
        / kiln_shape_rows (&row->shape);
  push->x_height = x->height;
  push->x_width = x->width;
  push->y_height = output->shape.height;
  push->y_width = output->shape.width;
  push->resized_height = resized_height (matmul, x);
  push->resized_width = resized_width (matmul, x);
  push->kernel = matmul->kernel;
  push->stride = matmul->stride;
  push->pad = matmul->pad;
  if (matmul->kind == KILN_MATMUL_TEMPORAL) {
    push->positions = x->height * x->width;
    push->frames = x->frames;
  }
}

/* First line of x, counted over all frames, that the output's line needs,
 * clamped to the line's own frame. */
static guint64
first_line (const Push *push, guint64 line)
{
  gint64 y = (gint64) (line % push->y_height) * push->stride - push->pad;

  y = CLAMP (y, 0, push->resized_height - 1);
  return line / push->y_height * push->x_height
      + y * push->x_height / push->resized_height;
}

static guint64
last_line (const Push *push, guint64 line)
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
bind_lines (KilnDispatch *dispatch, Push *push, const KilnView *x,
    guint64 begin, guint64 end)
{
  push->first_position = begin * push->x_width;
  dispatch->bindings[0] = kiln_view_window (x, begin * push->x_width,
      (end - begin) * push->x_width, &push->x_base);
}

/* The lines of x that a line of the phase is made of, likewise. */
static guint64
met_line (const Push *push, guint64 line, guint32 tap)
{
  gint64 y = line % push->phase_height
      + (push->phase_y + push->pad) / push->stride;

  y = CLAMP (y - tap, 0, push->x_height - 1);
  return line / push->phase_height * push->x_height + y;
}

static guint64
first_met_line (const Push *push, guint64 line)
{
  return met_line (push, line, (push->kernel - 1) / push->stride);
}

static guint64
last_met_line (const Push *push, guint64 line)
{
  return met_line (push, line, 0);
}

static void
bind_x (KilnDispatch *dispatch, Push *push, const KilnMatmul *matmul,
    const KilnView *x)
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
bind_row_vectors (KilnDispatch *dispatch, Push *push, const KilnView *row)
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
bind_phase (KilnDispatch *dispatch, Push *push, const KilnView *output)
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
static void
bind_rows (KilnDispatch *dispatch, Push *push, const KilnMatmul *matmul,
    const KilnView *inputs, const KilnView *output)
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

static guint64
count_tiles (KilnDevice *device, guint64 rows, guint64 panels)
{
  Tile tile = tile_of (device);

  return (rows + tile.rows - 1) / tile.rows
      * ((panels + tile.panels - 1) / tile.panels);
}

/* The weight's panels that fit into one binding. */
static void
dispatch_panels (KilnRecorder *recorder, KilnDispatch *dispatch, Push *push,
    const KilnView *weight, guint32 frame)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  guint64 depth = weight->shape.width;
  guint32 panels = weight->shape.height;
  double flops = dispatch->flops;
  guint64 at_once = kiln_rows_per_dispatch (device, depth, 0,
      kiln_shape_row_bytes (&weight->shape), flops / panels / depth) / depth;

  for (guint32 panel = 0; panel < panels; panel += at_once) {
    push->first_panel = panel;
    push->n_panels = MIN (at_once, panels - panel);
    dispatch->bindings[1] = kiln_view_window (weight,
        ((guint64) frame * panels + panel) * depth,
        push->n_panels * depth, &push->weight_base);
    dispatch->invocations = count_tiles (device, push->n_rows,
        push->n_panels);
    dispatch->flops = flops * push->n_panels / panels;
    kiln_recorder_dispatch (recorder, dispatch);
  }
}

static guint64
rows_at_once (KilnDevice *device, const KilnMatmul *matmul, const Push *push,
    const KilnShape *x, const KilnShape *y)
{
  guint64 x_bytes = kiln_shape_row_bytes (x);
  guint64 y_bytes = kiln_shape_row_bytes (y);
  double flops = row_flops (matmul, x);
  guint64 bytes, halo, lines;

  if (matmul->kind == KILN_MATMUL_TRANSPOSED) {
    bytes = MAX (y_bytes * y->width * push->stride, x_bytes * x->width);
    halo = push->kernel / push->stride + 1;
    lines = kiln_rows_per_dispatch (device, 1, halo, bytes,
        flops * push->phase_width);
    return lines * push->phase_width;
  }
  if (matmul->kind != KILN_MATMUL_CONV2D)
    return kiln_rows_per_dispatch (device, 8, 0,
        MAX (x_bytes, y_bytes), flops);
  /* In whole lines of the output; a line may need stride lines of x, and a
   * run of lines as many more as the kernel has. */
  bytes = MAX (y_bytes * y->width, x_bytes * x->width * push->stride);
  halo = push->kernel + 1;
  lines = kiln_rows_per_dispatch (device, 1, halo, bytes, flops * y->width);
  return lines * y->width;
}

static const char *
shader_name (KilnDevice *device, KilnMatmulKind kind, KilnType type)
{
  static const char *const names[] = {
    "matmul_linear", "matmul_conv2d", "matmul_temporal", "matmul_transposed"
  };

  return kiln_shader_for (device, names[kind], type);
}

/* Rows [row, end) of the output, or of the phase that push names. */
static void
record_rows (KilnRecorder *recorder, KilnDispatch *dispatch, Push *push,
    const KilnMatmul *matmul, const KilnView *inputs, const KilnView *output,
    guint64 row, guint64 end)
{
  const KilnView *x = &inputs[KILN_MATMUL_X];
  double flops = row_flops (matmul, &x->shape);
  guint64 at_once = rows_at_once (kiln_recorder_get_device (recorder), matmul,
      push, &x->shape, &output->shape);
  guint32 frame = matmul->each_frame
      ? row / ((guint64) x->shape.height * x->shape.width) : 0;

  for (; row < end; row += at_once) {
    push->first_row = row;
    push->n_rows = MIN (at_once, end - row);
    bind_x (dispatch, push, matmul, x);
    bind_rows (dispatch, push, matmul, inputs, output);
    dispatch->flops = flops * push->n_rows;
    dispatch_panels (recorder, dispatch, push, &inputs[KILN_MATMUL_WEIGHT],
        frame);
  }
}

static void
record_phases (KilnRecorder *recorder, KilnDispatch *dispatch, Push *push,
    const KilnMatmul *matmul, const KilnView *inputs, const KilnView *output)
{
  const KilnShape *y = &output->shape;
  guint32 stride = matmul->stride;

  for (guint32 i = 0; i < stride * stride; i++) {
    push->phase_y = i / stride;
    push->phase_x = i % stride;
    push->phase_height = (y->height + stride - 1 - push->phase_y) / stride;
    push->phase_width = (y->width + stride - 1 - push->phase_x) / stride;
    record_rows (recorder, dispatch, push, matmul, inputs, output, 0,
        (guint64) y->frames * push->phase_height * push->phase_width);
  }
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnMatmul *matmul = params;
  guint64 rows = kiln_shape_rows (&output->shape);
  guint64 together = matmul->each_frame ? rows / output->shape.frames : rows;
  Push push = { 0 };
  KilnDispatch dispatch = {
    .shader = shader_name (device, matmul->kind, output->shape.type),
    .specs = {
      matmul->activation,
      inputs[KILN_MATMUL_ROW].buffer != NULL,
      inputs[KILN_MATMUL_RESIDUAL].buffer != NULL,
      inputs[KILN_MATMUL_RESIDUAL2].buffer != NULL,
      inputs[KILN_MATMUL_FACTOR].buffer != NULL,
    },
    .n_specs = 5,
    .n_bindings = matmul->kind == KILN_MATMUL_TEMPORAL ? 10 : 8,
    /* All but the result. */
    .texels = kiln_texels_for (device, ~(1u << 6)),
    .push = &push,
    .push_size = sizeof push,
  };

  set_geometry (&push, matmul, inputs, output);
  if (matmul->kind == KILN_MATMUL_TRANSPOSED)
    record_phases (recorder, &dispatch, &push, matmul, inputs, output);
  else
    for (guint64 row = 0; row < rows; row += together)
      record_rows (recorder, &dispatch, &push, matmul, inputs, output, row,
          row + together);
}

const KilnOpClass kiln_matmul_class = {
  .name = "matmul",
  .params_size = sizeof (KilnMatmul),
  .infer = infer,
  .flops = flops,
  .record = record,
};
