/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pictures that vidinterp makes. */

#include <math.h>

#include "vidinterptest.h"

/* Frames of one level are no video that could be judged. */
#define BLEND "vidinterp method=blend scene-threshold=1 duplicate-threshold=0"

/* Frames of noise between which nothing changes come out as they were, in
 * every format and at odd sizes. */
static const gchar *formats[] = {
  "RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", "I420", "NV12", "YUY2",
  "I420_10LE", "P010_10LE"
};

static guint8 *
sample (const GstVideoFrame * frame, guint c, gint x, gint y)
{
  guint8 *at = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (frame, c)
      + y * GST_VIDEO_FRAME_COMP_STRIDE (frame, c)
      + x * GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c);

  /* GStreamer 1.22 says that P010's V is one byte after U; it is two. */
  return at + (GST_VIDEO_FRAME_COMP_DEPTH (frame, c) > 8
      && GST_VIDEO_FRAME_COMP_POFFSET (frame, c) == 1);
}

static GstBuffer *
noise (const GstVideoInfo * info, guint32 seed)
{
  GstBuffer *buffer =
      gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (info), NULL);
  GRand *rand = g_rand_new_with_seed (seed);
  GstVideoFrame frame;

  fail_unless (gst_video_frame_map (&frame, info, buffer, GST_MAP_WRITE));
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (&frame); c++) {
    guint depth = GST_VIDEO_FRAME_COMP_DEPTH (&frame, c);
    guint shift = GST_VIDEO_FORMAT_INFO_SHIFT (info->finfo, c);

    for (gint y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT (&frame, c); y++)
      for (gint x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH (&frame, c); x++) {
        guint8 *at = sample (&frame, c, x, y);
        guint value = g_rand_int_range (rand, 0, 1 << depth);

        if (depth > 8)
          GST_WRITE_UINT16_LE (at, value << shift);
        else
          *at = value;
      }
  }
  gst_video_frame_unmap (&frame);
  g_rand_free (rand);
  return buffer;
}

static guint
component (const GstVideoFrame * frame, guint c, gint x, gint y)
{
  const guint8 *at = sample (frame, c, x, y);

  return GST_VIDEO_FRAME_COMP_DEPTH (frame, c) > 8
      ? GST_READ_UINT16_LE (at) >>
      GST_VIDEO_FORMAT_INFO_SHIFT (frame->info.finfo, c) : *at;
}

/* The largest difference of a component, but not of one that is unused. */
static guint
largest_difference (const GstVideoInfo * info, GstBuffer * a, GstBuffer * b)
{
  guint most = 0;
  GstVideoFrame x, y;

  fail_unless (gst_video_frame_map (&x, info, a, GST_MAP_READ));
  fail_unless (gst_video_frame_map (&y, info, b, GST_MAP_READ));
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (&x); c++)
    for (gint j = 0; j < GST_VIDEO_FRAME_COMP_HEIGHT (&x, c); j++)
      for (gint i = 0; i < GST_VIDEO_FRAME_COMP_WIDTH (&x, c); i++) {
        gint d = (gint) component (&x, c, i, j) - (gint) component (&y, c, i,
            j);

        most = MAX (most, (guint) ABS (d));
      }
  gst_video_frame_unmap (&x);
  gst_video_frame_unmap (&y);
  return most;
}

GST_START_TEST (test_formats)
{
  static const gchar *more[] = {
    ",colorimetry=bt601,width=37,height=21",
    ",colorimetry=bt709,width=64,height=36",
    ",colorimetry=bt2020,width=1,height=1",
    ",colorimetry=1:3:5:1,width=33,height=2"    /* full range */
  };

  for (guint m = 0; m < G_N_ELEMENTS (more); m++) {
    gchar *in = g_strconcat ("video/x-raw,framerate=10/1,format=",
        formats[__i__], formats[__i__][0] == 'R' || formats[__i__][0] == 'B'
        ? strstr (more[m], ",width") : more[m], NULL);
    gchar *out = g_strdup (in);
    GstVideoInfo info;
    GstCaps *caps = gst_caps_from_string (in);
    GstHarness *h;
    GstBuffer *buffer, *result;

    fail_unless (gst_video_info_from_caps (&info, caps));
    *strstr (out, "10/1") = '2';
    h = new_harness (BLEND, in, out);
    buffer = noise (&info, m);
    for (guint i = 0; i < 2; i++) {
      GstBuffer *copy = gst_buffer_copy (buffer);

      GST_BUFFER_PTS (copy) = i * GST_SECOND / 10;
      GST_BUFFER_DURATION (copy) = GST_SECOND / 10;
      fail_unless_equals_int (gst_harness_push (h, copy), GST_FLOW_OK);
    }
    gst_buffer_unref (gst_harness_pull (h));
    result = gst_harness_pull (h);
    fail_unless (gst_buffer_peek_memory (result, 0) !=
        gst_buffer_peek_memory (buffer, 0));
    fail_unless_equals_int (largest_difference (&info, buffer, result), 0);

    gst_buffer_unref (result);
    gst_buffer_unref (buffer);
    gst_caps_unref (caps);
    g_free (in);
    g_free (out);
    test_harness_free (h);
  }
}

GST_END_TEST;

GST_START_TEST (test_alpha)
{
  GstHarness *h = new_harness (BLEND, CAPS ("RGBA", "10/1"),
      CAPS ("RGBA", "20/1"));
  GstBuffer *buffer;
  guint8 rgba[4];

  gst_harness_push (h, test_filled (CAPS ("RGBA", "10/1"), 0, 0, GST_SECOND / 10));
  gst_harness_push (h, test_filled (CAPS ("RGBA", "10/1"), 200, GST_SECOND / 10,
          GST_SECOND / 10));
  gst_buffer_unref (gst_harness_pull (h));
  buffer = gst_harness_pull (h);
  gst_buffer_extract (buffer, 0, rgba, 4);
  fail_unless_equals_int (rgba[0], 100);
  fail_unless_equals_int (rgba[3], 100);
  gst_buffer_unref (buffer);
  test_harness_free (h);
}

GST_END_TEST;

/* Said when the state changes, not when the first frame comes. */
GST_START_TEST (test_missing_model)
{
  GstElement *element = gst_parse_launch ("vidinterp model=/no/such/folder",
      NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  test_assert_one_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "/no/such/folder");
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

GST_END_TEST;

/* Frames move, rather than appear twice: where a blend shows two dim edges
 * these show one. */
static const gchar *learned[] = { "flow", "rife" };

GST_START_TEST (test_methods_that_find_motion)
{
  const gchar *in = "video/x-raw,format=RGB,width=128,height=96,"
      "framerate=10/1";
  gchar *line = g_strdup_printf ("vidinterp method=%s", learned[__i__]);
  GstHarness *h = new_harness (line, in, "video/x-raw,framerate=20/1");
  GstBuffer *buffer;
  GstMapInfo map;
  gdouble error = 0;

  for (guint i = 0; i < 2; i++) {
    buffer = test_filled (in, 0, i * GST_SECOND / 10, GST_SECOND / 10);
    fail_unless (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
    for (gsize k = 0; k < map.size; k++)
      map.data[k] = 128 + 100 * sin ((k / 3 % 128 - 8.0 * i) / 6)
          * sin (k / 384 / 7.0);
    gst_buffer_unmap (buffer, &map);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  gst_buffer_unref (gst_harness_pull (h));
  buffer = gst_harness_pull (h);
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  for (gsize k = 0; k < map.size; k++) {
    gdouble wanted = 128 + 100 * sin ((k / 3 % 128 - 4.0) / 6)
        * sin (k / 384 / 7.0);

    error += (map.data[k] - wanted) * (map.data[k] - wanted) / map.size;
  }
  gst_buffer_unmap (buffer, &map);
  GST_INFO ("%s: %.1f dB", learned[__i__], 10 * log10 (255 * 255 / error));
  /* A blend is at 21 dB. */
  fail_unless (error < 255 * 255 / 1e3, "%s: %.1f dB", learned[__i__],
      10 * log10 (255 * 255 / error));
  gst_buffer_unref (buffer);
  g_free (line);
  test_harness_free (h);
}

GST_END_TEST;

/* In the middle of a frame that takes much longer. */
GST_START_TEST (test_cancel)
{
  const gchar *in = "video/x-raw,format=I420,width=1280,height=720,"
      "framerate=10/1";
  GstHarness *h = new_harness ("vidinterp method=rife", in,
      "video/x-raw,framerate=20/1");

  fail_unless_equals_int (gst_harness_push (h, test_filled (in, 10, 0,
              GST_SECOND / 10)), GST_FLOW_OK);
  test_cancel_in_mid_work (h, test_filled (in, 30, GST_SECOND / 10,
          GST_SECOND / 10), __i__ == 0);
  test_harness_free (h);
}

GST_END_TEST;

static Suite *
vidinterp_pictures_suite (void)
{
  Suite *s = suite_create ("vidinterp-pictures");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_formats, 0, G_N_ELEMENTS (formats));
  tcase_add_test (tc, test_alpha);
  tcase_add_test (tc, test_missing_model);
  tcase_add_loop_test (tc, test_methods_that_find_motion, 0,
      G_N_ELEMENTS (learned));
  tcase_add_loop_test (tc, test_cancel, 0, 2);

  return s;
}

GST_CHECK_MAIN (vidinterp_pictures);
