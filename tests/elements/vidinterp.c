/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames between frames: times, and what goes through. */

#include <gst/controller/controller.h>

#include "vidinterptest.h"

/* Frames of one level are no video that could be judged. */
#define BLEND "vidinterp method=blend scene-threshold=1 duplicate-threshold=0"

static guint8
level_of (GstBuffer * buffer)
{
  guint8 level;

  fail_unless_equals_int (gst_buffer_extract (buffer, 0, &level, 1), 1);
  return level;
}

static GstClockTime
time_of_frame (guint64 i, gint fps_n, gint fps_d)
{
  return gst_util_uint64_scale (i, GST_SECOND * fps_d, fps_n);
}

static void
push_frames (GstHarness * h, const gchar * caps, guint n, gint fps_n,
    gint fps_d)
{
  for (guint i = 0; i < n; i++) {
    GstClockTime pts = time_of_frame (i, fps_n, fps_d);

    fail_unless_equals_int (gst_harness_push (h, test_filled (caps, 10 * i % 250,
                pts, time_of_frame (i + 1, fps_n, fps_d) - pts)), GST_FLOW_OK);
  }
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
}

/* Any rate from any rate, with as much time out as in. */
static const struct
{
  gint in_n, in_d, out_n, out_d;
} rates[] = {
  {10, 1, 24, 1}, {30, 1, 60, 1}, {60, 1, 30, 1}, {60, 1, 24, 1},
  {24000, 1001, 60000, 1001}, {25, 1, 30000, 1001}, {7, 1, 60, 1},
  {30, 1, 7, 3}
};

GST_START_TEST (test_rates)
{
  gint in_n = rates[__i__].in_n, in_d = rates[__i__].in_d;
  gint out_n = rates[__i__].out_n, out_d = rates[__i__].out_d;
  gchar *in = g_strdup_printf (CAPS ("RGB", "%d/%d"), in_n, in_d);
  gchar *out = g_strdup_printf (CAPS ("RGB", "%d/%d"), out_n, out_d);
  GstHarness *h = new_harness (BLEND, in, out);
  guint n = 12, expected = gst_util_uint64_scale_ceil (n, (guint64) in_d
      * out_n, (guint64) in_n * out_d);
  GstClockTime last = time_of_frame (n - 1, in_n, in_d);
  GstBuffer *buffer;

  push_frames (h, in, n, in_n, in_d);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), expected);
  for (guint i = 0; (buffer = gst_harness_try_pull (h)) != NULL; i++) {
    gdouble place = MIN (GST_BUFFER_PTS (buffer), last)
        * (gdouble) in_n / in_d / GST_SECOND;

    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer),
        time_of_frame (i, out_n, out_d));
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer),
        time_of_frame (i + 1, out_n, out_d) - GST_BUFFER_PTS (buffer));
    /* The levels rise with time: what is shown is of that very moment. */
    fail_unless (ABS (level_of (buffer) - 10 * place) <= 1.0,
        "level %u at frame %f", level_of (buffer), place);
    gst_buffer_unref (buffer);
  }

  g_free (in);
  g_free (out);
  test_harness_free (h);
}

GST_END_TEST;

/* Where nothing is to be done the very buffers go through, at their own
 * times. */
GST_START_TEST (test_pass_through)
{
  GstHarness *h = new_harness ("vidinterp", CAPS ("I420", "30/1"), NULL);

  for (guint i = 0; i < 5; i++) {
    GstBuffer *in = test_filled (CAPS ("I420", "30/1"), 40 * i,
        i * 33 * GST_MSECOND + i % 2, 33 * GST_MSECOND);
    GstBuffer *out;

    gst_buffer_ref (in);
    fail_unless_equals_int (gst_harness_push (h, in), GST_FLOW_OK);
    out = gst_harness_pull (h);
    fail_unless (i == 0 || out == in);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (out), GST_BUFFER_PTS (in));
    fail_unless (gst_buffer_peek_memory (out, 0) ==
        gst_buffer_peek_memory (in, 0));
    gst_buffer_unref (in);
    gst_buffer_unref (out);
  }
  test_harness_free (h);
}

GST_END_TEST;

/* Frames that are there already are not copied, at another rate either. */
GST_START_TEST (test_frames_that_are_there)
{
  GstHarness *h = new_harness ("vidinterp", CAPS ("I420", "30/1"),
      CAPS ("I420", "60/1"));
  GstBuffer *in[3];

  for (guint i = 0; i < 3; i++) {
    /* Times as Matroska has them. */
    in[i] = test_filled (CAPS ("I420", "30/1"), 40 * i,
        (i * 1000 + 15) / 30 * GST_MSECOND, 33 * GST_MSECOND);
    fail_unless_equals_int (gst_harness_push (h, gst_buffer_ref (in[i])),
        GST_FLOW_OK);
  }
  for (guint i = 0; i < 5; i++) {
    GstBuffer *out = gst_harness_pull (h);
    GstMemory *memory = gst_buffer_peek_memory (in[i / 2], 0);

    fail_unless_equals_int (gst_buffer_peek_memory (out, 0) == memory,
        i % 2 == 0);
    gst_buffer_unref (out);
  }
  for (guint i = 0; i < 3; i++)
    gst_buffer_unref (in[i]);
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_slowdown)
{
  GstHarness *h = new_harness ("vidinterp slowdown=2.5", CAPS ("RGB", "20/1"),
      NULL);
  GstBuffer *buffer;

  push_frames (h, CAPS ("RGB", "20/1"), 8, 20, 1);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 20);
  for (guint i = 0; (buffer = gst_harness_try_pull (h)) != NULL; i++) {
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), time_of_frame (i, 20,
            1));
    fail_unless (ABS (level_of (buffer) - MIN (4.0 * i, 70.0)) <= 1.0);
    gst_buffer_unref (buffer);
  }
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_duplicate)
{
  GstHarness *h = new_harness ("vidinterp method=duplicate",
      CAPS ("RGB", "10/1"), CAPS ("RGB", "30/1"));

  push_frames (h, CAPS ("RGB", "10/1"), 4, 10, 1);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 12);
  for (guint i = 0; i < 12; i++) {
    GstBuffer *buffer = gst_harness_pull (h);

    fail_unless_equals_int (level_of (buffer), i / 3 * 10);
    gst_buffer_unref (buffer);
  }
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_interlaced)
{
  GstHarness *h = test_harness_new ("vidinterp");

  gst_harness_set_src_caps_str (h, CAPS ("I420", "25/1")
      ",interlace-mode=interleaved");
  fail_unless_equals_int (gst_harness_push (h, test_filled (CAPS ("I420", "25/1"),
              0, 0, GST_SECOND / 25)), GST_FLOW_NOT_NEGOTIATED);
  test_assert_one_error (test_harness_get_bus (h), GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, "deinterlace");
  test_harness_free (h);
}

GST_END_TEST;

/* After the last frame there is as much as it lasts. */
GST_START_TEST (test_eos)
{
  GstHarness *h = new_harness ("vidinterp", CAPS ("RGB", "10/1"),
      CAPS ("RGB", "30/1"));
  GstEvent *event;
  gboolean eos = FALSE;

  push_frames (h, CAPS ("RGB", "10/1"), 1, 10, 1);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 3);
  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  fail_unless (eos);
  test_harness_free (h);
}

GST_END_TEST;

static void
pull_levels (GstHarness * h, const guint8 * levels, guint n)
{
  for (guint i = 0; i < n; i++) {
    GstBuffer *buffer = gst_harness_try_pull (h);

    fail_unless (buffer != NULL, "no frame %u", i);
    fail_unless (ABS (level_of (buffer) - levels[i]) <= 1,
        "frame %u has level %u", i, level_of (buffer));
    gst_buffer_unref (buffer);
  }
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
}

static void
push_level (GstHarness * h, const gchar * caps, guint8 level,
    GstClockTime pts, GstClockTime duration)
{
  fail_unless_equals_int (gst_harness_push (h, test_filled (caps, level, pts,
              duration)), GST_FLOW_OK);
}

/* Nothing is invented for what is missing: not across a gap event, not where
 * times jump. The rate of the output stays. */
GST_START_TEST (test_gaps)
{
  static const guint8 levels[] = { 0, 25, 50, 50, 150, 175, 200, 200 };
  static const guint8 repeated[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200
  };
  const gchar *in = CAPS ("RGB", "10/1"), *out = CAPS ("RGB", "20/1");
  GstClockTime frame = GST_SECOND / 10;
  GstHarness *h = new_harness (BLEND, in, out);

  push_level (h, in, 0, 0, frame);
  push_level (h, in, 50, frame, frame);
  fail_unless (gst_harness_push_event (h, gst_event_new_gap (2 * frame,
              10 * frame)));
  push_level (h, in, 150, 12 * frame, frame);
  push_level (h, in, 200, 13 * frame, frame);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  pull_levels (h, levels, G_N_ELEMENTS (levels));
  test_harness_free (h);

  h = new_harness (BLEND, in, out);
  push_level (h, in, 0, 0, frame);
  push_level (h, in, 200, 6 * frame, frame);
  pull_levels (h, repeated, G_N_ELEMENTS (repeated));
  test_harness_free (h);
}

GST_END_TEST;

/* After a flush nothing is left of before, and times begin anew. */
GST_START_TEST (test_flush)
{
  static const guint8 levels[] = { 100, 125, 150 };
  const gchar *in = CAPS ("RGB", "10/1");
  GstClockTime frame = GST_SECOND / 10;
  GstHarness *h = new_harness (BLEND, in,
      CAPS ("RGB", "20/1"));
  GstSegment segment;
  GstBuffer *buffer;

  push_level (h, in, 0, 0, frame);
  push_level (h, in, 10, frame, frame);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  while ((buffer = gst_harness_try_pull (h)) != NULL)
    gst_buffer_unref (buffer);

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = 7 * frame;
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  push_level (h, in, 100, 7 * frame, frame);
  push_level (h, in, 150, 8 * frame, frame);
  buffer = gst_harness_pull (h);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), 7 * frame);
  fail_unless (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT));
  gst_buffer_unref (buffer);
  pull_levels (h, levels + 1, 2);
  test_harness_free (h);
}

GST_END_TEST;

/* Backwards, as a decoder gives it: from the last frame to the first. */
GST_START_TEST (test_reverse)
{
  const gchar *in = CAPS ("RGB", "10/1");
  GstClockTime frame = GST_SECOND / 10;
  GstHarness *h = new_harness (BLEND, in,
      CAPS ("RGB", "20/1"));
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.rate = -1.0;
  segment.stop = 4 * frame;
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  for (gint i = 3; i >= 0; i--)
    push_level (h, in, 50 * i, i * frame, frame);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));

  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 8);
  for (gint i = 7; i >= 0; i--) {
    GstBuffer *buffer = gst_harness_pull (h);

    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), i * frame / 2);
    fail_unless (ABS (level_of (buffer) - MAX (25 * (i - 1), 0)) <= 1);
    gst_buffer_unref (buffer);
  }
  test_harness_free (h);
}

GST_END_TEST;

/* A seek to a time of the slow motion is one to half that time upstream. */
GST_START_TEST (test_seek_in_slow_motion)
{
  GstHarness *h = new_harness ("vidinterp slowdown=2", CAPS ("RGB", "10/1"),
      NULL);
  GstEvent *event;
  gint64 start, stop;

  gst_buffer_unref (gst_harness_push_and_pull (h, test_filled (CAPS ("RGB", "10/1"),
              0, 0, GST_SECOND / 10)));
  gst_harness_push_upstream_event (h, gst_event_new_seek (1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 8 * GST_SECOND,
          GST_SEEK_TYPE_SET, 10 * GST_SECOND));
  while ((event = gst_harness_pull_upstream_event (h)) != NULL
      && GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    gst_event_unref (event);
  gst_event_parse_seek (event, NULL, NULL, NULL, NULL, &start, NULL, &stop);
  fail_unless_equals_int64 (start, 4 * GST_SECOND);
  fail_unless_equals_int64 (stop, 5 * GST_SECOND);
  gst_event_unref (event);
  test_harness_free (h);
}

GST_END_TEST;

/* Sizes, formats and rates may change at any frame. */
GST_START_TEST (test_caps_change)
{
  static const guint8 before[] = { 0, 25, 50, 50 }, after[] = { 100, 150 };
  GstClockTime frame = GST_SECOND / 10;
  GstHarness *h = new_harness (BLEND, CAPS ("RGB", "10/1"),
      "video/x-raw,framerate=20/1");
  const gchar *other = "video/x-raw,format=BGRx,width=32,height=16,"
      "framerate=20/1";

  push_level (h, CAPS ("RGB", "10/1"), 0, 0, frame);
  push_level (h, CAPS ("RGB", "10/1"), 50, frame, frame);
  gst_harness_set_src_caps_str (h, other);
  pull_levels (h, before, G_N_ELEMENTS (before));
  push_level (h, other, 100, 2 * frame, frame / 2);
  push_level (h, other, 150, 2 * frame + frame / 2, frame / 2);
  pull_levels (h, after, G_N_ELEMENTS (after));
  test_harness_free (h);
}

GST_END_TEST;

/* Properties may change while playing, and count from the next frame. */
GST_START_TEST (test_property_changes)
{
  static const guint8 levels[] = { 0, 25, 50, 50, 100, 125, 150 };
  const gchar *in = CAPS ("RGB", "10/1");
  GstClockTime frame = GST_SECOND / 10;
  GstHarness *h = new_harness (BLEND, in,
      CAPS ("RGB", "20/1"));
  GstBuffer *buffer;

  push_level (h, in, 0, 0, frame);
  push_level (h, in, 50, frame, frame);
  gst_util_set_object_arg (G_OBJECT (h->element), "method", "duplicate");
  push_level (h, in, 100, 2 * frame, frame);
  gst_util_set_object_arg (G_OBJECT (h->element), "method", "blend");
  push_level (h, in, 150, 3 * frame, frame);
  pull_levels (h, levels, G_N_ELEMENTS (levels));

  /* From the fourth frame on time is slower, and goes on without a jump. */
  g_object_set (h->element, "slowdown", 2.0, NULL);
  push_level (h, in, 190, 4 * frame, frame);
  push_level (h, in, 230, 5 * frame, frame);
  for (guint i = 7; (buffer = gst_harness_try_pull (h)) != NULL; i++) {
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), i * frame / 2);
    fail_unless (ABS (level_of (buffer) - (i == 7 ? 170 : 110 + 10 * (gint) i))
        <= 1, "frame %u has level %u", i, level_of (buffer));
    gst_buffer_unref (buffer);
  }
  test_harness_free (h);
}

GST_END_TEST;

/* From a control source: half speed from the third frame on. */
GST_START_TEST (test_controlled)
{
  const gchar *in = CAPS ("RGB", "10/1");
  GstHarness *h = new_harness (BLEND, in, NULL);
  GstControlSource *source = gst_interpolation_control_source_new ();
  GstTimedValueControlSource *values = GST_TIMED_VALUE_CONTROL_SOURCE (source);

  g_object_set (source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
  fail_unless (gst_timed_value_control_source_set (values, 0, 1.0));
  fail_unless (gst_timed_value_control_source_set (values, GST_SECOND / 5,
          2.0));
  gst_object_add_control_binding (GST_OBJECT (h->element),
      gst_direct_control_binding_new_absolute (GST_OBJECT (h->element),
          "slowdown", source));
  push_frames (h, in, 5, 10, 1);
  /* Two frames, then twice three, less the way to the first of them. */
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 2 + 6);
  gst_object_unref (source);
  test_harness_free (h);
}

GST_END_TEST;

/* One frame, and what making others takes. */
GST_START_TEST (test_live_latency)
{
  GstHarness *h = new_harness (BLEND, CAPS ("RGB", "20/1"),
      CAPS ("RGB", "40/1"));
  GstClockTime latency;

  gst_harness_set_upstream_latency (h, 7 * GST_MSECOND);
  push_frames (h, CAPS ("RGB", "20/1"), 4, 20, 1);
  latency = gst_harness_query_latency (h);
  fail_unless (latency > 57 * GST_MSECOND && latency <= 82 * GST_MSECOND,
      "latency is %" GST_TIME_FORMAT, GST_TIME_ARGS (latency));
  test_harness_free (h);

  /* Nothing where all goes through. */
  h = new_harness ("vidinterp", CAPS ("RGB", "20/1"), NULL);
  push_frames (h, CAPS ("RGB", "20/1"), 4, 20, 1);
  fail_unless_equals_uint64 (gst_harness_query_latency (h), 0);
  test_harness_free (h);
}

GST_END_TEST;

static Suite *
vidinterp_suite (void)
{
  Suite *s = suite_create ("vidinterp");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_rates, 0, G_N_ELEMENTS (rates));
  tcase_add_test (tc, test_pass_through);
  tcase_add_test (tc, test_frames_that_are_there);
  tcase_add_test (tc, test_slowdown);
  tcase_add_test (tc, test_duplicate);
  tcase_add_test (tc, test_interlaced);
  tcase_add_test (tc, test_eos);
  tcase_add_test (tc, test_gaps);
  tcase_add_test (tc, test_flush);
  tcase_add_test (tc, test_reverse);
  tcase_add_test (tc, test_seek_in_slow_motion);
  tcase_add_test (tc, test_caps_change);
  tcase_add_test (tc, test_property_changes);
  tcase_add_test (tc, test_controlled);
  tcase_add_test (tc, test_live_latency);

  return s;
}

GST_CHECK_MAIN (vidinterp);
