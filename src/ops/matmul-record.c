/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matmul-private.h"

/* A product being recorded, as dispatches of runs of rows of all panels. */
typedef struct {
  KilnRecorder *recorder;
  const KilnMatmul *matmul;
  const KilnVariant *variant;
  const KilnView *inputs, *output;
  guint32 block_width;          /* where it takes slices; else 0 */
  KilnMatmulPush push;
  KilnDispatch dispatch;
} Recording;

static void
set_geometry (KilnMatmulPush *push, const KilnMatmul *matmul,
    const KilnView *inputs, const KilnView *output)
{
  const KilnShape *x = &inputs[KILN_MATMUL_X].shape;
  const KilnView *row = &inputs[KILN_MATMUL_ROW];

  push->n_panels = kiln_matmul_panels (matmul);
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
  push->resized_height = kiln_matmul_resized_height (matmul, x);
  push->resized_width = kiln_matmul_resized_width (matmul, x);
  push->kernel = matmul->kernel;
  push->stride = matmul->stride;
  push->pad = matmul->pad;
  if (matmul->kind == KILN_MATMUL_TEMPORAL) {
    push->positions = x->height * x->width;
    push->frames = x->frames;
  }
}

static guint64
count_tiles (const Recording *self)
{
  const KilnVariant *variant = self->variant;
  guint64 rows = self->push.n_rows, columns = 8 * self->push.n_panels;
  guint64 across = (columns + variant->columns - 1) / variant->columns;

  if (self->block_width > 0 && self->matmul->kind == KILN_MATMUL_CONV2D)
    return across * kiln_matmul_count_blocks (variant, &self->push,
        self->block_width);
  return across * ((rows + variant->rows - 1) / variant->rows);
}

/* Where shaders find the vector of a binding that its window begins with. */
static guint64
address_of (const KilnBinding *binding, guint32 base, KilnType type)
{
  return kiln_buffer_get_address (binding->buffer) + binding->offset
      + (guint64) base * 4 * kiln_type_size (type);
}

static void
set_factors (Recording *self, guint32 x_base, guint32 weight_base)
{
  const KilnBinding *bindings = self->dispatch.bindings;
  KilnType type = self->output->shape.type;

  if ((self->variant->needs & KILN_FEATURE_ADDRESSES) != 0) {
    self->push.x_address = address_of (&bindings[0], x_base, type);
    self->push.weight_address = address_of (&bindings[1], weight_base, type);
    return;
  }
  self->push.x_base = x_base;
  self->push.weight_base = weight_base;
}

/* The weight's panels that fit into one binding. */
static void
record_panels (Recording *self, guint32 frame)
{
  const KilnView *weight = &self->inputs[KILN_MATMUL_WEIGHT];
  KilnMatmulPush *push = &self->push;
  guint64 depth = weight->shape.width;
  guint32 panels = weight->shape.height;
  guint32 x_base = push->x_base, weight_base;
  double flops = kiln_matmul_row_flops (self->matmul,
      &self->inputs[KILN_MATMUL_X].shape) * push->n_rows / panels;
  guint64 at_once =
      kiln_rows_per_dispatch (kiln_recorder_get_device (self->recorder),
      depth, 0, kiln_shape_row_bytes (&weight->shape), flops / depth) / depth;

  for (guint32 panel = 0; panel < panels; panel += at_once) {
    push->first_panel = panel;
    push->n_panels = MIN (at_once, panels - panel);
    self->dispatch.bindings[1] = kiln_view_window (weight,
        ((guint64) frame * panels + panel) * depth,
        push->n_panels * depth, &weight_base);
    set_factors (self, x_base, weight_base);
    kiln_variant_set_tiles (self->variant, count_tiles (self),
        &self->dispatch);
    self->dispatch.flops = flops * push->n_panels;
    kiln_recorder_dispatch (self->recorder, &self->dispatch);
  }
}

static guint64
rows_at_once (const Recording *self)
{
  KilnDevice *device = kiln_recorder_get_device (self->recorder);
  const KilnMatmulPush *push = &self->push;
  const KilnShape *x = &self->inputs[KILN_MATMUL_X].shape;
  const KilnShape *y = &self->output->shape;
  guint64 x_bytes = kiln_shape_row_bytes (x);
  guint64 y_bytes = kiln_shape_row_bytes (y);
  double flops = kiln_matmul_row_flops (self->matmul, x);
  guint64 bytes, halo, lines;

  if (self->matmul->kind == KILN_MATMUL_TRANSPOSED) {
    bytes = MAX (y_bytes * y->width * push->stride, x_bytes * x->width);
    halo = push->kernel / push->stride + 1;
    lines = kiln_rows_per_dispatch (device, 1, halo, bytes,
        flops * push->phase_width);
    return lines * push->phase_width;
  }
  if (self->matmul->kind != KILN_MATMUL_CONV2D)
    return kiln_rows_per_dispatch (device, self->variant->rows, 0,
        MAX (x_bytes, y_bytes), flops);
  /* In whole lines of the output; a line may need stride lines of x, and a
   * run of lines as many more as the kernel has. */
  bytes = MAX (y_bytes * y->width, x_bytes * x->width * push->stride);
  halo = push->kernel + 1;
  lines = kiln_rows_per_dispatch (device, 1, halo, bytes, flops * y->width);
  return lines * y->width;
}

/* Rows [row, end) of the output, or of the phase that push names. */
static void
record_rows (Recording *self, guint64 row, guint64 end)
{
  const KilnShape *x = &self->inputs[KILN_MATMUL_X].shape;
  guint64 at_once = rows_at_once (self);
  guint32 frame = self->matmul->each_frame
      ? row / ((guint64) x->height * x->width) : 0;

  for (; row < end; row += at_once) {
    self->push.first_row = row;
    self->push.n_rows = MIN (at_once, end - row);
    kiln_matmul_bind_x (&self->dispatch, &self->push, self->matmul,
        &self->inputs[KILN_MATMUL_X]);
    kiln_matmul_bind_rows (&self->dispatch, &self->push, self->matmul,
        self->inputs, self->output);
    record_panels (self, frame);
  }
}

static void
record_phases (Recording *self)
{
  const KilnShape *y = &self->output->shape;
  KilnMatmulPush *push = &self->push;
  guint32 stride = push->stride;

  for (guint32 i = 0; i < stride * stride; i++) {
    push->phase_y = i / stride;
    push->phase_x = i % stride;
    push->phase_height = (y->height + stride - 1 - push->phase_y) / stride;
    push->phase_width = (y->width + stride - 1 - push->phase_x) / stride;
    record_rows (self, 0,
        (guint64) y->frames * push->phase_height * push->phase_width);
  }
}

static void
set_dispatch (Recording *self, const char *family)
{
  const KilnMatmul *matmul = self->matmul;
  const KilnVariant *variant = self->variant;
  KilnDevice *device = kiln_recorder_get_device (self->recorder);
  const KilnDeviceInfo *info = kiln_device_get_info (device);

  self->dispatch = (KilnDispatch) {
    .specs = {
      matmul->activation,
      self->inputs[KILN_MATMUL_ROW].buffer != NULL,
      self->inputs[KILN_MATMUL_RESIDUAL].buffer != NULL,
      self->inputs[KILN_MATMUL_RESIDUAL2].buffer != NULL,
      self->inputs[KILN_MATMUL_FACTOR].buffer != NULL,
      variant->rows, variant->columns, variant->depth,
      self->block_width > 0 ? self->block_width : info->matrix_rows,
      info->matrix_columns, info->matrix_depth,
      variant->subgroups,
      MIN (info->subgroup_size, kiln_variant_group_size (variant, device)),
      matmul->resize_height > 0 || matmul->resize_width > 0,
      MIN (self->inputs[KILN_MATMUL_X].shape.channels, 4),
    },
    .n_specs = 15,
    .n_bindings = matmul->kind == KILN_MATMUL_TEMPORAL ? 10 : 8,
    /* All but the result. */
    .texels = kiln_texels_for (device, ~(1u << 6)),
    .push = &self->push,
    .push_size = sizeof self->push,
  };
  kiln_variant_set_shader (variant, device, family,
      self->output->shape.type, &self->dispatch);
}

void
kiln_matmul_record (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch)
{
  const KilnMatmul *matmul = params;
  const KilnShape *x = &inputs[KILN_MATMUL_X].shape;
  KilnWork work = kiln_matmul_work (matmul, &x, &output->shape);
  guint64 rows = kiln_shape_rows (&output->shape);
  Recording self = {
    .recorder = recorder,
    .matmul = matmul,
    .variant = kiln_variant_choose (&kiln_matmul_class,
        kiln_recorder_get_device (recorder), output->shape.type, &work),
    .inputs = inputs,
    .output = output,
  };

  if (self.variant->slices)
    self.block_width =
        kiln_matmul_block_width (self.variant, matmul, &output->shape);
  set_geometry (&self.push, matmul, inputs, output);
  set_dispatch (&self, work.family);
  if (matmul->kind == KILN_MATMUL_TRANSPOSED)
    record_phases (&self);
  else
    for (guint64 row = 0; row < rows; row += work.rows)
      record_rows (&self, row, row + work.rows);
}
