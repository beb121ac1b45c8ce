/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What vidinterp makes of pixels on the device, and back, against
 * GstVideoConverter: every format, matrix and range. */

#include <gst/check/gstcheck.h>

#include "../../gst/svd/gstvidinterppair.h"
#include "../../src/graph/program.h"
#include "../../src/video-frame.h"

/* Blocks of one colour: how chroma is repeated and averaged makes no
 * difference inside. */
#define BLOCK 8
#define COLUMNS 8
#define ROWS 6

/* Levels of 255. GstVideoConverter truncates where vidinterp rounds. From and
 * to 8-bit YUV it is less exact: up to 2.7 levels in full-range BT.2020, where
 * 10-bit YUV of the same matrix is within one. */
#define TOLERANCE 1.5
#define COARSE_TOLERANCE 3.0

#define CAPS "video/x-raw,width=64,height=48,framerate=1/1,format=%s," \
    "colorimetry=%s"
#define SRGB "1:1:7:1"

static const gchar *formats[] = {
  "RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", "I420", "NV12", "YUY2",
  "I420_10LE", "P010_10LE"
};

static KilnDevice *device;

static void
info_from (GstVideoInfo * info, const gchar * format, const gchar * colorimetry)
{
  gchar *text = g_strdup_printf (CAPS, format, colorimetry);
  GstCaps *caps = gst_caps_from_string (text);

  fail_unless (gst_video_info_from_caps (info, caps), "%s", text);
  gst_caps_unref (caps);
  g_free (text);
}

static GstBuffer *
new_frame (const GstVideoInfo * info)
{
  return gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (info), NULL);
}

/* The corners of the colour space, then any colours. */
static GstBuffer *
colours (const GstVideoInfo * info)
{
  GstBuffer *buffer = new_frame (info);
  GRand *rand = g_rand_new_with_seed (1);
  guint8 blocks[ROWS * COLUMNS][4];
  GstMapInfo map;

  for (guint i = 0; i < ROWS * COLUMNS; i++)
    for (guint c = 0; c < 4; c++)
      blocks[i][c] = i < 8 ? (i >> c & 1) * 255u : (guint)
          g_rand_int_range (rand, 0, 256);
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
  for (guint y = 0; y < ROWS * BLOCK; y++)
    for (guint x = 0; x < COLUMNS * BLOCK; x++)
      memcpy (map.data + 4 * (y * COLUMNS * BLOCK + x),
          blocks[y / BLOCK * COLUMNS + x / BLOCK], 4);
  gst_buffer_unmap (buffer, &map);
  g_rand_free (rand);
  return buffer;
}

static GstBuffer *
convert_by_gstreamer (GstBuffer * from, const GstVideoInfo * from_info,
    const GstVideoInfo * to_info)
{
  GstStructure *config = gst_structure_new ("config",
      GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
      GST_VIDEO_DITHER_NONE, NULL);
  GstVideoConverter *converter = gst_video_converter_new (from_info, to_info,
      config);
  GstBuffer *to = new_frame (to_info);
  GstVideoFrame in, out;

  fail_unless (converter != NULL);
  fail_unless (gst_video_frame_map (&in, from_info, from, GST_MAP_READ));
  fail_unless (gst_video_frame_map (&out, to_info, to, GST_MAP_WRITE));
  gst_video_converter_frame (converter, &in, &out);
  gst_video_frame_unmap (&in);
  gst_video_frame_unmap (&out);
  gst_video_converter_free (converter);
  return to;
}

/* The layout that the element makes of caps, and the device's buffer. */
static KilnBuffer *
buffer_for (const GstVideoInfo * info, KilnMemory memory, KilnPixels * pixels)
{
  GstVidInterpPair pair = { NULL, };
  GError *error = NULL;
  KilnShape shape;
  KilnBuffer *buffer;

  gst_vid_interp_pair_set_info (&pair, info);
  fail_unless (svd_video_format_to_pixels (&pair.format, pixels, &error));
  shape = kiln_pixels_bytes_shape (pixels);
  buffer = kiln_buffer_new (device, kiln_shape_bytes (&shape), memory, &error);
  fail_unless (buffer != NULL);
  return buffer;
}

static void
run_conversion (KilnBuffer * in, KilnPixels * in_pixels, KilnBuffer * out,
    KilnPixels * out_pixels)
{
  KilnShape shape = kiln_pixels_bytes_shape (in_pixels);
  KilnGraph *graph = kiln_graph_new (KILN_F32);
  KilnTensor *tensor = kiln_graph_input (graph, "in", &shape);
  KilnExternal externals[] = { {"in", in}, {"out", out} };
  GError *error = NULL;
  KilnProgram *program;

  tensor = kiln_graph_add (graph, &kiln_pixels_read_class, in_pixels, &tensor,
      1);
  tensor = kiln_graph_add (graph, &kiln_pixels_write_class, out_pixels,
      &tensor, 1);
  kiln_graph_output (graph, tensor, "out");
  program = kiln_program_new (graph, device, NULL, externals, 2, NULL, &error);
  fail_unless (program != NULL, "%s", error != NULL ? error->message : "");
  fail_unless (kiln_program_run (program, NULL, &error));
  kiln_program_free (program);
  kiln_graph_free (graph);
}

static GstBuffer *
convert_by_vidinterp (GstBuffer * from, const GstVideoInfo * from_info,
    const GstVideoInfo * to_info)
{
  KilnPixels in_pixels, out_pixels;
  KilnBuffer *in = buffer_for (from_info, KILN_MEMORY_UPLOAD, &in_pixels);
  KilnBuffer *out = buffer_for (to_info, KILN_MEMORY_DOWNLOAD, &out_pixels);
  GstBuffer *to = new_frame (to_info);
  GstVideoFrame frame;
  SvdVideoFrame view;

  fail_unless (gst_video_frame_map (&frame, from_info, from, GST_MAP_READ));
  view = gst_vid_interp_view_frame (&frame);
  svd_video_frame_load (&view, &in_pixels, kiln_buffer_get_data (in));
  gst_video_frame_unmap (&frame);

  run_conversion (in, &in_pixels, out, &out_pixels);

  fail_unless (gst_video_frame_map (&frame, to_info, to, GST_MAP_WRITE));
  view = gst_vid_interp_view_frame (&frame);
  svd_video_frame_store (&view, &out_pixels, kiln_buffer_get_data (out));
  gst_video_frame_unmap (&frame);
  kiln_buffer_unref (in);
  kiln_buffer_unref (out);
  return to;
}

/* In the middle of a block. */
static gdouble
component (const GstVideoFrame * frame, guint c, guint block)
{
  gint x = GST_VIDEO_FORMAT_INFO_SCALE_WIDTH (frame->info.finfo, c,
      block % COLUMNS * BLOCK + BLOCK / 2);
  gint y = GST_VIDEO_FORMAT_INFO_SCALE_HEIGHT (frame->info.finfo, c,
      block / COLUMNS * BLOCK + BLOCK / 2);
  const guint8 *at = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (frame, c)
      + y * GST_VIDEO_FRAME_COMP_STRIDE (frame, c)
      + x * GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c);

  switch (GST_VIDEO_FRAME_COMP_DEPTH (frame, c)) {
    case 8:
      return *at;
    case 16:
      return GST_READ_UINT16_LE (at) / 257.0;
    default:
      /* GStreamer 1.22 says that P010's V is one byte after U; it is two. */
      at += GST_VIDEO_FRAME_COMP_POFFSET (frame, c) == 1;
      return (GST_READ_UINT16_LE (at)
          >> GST_VIDEO_FORMAT_INFO_SHIFT (frame->info.finfo, c)) / 4.0;
  }
}

/* Of the first components. */
static gdouble
largest_difference (guint n, const GstVideoInfo * a_info, GstBuffer * a,
    const GstVideoInfo * b_info, GstBuffer * b)
{
  gdouble most = 0.0;
  GstVideoFrame x, y;

  fail_unless (gst_video_frame_map (&x, a_info, a, GST_MAP_READ));
  fail_unless (gst_video_frame_map (&y, b_info, b, GST_MAP_READ));
  for (guint c = 0; c < n; c++)
    for (guint i = 0; i < ROWS * COLUMNS; i++)
      most = MAX (most, ABS (component (&x, c, i) - component (&y, c, i)));
  gst_video_frame_unmap (&x);
  gst_video_frame_unmap (&y);
  return most;
}

/* The same picture for both, for GstVideoConverter with more bits. */
typedef struct {
  GstVideoInfo info, wide_info;
  GstBuffer *picture, *wide_picture;
} Reference;

static void
reference_init (Reference * self, const gchar * format,
    const gchar * wide_format, const gchar * colorimetry)
{
  GstVideoInfo rgba;
  GstBuffer *picture;

  info_from (&rgba, "RGBA", SRGB);
  info_from (&self->info, format, colorimetry);
  info_from (&self->wide_info, wide_format, colorimetry);
  picture = colours (&rgba);
  self->picture = convert_by_gstreamer (picture, &rgba, &self->info);
  self->wide_picture = convert_by_gstreamer (self->picture, &self->info,
      &self->wide_info);
  gst_buffer_unref (picture);
}

static void
reference_clear (Reference * self)
{
  gst_buffer_unref (self->picture);
  gst_buffer_unref (self->wide_picture);
}

/* From the reference to the format, and from what GStreamer made of that back
 * to the reference. */
static void
check_format (const Reference * reference, const GstVideoInfo * info)
{
  gchar *colorimetry = gst_video_colorimetry_to_string (&info->colorimetry);
  GstBuffer *frame = convert_by_gstreamer (reference->wide_picture,
      &reference->wide_info, info);
  GstBuffer *back = convert_by_gstreamer (frame, info, &reference->wide_info);
  GstBuffer *our_frame = convert_by_vidinterp (reference->picture,
      &reference->info, info);
  GstBuffer *our_back = convert_by_vidinterp (frame, info, &reference->info);
  /* Where there is no alpha GstVideoConverter passes on what is there. */
  guint n = MIN (GST_VIDEO_INFO_N_COMPONENTS (info),
      GST_VIDEO_INFO_N_COMPONENTS (&reference->info));
  gdouble written = largest_difference (n, info, frame, info, our_frame);
  gdouble read = largest_difference (n, &reference->wide_info, back,
      &reference->info, our_back);
  gdouble tolerance = GST_VIDEO_INFO_IS_YUV (info)
      && GST_VIDEO_INFO_COMP_DEPTH (info, 0) == 8
      ? COARSE_TOLERANCE : TOLERANCE;

  GST_INFO ("%s %s: written %g, read %g", GST_VIDEO_INFO_NAME (info),
      colorimetry, written, read);
  fail_unless (written <= tolerance && read <= tolerance,
      "%s %s: %g levels off when written, %g when read",
      GST_VIDEO_INFO_NAME (info), colorimetry, written, read);
  g_free (colorimetry);
  gst_buffer_unref (frame);
  gst_buffer_unref (back);
  gst_buffer_unref (our_frame);
  gst_buffer_unref (our_back);
}

static void
check_yuv (const gchar * format)
{
  /* Range, matrix, transfer and primaries: full, then limited. */
  static const gchar *colorimetries[] = {
    "1:4:16:4", "1:3:5:1", "1:6:13:7", "2:4:16:4", "2:3:5:1", "2:6:13:7"
  };
  Reference reference;

  reference_init (&reference, "RGBA", "ARGB64_LE", SRGB);
  for (guint i = 0; i < G_N_ELEMENTS (colorimetries); i++) {
    GstVideoInfo info;

    info_from (&info, format, colorimetries[i]);
    check_format (&reference, &info);
  }
  reference_clear (&reference);
}

static void
check_rgb (const gchar * format)
{
  Reference reference;
  GstVideoInfo info;

  reference_init (&reference, "RGBA", "ARGB64_LE", SRGB);
  info_from (&info, format, SRGB);
  check_format (&reference, &info);
  reference_clear (&reference);

  /* GstVideoConverter takes no notice of ranges between RGB and RGB. */
  reference_init (&reference, "I420_10LE", "I420_10LE", "2:3:5:1");
  info_from (&info, format, "2:1:7:1");
  check_format (&reference, &info);
  reference_clear (&reference);
}

GST_START_TEST (test_format)
{
  GError *error = NULL;

  device = kiln_device_open (NULL, &error);
  fail_unless (device != NULL, "%s", error != NULL ? error->message : "");
  if (gst_video_format_get_info (gst_video_format_from_string (formats
              [__i__]))->flags & GST_VIDEO_FORMAT_FLAG_RGB)
    check_rgb (formats[__i__]);
  else
    check_yuv (formats[__i__]);
  kiln_device_unref (device);
}

GST_END_TEST;

static Suite *
vidinterp_formats_suite (void)
{
  Suite *suite = suite_create ("vidinterp-formats");
  TCase *tcase = tcase_create ("formats");

  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, test_format, 0, G_N_ELEMENTS (formats));
  return suite;
}

GST_CHECK_MAIN (vidinterp_formats);
