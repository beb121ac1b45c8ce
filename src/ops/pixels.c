/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pixels.h"

/* Pixels of a row that one invocation reads or writes: whole words in every
 * format, of subsampled chroma too. */
#define BLOCK 8

/* Rows that share their chroma: a dispatch begins at a multiple. */
#define ROW_PAIR 2

/* ---- Planes */

guint
kiln_pixels_n_planes (const KilnPixels *pixels)
{
  switch (pixels->layout) {
    case KILN_PIXELS_PACKED:
    case KILN_PIXELS_YUY2:
      return 1;
    case KILN_PIXELS_SEMIPLANAR:
      return 2;
    case KILN_PIXELS_PLANAR:
      return 3;
  }
  g_assert_not_reached ();
}

/* Bytes of n pixels of a row, where n is even. */
static guint32
bytes_of (const KilnPixels *pixels, guint plane, guint32 n)
{
  switch (pixels->layout) {
    case KILN_PIXELS_PACKED:
      return n * pixels->channels;
    case KILN_PIXELS_YUY2:
      return n * 2;
    case KILN_PIXELS_SEMIPLANAR:
      return n * pixels->sample_bytes;
    case KILN_PIXELS_PLANAR:
      return (plane == 0 ? n : n / 2) * pixels->sample_bytes;
  }
  g_assert_not_reached ();
}

static guint32
even (guint32 n)
{
  return n + n % 2;
}

/* Without the offset. */
static KilnPixelPlane
plane_size (const KilnPixels *pixels, guint plane)
{
  gboolean whole = pixels->layout == KILN_PIXELS_PACKED
      || (plane == 0 && pixels->layout != KILN_PIXELS_YUY2);
  guint32 blocks = pixels->width / BLOCK + (pixels->width % BLOCK > 0);

  return (KilnPixelPlane) {
    .stride = blocks * bytes_of (pixels, plane, BLOCK) / 4,
    .rows = plane == 0 ? pixels->height : even (pixels->height) / 2,
    .row_bytes = whole ? bytes_of (pixels, plane, 2) * pixels->width / 2
        : bytes_of (pixels, plane, even (pixels->width)),
  };
}

KilnPixelPlane
kiln_pixels_plane (const KilnPixels *pixels, guint plane)
{
  KilnPixelPlane result = plane_size (pixels, plane);

  for (guint i = 0; i < plane; i++) {
    KilnPixelPlane before = plane_size (pixels, i);

    result.offset += (guint64) before.stride * before.rows;
  }
  return result;
}

KilnShape
kiln_pixels_bytes_shape (const KilnPixels *pixels)
{
  KilnPixelPlane last =
      kiln_pixels_plane (pixels, kiln_pixels_n_planes (pixels) - 1);

  return (KilnShape) {
    KILN_U8, 1, 1, last.offset + (guint64) last.stride * last.rows, 4
  };
}

KilnShape
kiln_pixels_picture_shape (const KilnPixels *pixels)
{
  return (KilnShape) { KILN_F32, 1, pixels->height, pixels->width, 4 };
}

/* ---- Checking */

static gboolean
same_shape (const KilnShape *a, const KilnShape *b)
{
  return a->type == b->type && a->channels == b->channels
      && a->frames == b->frames && a->height == b->height
      && a->width == b->width;
}

static gboolean
check (const KilnPixels *pixels, const KilnShape *input,
    const KilnShape *wanted, GError **error)
{
  g_autofree char *text = kiln_shape_to_string (input);

  if ((guint64) pixels->width * pixels->height == 0
      || (guint64) pixels->width * pixels->height > G_MAXINT32) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "a frame of %u×%u is empty or too large", pixels->width,
        pixels->height);
    return FALSE;
  }
  if (same_shape (input, wanted))
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "%s is not what a frame of %u×%u needs", text, pixels->width,
      pixels->height);
  return FALSE;
}

static gboolean
read_infer (gconstpointer params, const KilnShape *const *inputs,
    guint n_inputs, KilnShape *output, GError **error)
{
  KilnShape bytes = kiln_pixels_bytes_shape (params);

  *output = kiln_pixels_picture_shape (params);
  return check (params, inputs[0], &bytes, error);
}

static gboolean
write_infer (gconstpointer params, const KilnShape *const *inputs,
    guint n_inputs, KilnShape *output, GError **error)
{
  KilnShape picture = kiln_pixels_picture_shape (params);

  *output = kiln_pixels_bytes_shape (params);
  return check (params, inputs[0], &picture, error);
}

/* ---- Recording */

typedef struct {                /* Push in pixels.glsl */
  guint32 picture_base, width, height, blocks;
  guint32 plane_base[4], plane_stride[4];
  float luma_offset, luma_scale, chroma_offset, chroma_scale;
  float kr, kb;
} Push;

/* Rec. ITU-R BT.601 and its successors: 8 bits have black at 16 and white
 * at 235, chroma ±112 around 128; 10 bits have four times that. */
static void
set_range (Push *push, const KilnPixels *pixels)
{
  float most = pixels->sample_bytes == 2 ? 1023 : 255;
  float unit = pixels->sample_bytes == 2 ? 4 : 1;

  push->luma_offset = pixels->full_range ? 0 : 16 * unit;
  push->luma_scale = pixels->full_range ? most : 219 * unit;
  push->chroma_offset = 128 * unit;
  push->chroma_scale = pixels->full_range ? most : 224 * unit;
  push->kr = pixels->kr;
  push->kb = pixels->kb;
}

/* The planes' rows that go with rows [row, row + n) of the picture. */
static void
bind_planes (KilnBinding *bindings, Push *push, const KilnPixels *pixels,
    const KilnView *bytes, guint32 row, guint32 n)
{
  guint n_planes = kiln_pixels_n_planes (pixels);

  for (guint i = 0; i < KILN_PIXELS_MAX_PLANES; i++) {
    KilnPixelPlane plane = kiln_pixels_plane (pixels, MIN (i, n_planes - 1));
    guint32 share = plane.rows == pixels->height ? 1 : 2;
    guint32 end = (row + n + share - 1) / share;

    bindings[i] = kiln_view_window (bytes,
        plane.offset + (guint64) (row / share) * plane.stride,
        (guint64) (end - row / share) * plane.stride, &push->plane_base[i]);
    bindings[i].format = VK_FORMAT_R32_UINT;
    push->plane_stride[i] = plane.stride;
  }
}

static void
record (KilnRecorder *recorder, const KilnPixels *pixels, gboolean write,
    const KilnView *picture, const KilnView *bytes)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  guint32 rows_each = write ? ROW_PAIR : 1;
  double row_flops = 32.0 * pixels->width;
  guint64 at_once = kiln_rows_per_dispatch (device, ROW_PAIR, 0,
      16 * (guint64) pixels->width, row_flops);
  Push push = {
    .width = pixels->width,
    .blocks = (pixels->width + BLOCK - 1) / BLOCK,
  };
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, write ? "pixels_write" : "pixels_read",
        KILN_F32),
    .specs = {
      pixels->layout, pixels->channels, pixels->blue_first, pixels->alpha,
      pixels->sample_bytes, pixels->shift
    },
    .n_specs = 6,
    .n_bindings = 1 + KILN_PIXELS_MAX_PLANES,
    .texels = kiln_texels_for (device, write ? 1 << 0 : 0xe),
    .push = &push,
    .push_size = sizeof push,
  };

  set_range (&push, pixels);
  for (guint32 row = 0; row < pixels->height; row += at_once) {
    guint32 n = MIN (at_once, pixels->height - row);

    push.height = n;
    dispatch.bindings[0] = kiln_view_window (picture,
        (guint64) row * pixels->width, (guint64) n * pixels->width,
        &push.picture_base);
    bind_planes (dispatch.bindings + 1, &push, pixels, bytes, row, n);
    dispatch.invocations =
        (guint64) push.blocks * ((n + rows_each - 1) / rows_each);
    dispatch.flops = row_flops * n;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

static void
read_record (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch)
{
  record (recorder, params, FALSE, output, &inputs[0]);
}

static void
write_record (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch)
{
  record (recorder, params, TRUE, &inputs[0], output);
}

const KilnOpClass kiln_pixels_read_class = {
  .name = "read pixels",
  .params_size = sizeof (KilnPixels),
  .infer = read_infer,
  .record = read_record,
};

const KilnOpClass kiln_pixels_write_class = {
  .name = "write pixels",
  .params_size = sizeof (KilnPixels),
  .infer = write_infer,
  .record = write_record,
};
