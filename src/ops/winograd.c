/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "winograd.h"

/* Fewer channels are not worth the transforms. */
#define MIN_CHANNELS 32

/* More kernels than this: four times their memory is not worth the time.
 * It is 37 MB. */
#define MAX_KERNELS (512 * 512)

/* Of tiles and of products. Smaller than the caches of most CPUs, and enough
 * work for each of the 36 matrix products. */
#define BAND_BYTES (16u << 20)

#define ALIGNMENT 256

static guint32
tiles (guint32 size)
{
  return (size + 3) / 4;
}

static guint64
count_tiles (const KilnShape *shape)
{
  return (guint64) shape->frames * tiles (shape->height)
      * tiles (shape->width);
}

gboolean
kiln_winograd_suits (const KilnMatmul *matmul, const KilnShape *x)
{
  return matmul->kind == KILN_MATMUL_CONV2D && matmul->kernel == 3
      && matmul->stride == 1 && matmul->pad == 1 && matmul->pad_end == 1
      && matmul->activation != KILN_ACT_GEGLU && x->type == KILN_F32
      && x->channels >= MIN_CHANNELS && matmul->outputs >= MIN_CHANNELS
      && (guint64) x->channels * matmul->outputs <= MAX_KERNELS;
}

/* ---- Checking */

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnMatmul *matmul = params;
  const KilnShape *weight = inputs[KILN_MATMUL_WEIGHT];
  const KilnShape *plain[KILN_MATMUL_N_INPUTS];
  KilnShape kernels = *weight;

  if (weight->frames != KILN_WINOGRAD_PLACES || weight->type != KILN_F32
      || matmul->kernel != 3 || matmul->stride != 1 || matmul->pad != 1
      || matmul->pad_end != 1 || matmul->kind != KILN_MATMUL_CONV2D) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "this is no 3x3 convolution with transformed kernels in fp32");
    return FALSE;
  }
  /* The rest is as of the same convolution by its nine taps. */
  for (guint i = 0; i < KILN_MATMUL_N_INPUTS; i++)
    plain[i] = inputs[i];
  kernels.frames = 1;
  kernels.width *= 9;
  plain[KILN_MATMUL_WEIGHT] = &kernels;
  return kiln_matmul_class.infer (params, plain, n_inputs, output, error);
}

/* Of the convolution: what a method does for it is its own business. */
static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  return kiln_matmul_class.flops (params, inputs, output);
}

/* ---- Bands */

static guint64
align (guint64 bytes)
{
  return (bytes + ALIGNMENT - 1) & ~(guint64) (ALIGNMENT - 1);
}

/* n transformed tiles: a frame for each of their places. */
static KilnShape
places_shape (guint64 n, guint32 channels)
{
  return (KilnShape) {
    KILN_F32, KILN_WINOGRAD_PLACES, 1, n, channels
  };
}

static guint64
place_bytes (guint64 n, guint32 channels)
{
  KilnShape shape = places_shape (n, channels);

  return align (kiln_shape_bytes (&shape));
}

/* Tiles of a band, where a binding may be so large. */
static guint64
band_tiles (const KilnShape *x, const KilnShape *y, guint64 range)
{
  guint64 in = place_bytes (1, x->channels);
  guint64 out = place_bytes (1, y->channels);
  guint64 most = MIN (BAND_BYTES / (in + out), range / MAX (in, out));

  return MIN (MAX (most, 1), count_tiles (y));
}

static guint64
scratch_bytes (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  const KilnShape *x = inputs[KILN_MATMUL_X];
  guint64 n = band_tiles (x, output, G_MAXUINT64);

  return place_bytes (n, x->channels) + place_bytes (n, output->channels);
}

typedef struct {
  KilnRecorder *recorder;
  const KilnMatmul *matmul;
  const KilnView *inputs, *output;
  KilnView in, out;             /* scratch */
  guint64 first, n;             /* tiles */
} Band;

/* Lines [*begin, *end) of y, counted over all frames, that the band makes. */
static void
lines_of_y (const Band *band, guint64 *begin, guint64 *end)
{
  const KilnShape *y = &band->output->shape;
  guint32 across = tiles (y->width), down = tiles (y->height);
  guint64 first = band->first / across;
  guint64 last = (band->first + band->n - 1) / across;

  *begin = first / down * y->height + first % down * 4;
  *end = last / down * y->height + MIN (last % down * 4 + 4, y->height);
}

/* The line of x, counted over all frames, that stands where y has `line`,
 * or is the nearest to `offset` lines from there in its frame. */
static guint64
line_of_x (const Band *band, guint64 line, gint64 offset)
{
  const KilnShape *x = &band->inputs[KILN_MATMUL_X].shape;
  const KilnShape *y = &band->output->shape;
  gint64 at = CLAMP ((gint64) (line % y->height) + offset, 0,
      (gint64) y->height - 1);

  return line / y->height * x->height + at * x->height / y->height;
}

typedef struct {                /* Push in winograd_in.comp */
  guint32 x_base, y_base, n, vectors, first_tile, first_position;
  guint32 height, width, tiles_y, tiles_x, x_height, x_width;
} PushIn;

static void
record_in (const Band *band)
{
  KilnDevice *device = kiln_recorder_get_device (band->recorder);
  const KilnView *x = &band->inputs[KILN_MATMUL_X];
  const KilnShape *y = &band->output->shape;
  PushIn push = {
    .vectors = kiln_shape_stride (&x->shape) / 4,
    .first_tile = band->first,
    .height = y->height, .width = y->width,
    .tiles_y = tiles (y->height), .tiles_x = tiles (y->width),
    .x_height = x->shape.height, .x_width = x->shape.width,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "winograd_in", KILN_F32),
    .specs = { y->height != x->shape.height || y->width != x->shape.width },
    .n_specs = 1,
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
    .push = &push,
    .push_size = sizeof push,
  };
  guint64 begin, end;

  push.n = band->n * push.vectors;
  lines_of_y (band, &begin, &end);
  begin = line_of_x (band, begin, -1);
  end = line_of_x (band, end - 1, 1) + 1;
  push.first_position = begin * x->shape.width;
  dispatch.bindings[0] = kiln_view_lines (x, begin, end - begin,
      &push.x_base);
  dispatch.bindings[1] = kiln_view_window (&band->in, 0,
      kiln_shape_rows (&band->in.shape), &push.y_base);
  dispatch.invocations = push.n;
  dispatch.flops = 4.0 * kiln_shape_rows (&band->in.shape) * 4 * push.vectors;
  kiln_recorder_dispatch (band->recorder, &dispatch);
}

static void
record_products (const Band *band)
{
  const KilnMatmul product = {
    .kind = KILN_MATMUL_LINEAR, .outputs = band->matmul->outputs,
    .each_frame = TRUE, .scale = 1
  };
  const KilnView inputs[KILN_MATMUL_N_INPUTS] = {
    [KILN_MATMUL_X] = band->in,
    [KILN_MATMUL_WEIGHT] = band->inputs[KILN_MATMUL_WEIGHT],
  };

  kiln_matmul_class.record (band->recorder, &product, inputs,
      KILN_MATMUL_N_INPUTS, &band->out, NULL);
}

typedef struct {                /* Push in winograd_out.comp */
  guint32 x_base, row_base, residual_base, residual2_base, y_base;
  guint32 n, vectors, first_tile, first_position, row_share;
  guint32 height, width, tiles_y, tiles_x;
  float slope, scale, residual_scale, residual2_scale;
} PushOut;

enum { OUT_X, OUT_BIAS, OUT_ROW, OUT_RESIDUAL, OUT_RESIDUAL2, OUT_FACTOR,
  OUT_Y, OUT_N };

/* Optional inputs that are absent are bound to x: never read. */
static void
bind_out (const Band *band, KilnBinding *bindings, PushOut *push)
{
  const KilnView *inputs = band->inputs;
  const KilnView *row = &inputs[KILN_MATMUL_ROW];
  guint32 width = band->output->shape.width, base;
  guint64 begin, end;

  lines_of_y (band, &begin, &end);
  push->first_position = begin * width;
  bindings[OUT_X] = kiln_view_window (&band->out, 0,
      kiln_shape_rows (&band->out.shape), &push->x_base);
  for (guint i = OUT_BIAS; i < OUT_Y; i++)
    bindings[i] = bindings[OUT_X];
  bindings[OUT_Y] = kiln_view_lines (band->output, begin, end - begin,
      &push->y_base);
  if (inputs[KILN_MATMUL_BIAS].buffer != NULL)
    bindings[OUT_BIAS] = kiln_view_window (&inputs[KILN_MATMUL_BIAS], 0, 1,
        &base);
  if (inputs[KILN_MATMUL_FACTOR].buffer != NULL)
    bindings[OUT_FACTOR] = kiln_view_window (&inputs[KILN_MATMUL_FACTOR], 0,
        1, &base);
  if (inputs[KILN_MATMUL_RESIDUAL].buffer != NULL)
    bindings[OUT_RESIDUAL] = kiln_view_lines (&inputs[KILN_MATMUL_RESIDUAL],
        begin, end - begin, &push->residual_base);
  if (inputs[KILN_MATMUL_RESIDUAL2].buffer != NULL)
    bindings[OUT_RESIDUAL2] = kiln_view_lines (
        &inputs[KILN_MATMUL_RESIDUAL2], begin, end - begin,
        &push->residual2_base);
  if (row->buffer != NULL) {
    guint64 share = kiln_shape_rows (&band->output->shape)
        / kiln_shape_rows (&row->shape);
    guint64 first = push->first_position / share;

    push->row_share = share;
    bindings[OUT_ROW] = kiln_view_window (row, first,
        (end * width - 1) / share + 1 - first, &push->row_base);
    /* The shader counts from the tensor's first vector. */
    push->row_base -= first * push->vectors;
  }
}

static void
record_out (const Band *band)
{
  KilnDevice *device = kiln_recorder_get_device (band->recorder);
  const KilnMatmul *matmul = band->matmul;
  const KilnView *inputs = band->inputs;
  const KilnShape *y = &band->output->shape;
  PushOut push = {
    .vectors = kiln_shape_stride (y) / 4,
    .first_tile = band->first,
    .height = y->height, .width = y->width,
    .tiles_y = tiles (y->height), .tiles_x = tiles (y->width),
    .slope = matmul->slope, .scale = matmul->scale,
    .residual_scale = matmul->residual_scale,
    .residual2_scale = matmul->residual2_scale,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "winograd_out", KILN_F32),
    .specs = {
      matmul->activation,
      inputs[KILN_MATMUL_BIAS].buffer != NULL,
      inputs[KILN_MATMUL_ROW].buffer != NULL,
      inputs[KILN_MATMUL_RESIDUAL].buffer != NULL,
      inputs[KILN_MATMUL_RESIDUAL2].buffer != NULL,
      inputs[KILN_MATMUL_FACTOR].buffer != NULL,
    },
    .n_specs = 6,
    .n_bindings = OUT_N,
    .texels = kiln_texels_for (device, (1 << OUT_Y) - 1),
    .push = &push,
    .push_size = sizeof push,
  };

  bind_out (band, dispatch.bindings, &push);
  push.n = band->n * push.vectors;
  dispatch.invocations = push.n;
  dispatch.flops = 4.0 * kiln_shape_rows (&band->out.shape) * 4 * push.vectors;
  kiln_recorder_dispatch (band->recorder, &dispatch);
}

/* A band's memory is the next one's. */
static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnShape *x = &inputs[KILN_MATMUL_X].shape, *y = &output->shape;
  const KilnDeviceInfo *info = kiln_device_get_info (device);
  guint64 most = band_tiles (x, y,
      info->max_storage_range - info->storage_alignment);
  guint64 n_tiles = count_tiles (y);
  Band band = {
    .recorder = recorder, .matmul = params, .inputs = inputs,
    .output = output
  };

  for (; band.first < n_tiles; band.first += most) {
    band.n = MIN (most, n_tiles - band.first);
    band.in = (KilnView) {
      places_shape (band.n, x->channels), scratch->buffer, scratch->offset
    };
    band.out = (KilnView) {
      places_shape (band.n, y->channels), scratch->buffer,
      scratch->offset + place_bytes (band.n, x->channels)
    };
    if (band.first > 0)
      kiln_recorder_barrier (recorder);
    record_in (&band);
    kiln_recorder_barrier (recorder);
    record_products (&band);
    kiln_recorder_barrier (recorder);
    record_out (&band);
  }
}

const KilnOpClass kiln_winograd_class = {
  .name = "Winograd",
  .params_size = sizeof (KilnMatmul),
  .infer = infer,
  .scratch = scratch_bytes,
  .flops = flops,
  .record = record,
};
