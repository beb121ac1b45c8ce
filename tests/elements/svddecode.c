/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "elementtest.h"

#define FPS 7

static GstHarness *
harness (const gchar * launch_line, guint frames, guint fps)
{
  GstHarness *h = test_harness_new (launch_line);
  gchar *caps = test_latents_caps (frames, fps);

  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  return h;
}

static void
set_latents_caps (GstHarness * h, guint frames, guint fps)
{
  gchar *text = test_latents_caps (frames, fps);
  GstCaps *caps = gst_caps_from_string (text);

  fail_unless (gst_harness_push_event (h, gst_event_new_caps (caps)));
  gst_caps_unref (caps);
  g_free (text);
}

static GstFlowReturn
push_latents (GstHarness * h, guint frames, GstClockTime pts)
{
  GstBuffer *buffer = test_noise (test_latents_size (frames));

  GST_BUFFER_PTS (buffer) = pts;
  return gst_harness_push (h, buffer);
}

/* Pulls a frame and checks its times. */
static void
check_frame (GstHarness * h, GstClockTime start, GstClockTime end)
{
  GstBuffer *frame = gst_harness_pull (h);

  fail_unless (frame != NULL);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (frame), start);
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (frame), end - start);
  fail_unless_equals_uint64 (gst_buffer_get_size (frame),
      4 * TEST_SIZE * TEST_SIZE);
  gst_buffer_unref (frame);
}

/* Start of frame n at fps. */
static GstClockTime
at (guint64 n, guint fps)
{
  return gst_util_uint64_scale (n, GST_SECOND, fps);
}

/* Two clips follow one another, without gaps or rounding errors, whatever
 * the time of the second picture. */
GST_START_TEST (test_times)
{
  GstHarness *h = harness ("svddecode", 3, FPS);

  fail_unless_equals_int (push_latents (h, 3, 0), GST_FLOW_OK);
  fail_unless_equals_int (push_latents (h, 3, 40 * GST_MSECOND), GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 6);
  for (guint i = 0; i < 6; i++)
    check_frame (h, at (i, FPS), at (i + 1, FPS));

  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_discont)
{
  GstHarness *h = harness ("svddecode", 1, FPS);
  GstBuffer *frames[2];

  for (guint i = 0; i < 2; i++) {
    push_latents (h, 1, 0);
    frames[i] = gst_harness_pull (h);
    fail_unless_equals_int (GST_BUFFER_FLAG_IS_SET (frames[i],
            GST_BUFFER_FLAG_DISCONT), i == 0);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (frames[i]), i);
    gst_buffer_unref (frames[i]);
  }

  test_harness_free (h);
}

GST_END_TEST;

/* The first clip starts where its picture did. */
GST_START_TEST (test_start)
{
  GstHarness *h = harness ("svddecode", 1, FPS);

  push_latents (h, 1, 5 * GST_SECOND);
  check_frame (h, 5 * GST_SECOND, 5 * GST_SECOND + at (1, FPS));

  test_harness_free (h);
}

GST_END_TEST;

/* Another frame rate in mid-stream: the next clip starts where the last has
 * ended. */
GST_START_TEST (test_rate_change)
{
  GstHarness *h = harness ("svddecode", 1, FPS);

  push_latents (h, 1, 0);
  check_frame (h, 0, at (1, FPS));

  set_latents_caps (h, 2, 25);
  push_latents (h, 2, 0);
  check_frame (h, at (1, FPS), at (1, FPS) + at (1, 25));
  check_frame (h, at (1, FPS) + at (1, 25), at (1, FPS) + at (2, 25));

  test_harness_free (h);
}

GST_END_TEST;

static guint
count_segments (GstHarness * h, GstSegment * last)
{
  GstEvent *event;
  guint n = 0;

  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) {
      gst_event_copy_segment (event, last);
      n++;
    }
    gst_event_unref (event);
  }

  return n;
}

/* Latents from a file have a segment in bytes and no times. */
GST_START_TEST (test_bytes_segment)
{
  GstHarness *h = test_harness_new ("svddecode");
  GstSegment segment;

  gst_harness_push_event (h, gst_event_new_stream_start ("test"));
  set_latents_caps (h, 1, FPS);
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_segment (&segment));

  push_latents (h, 1, GST_CLOCK_TIME_NONE);
  push_latents (h, 1, GST_CLOCK_TIME_NONE);
  check_frame (h, 0, at (1, FPS));
  check_frame (h, at (1, FPS), at (2, FPS));
  fail_unless_equals_int (count_segments (h, &segment), 1);
  fail_unless_equals_int (segment.format, GST_FORMAT_TIME);

  test_harness_free (h);
}

GST_END_TEST;

/* A picture's segment ends with the picture; the clip is longer. */
GST_START_TEST (test_segment)
{
  GstHarness *h = harness ("svddecode", 1, FPS);
  GstSegment segment;

  fail_unless_equals_int (count_segments (h, &segment), 1);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = 2 * GST_SECOND;
  segment.stop = 3 * GST_SECOND;
  segment.duration = GST_SECOND;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  push_latents (h, 1, GST_CLOCK_TIME_NONE);

  /* A second segment, as concat sends it, changes nothing. */
  segment.base = GST_SECOND;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  push_latents (h, 1, 2 * GST_SECOND);

  check_frame (h, 2 * GST_SECOND, 2 * GST_SECOND + at (1, FPS));
  check_frame (h, 2 * GST_SECOND + at (1, FPS), 2 * GST_SECOND + at (2, FPS));
  fail_unless_equals_int (count_segments (h, &segment), 1);
  fail_unless_equals_uint64 (segment.start, 2 * GST_SECOND);
  fail_unless_equals_uint64 (segment.stop, GST_CLOCK_TIME_NONE);
  fail_unless_equals_uint64 (segment.base, 0);

  test_harness_free (h);
}

GST_END_TEST;

/* A flush starts the time again. */
GST_START_TEST (test_flush)
{
  GstHarness *h = harness ("svddecode", 2, FPS);
  GstSegment segment;

  push_latents (h, 2, 0);
  check_frame (h, 0, at (1, FPS));
  check_frame (h, at (1, FPS), at (2, FPS));

  gst_harness_push_event (h, gst_event_new_flush_start ());
  fail_unless_equals_int (push_latents (h, 2, 0), GST_FLOW_FLUSHING);
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));

  push_latents (h, 2, 0);
  check_frame (h, 0, at (1, FPS));
  check_frame (h, at (1, FPS), at (2, FPS));

  test_harness_free (h);
}

GST_END_TEST;

static GstPadProbeReturn
count_and_refuse (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  guint *frames = user_data;

  (*frames)++;
  gst_buffer_unref (GST_PAD_PROBE_INFO_BUFFER (info));
  GST_PAD_PROBE_INFO_FLOW_RETURN (info) = GST_FLOW_EOS;
  return GST_PAD_PROBE_HANDLED;
}

/* Downstream has had enough: decoding stops, and upstream hears why. */
GST_START_TEST (test_downstream_eos)
{
  GstHarness *h = harness ("svddecode decode-chunk-size=1", 3, FPS);
  guint frames = 0;

  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, count_and_refuse,
      &frames, NULL);
  fail_unless_equals_int (push_latents (h, 3, 0), GST_FLOW_EOS);
  fail_unless_equals_int (frames, 1);
  test_assert_no_error (test_harness_get_bus (h));

  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_progress)
{
  GstHarness *h = harness ("svddecode decode-chunk-size=2", 3, FPS);
  GstBus *bus = test_harness_get_bus (h);

  fail_unless_equals_int (push_latents (h, 3, 0), GST_FLOW_OK);

  for (gint i = 0; i < 2; i++) {
    test_assert_step (test_wait_for_progress (bus, "decode",
            GST_PROGRESS_TYPE_START), i, 2);
    test_assert_step (test_wait_for_progress (bus, "decode",
            GST_PROGRESS_TYPE_COMPLETE), i + 1, 2);
  }

  test_harness_free (h);
}

GST_END_TEST;

static GstPadProbeReturn
flush_upstream (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  GstHarness *h = user_data;

  /* The flush cancels the rest of the clip. */
  gst_harness_push_event (h, gst_event_new_flush_start ());
  return GST_PAD_PROBE_REMOVE;
}

GST_START_TEST (test_flush_in_mid_clip)
{
  GstHarness *h = harness ("svddecode decode-chunk-size=1", 14, FPS);

  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, flush_upstream,
      h, NULL);
  fail_unless_equals_int (push_latents (h, 14, 0), GST_FLOW_FLUSHING);
  test_assert_no_error (test_harness_get_bus (h));

  test_harness_free (h);
}

GST_END_TEST;

typedef struct
{
  TestTime start;               /* of the clip */
  gboolean waited;
} SlowSink;

/* Takes the first frame only after half as much work again as that was. */
static GstPadProbeReturn
wait_for_work (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  SlowSink *sink = user_data;
  TestTime frame = test_time_now (), now = frame;
  gint64 work = (frame.cpu - sink->start.cpu) / 2;

  while (now.cpu < frame.cpu + work
      && now.wall < frame.wall + 60 * G_USEC_PER_SEC) {
    g_usleep (G_USEC_PER_SEC / 10);
    now = test_time_now ();
  }
  sink->waited = now.cpu >= frame.cpu + work;
  return GST_PAD_PROBE_REMOVE;
}

/* While downstream is busy with one chunk, the device decodes the next. Frames
 * and times are the same. */
GST_START_TEST (test_slow_downstream)
{
  GstHarness *h = harness ("svddecode decode-chunk-size=1", 3, FPS);
  GstBuffer *latents = test_noise (test_latents_size (3));
  gchar *expected[3];
  SlowSink sink = { 0, };

  gst_harness_push (h, gst_buffer_ref (latents));
  for (guint i = 0; i < 3; i++) {
    GstBuffer *frame = gst_harness_pull (h);

    expected[i] = test_checksum (frame);
    gst_buffer_unref (frame);
  }

  sink.start = test_time_now ();
  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, wait_for_work,
      &sink, NULL);
  fail_unless_equals_int (gst_harness_push (h, latents), GST_FLOW_OK);
  fail_unless (sink.waited);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *frame = gst_harness_pull (h);
    gchar *checksum = test_checksum (frame);

    assert_equals_string (checksum, expected[i]);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (frame), at (3 + i, FPS));
    g_free (checksum);
    g_free (expected[i]);
    gst_buffer_unref (frame);
  }

  test_harness_free (h);
}

GST_END_TEST;

/* What a clip takes on the device that svddecode has by default. */
static guint64
planned_peak (guint frames, guint at_once)
{
  SvdStageOptions options = { SVD_PRECISION_FP32 };
  GError *error = NULL;
  SvdModel *model = svd_model_open (NULL, &error);
  SvdPlan plan;

  g_assert_no_error (error);
  svd_decoder_plan (model, &options, TEST_SIZE, TEST_SIZE, frames, at_once,
      &plan, &error);
  g_assert_no_error (error);
  svd_model_unref (model);
  return svd_plan_get_peak (&plan);
}

/* There is memory for two frames of five: they go in three chunks, and that
 * is told once. A number that the user has set is not lowered. */
GST_START_TEST (test_memory_budget)
{
  gchar *line = g_strdup_printf ("svddecode memory-budget=%" G_GUINT64_FORMAT,
      planned_peak (5, 2));
  GstHarness *h = harness (line, 5, FPS);
  GstBus *bus = test_harness_get_bus (h);
  GstMessage *message;
  GError *info;

  fail_unless_equals_int (push_latents (h, 5, 0), GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 5);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_INFO);
  gst_message_parse_info (message, &info, NULL);
  fail_unless (strstr (info->message, "together: 2,") != NULL, "%s", info->message);
  g_error_free (info);
  gst_message_unref (message);
  test_assert_step (test_wait_for_progress (bus, "decode",
          GST_PROGRESS_TYPE_START), 0, 3);

  fail_unless_equals_int (push_latents (h, 5, 0), GST_FLOW_OK);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_INFO) == NULL);

  g_object_set (h->element, "decode-chunk-size", 3, NULL);
  fail_unless_equals_int (push_latents (h, 5, 0), GST_FLOW_ERROR);
  test_assert_one_error (bus, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT, "the memory budget leaves");

  test_harness_free (h);
  g_free (line);
}

GST_END_TEST;

GST_START_TEST (test_cancel)
{
  GstHarness *h = harness ("svddecode", 64, FPS);

  test_cancel_in_mid_work (h, test_noise (test_latents_size (64)), __i__ == 0);
  test_assert_no_error (test_harness_get_bus (h));

  test_harness_free (h);
}

GST_END_TEST;

/* The pixel at x, y as R, G, B. */
static void
get_pixel (GstBuffer * buffer, GstCaps * caps, gint x, gint y, guint8 * rgb)
{
  GstVideoInfo info;
  GstVideoFrame frame;

  fail_unless (gst_video_info_from_caps (&info, caps));
  fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ));
  for (guint c = 0; c < 3; c++)
    rgb[c] = *((guint8 *) GST_VIDEO_FRAME_COMP_DATA (&frame, c)
        + y * GST_VIDEO_FRAME_COMP_STRIDE (&frame, c)
        + x * GST_VIDEO_FRAME_COMP_PSTRIDE (&frame, c));
  gst_video_frame_unmap (&frame);
}

static const gchar *formats[] = {
  "RGBx", "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "ARGB", "ABGR", "RGB", "BGR"
};

/* Downstream's format counts, for each clip anew; all have the same colours. */
GST_START_TEST (test_formats)
{
  GstHarness *h = harness ("svddecode", 1, FPS);
  guint8 expected[3] = { 0, }, rgb[3];

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    gchar *video = g_strdup_printf ("video/x-raw,format=%s", formats[i]);
    GstCaps *caps;
    GstBuffer *frame;

    gst_harness_set_sink_caps_str (h, video);
    push_latents (h, 1, 0);
    frame = gst_harness_pull (h);
    caps = gst_pad_get_current_caps (h->sinkpad);
    assert_equals_string (gst_structure_get_string (gst_caps_get_structure
            (caps, 0), "format"), formats[i]);
    get_pixel (frame, caps, 21, 43, rgb);
    if (i == 0)
      memcpy (expected, rgb, sizeof rgb);
    fail_unless (memcmp (rgb, expected, sizeof rgb) == 0, "%s: %u %u %u, not "
        "%u %u %u", formats[i], rgb[0], rgb[1], rgb[2], expected[0],
        expected[1], expected[2]);

    gst_caps_unref (caps);
    gst_buffer_unref (frame);
    g_free (video);
  }

  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_caps)
{
  GstHarness *h = harness ("svddecode", 1, FPS);
  GstCaps *caps, *expected = gst_caps_from_string ("video/x-raw,format=RGBx,"
      "width=64,height=64,framerate=7/1,pixel-aspect-ratio=1/1,"
      "interlace-mode=progressive");

  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (caps != NULL && gst_caps_is_subset (caps, expected));

  gst_caps_unref (caps);
  gst_caps_unref (expected);
  test_harness_free (h);
}

GST_END_TEST;

/* Files may lack a frame rate: the model has one. */
GST_START_TEST (test_no_framerate)
{
  GstHarness *h = test_harness_new ("svddecode");
  gchar *text = test_latents_caps (1, 0);
  guint fps = test_model_info ()->fps;

  gst_harness_set_src_caps_str (h, text);
  push_latents (h, 1, 0);
  check_frame (h, 0, at (1, fps));

  g_free (text);
  test_harness_free (h);
}

GST_END_TEST;

/* Whatever the numbers are, frames come out. */
GST_START_TEST (test_not_a_number)
{
  GstHarness *h = harness ("svddecode", 1, FPS);
  gsize size = test_latents_size (1);

  /* 0xff in all bytes is not a number. */
  GstBuffer *buffer = gst_buffer_new_wrapped (memset (g_malloc (size), 0xff,
          size), size);

  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_buffers_received (h), 1);

  test_harness_free (h);
}

GST_END_TEST;

static GstEvent *
seek_event (gdouble rate, GstFormat format)
{
  return gst_event_new_seek (rate, format, GST_SEEK_FLAG_FLUSH,
      GST_SEEK_TYPE_SET, GST_SECOND, GST_SEEK_TYPE_NONE, 0);
}

/* Forward seeks in time are upstream's; nothing else makes sense. */
GST_START_TEST (test_seek)
{
  GstHarness *h = harness ("svddecode", 1, FPS);
  GstEvent *event;

  fail_if (gst_harness_push_upstream_event (h, seek_event (1.0,
              GST_FORMAT_BYTES)));
  fail_if (gst_harness_push_upstream_event (h, seek_event (-1.0,
              GST_FORMAT_TIME)));
  while ((event = gst_harness_try_pull_upstream_event (h)) != NULL) {
    fail_if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK);
    gst_event_unref (event);
  }

  gst_harness_push_upstream_event (h, seek_event (1.0, GST_FORMAT_TIME));
  event = gst_harness_try_pull_upstream_event (h);
  fail_unless (event != NULL && GST_EVENT_TYPE (event) == GST_EVENT_SEEK);
  gst_event_unref (event);

  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_position)
{
  GstHarness *h = harness ("svddecode", 2, FPS);
  GstPad *pad = gst_element_get_static_pad (h->element, "src");
  gint64 position;

  fail_if (gst_pad_query_position (pad, GST_FORMAT_TIME, &position));
  push_latents (h, 2, 0);
  fail_unless (gst_pad_query_position (pad, GST_FORMAT_TIME, &position));
  fail_unless_equals_uint64 (position, at (2, FPS));
  fail_if (gst_pad_query_duration (pad, GST_FORMAT_TIME, &position));

  gst_object_unref (pad);
  test_harness_free (h);
}

GST_END_TEST;

static Suite *
svddecode_suite (void)
{
  Suite *s = suite_create ("svddecode");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_times);
  tcase_add_test (tc, test_discont);
  tcase_add_test (tc, test_start);
  tcase_add_test (tc, test_rate_change);
  tcase_add_test (tc, test_bytes_segment);
  tcase_add_test (tc, test_segment);
  tcase_add_test (tc, test_flush);
  tcase_add_test (tc, test_downstream_eos);
  tcase_add_test (tc, test_progress);
  tcase_add_test (tc, test_slow_downstream);
  tcase_add_test (tc, test_memory_budget);
  tcase_add_test (tc, test_flush_in_mid_clip);
  tcase_add_loop_test (tc, test_cancel, 0, 2);
  tcase_add_test (tc, test_formats);
  tcase_add_test (tc, test_caps);
  tcase_add_test (tc, test_no_framerate);
  tcase_add_test (tc, test_not_a_number);
  tcase_add_test (tc, test_seek);
  tcase_add_test (tc, test_position);

  return s;
}

GST_CHECK_MAIN (svddecode);
