/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vidinterp among others: for a long time, live, too slow, and in company. */

#include "elementtest.h"

/* 10,000 frames whose format and rate change every 1,000: the output has all
 * its frames at exact times, one after the other. */
#define SECTION 1000

static const struct
{
  const gchar *format;
  guint fps;
} sections[] = {
  {"I420", 60}, {"NV12", 30}, {"I420", 25}, {"RGBx", 60}, {"YUY2", 15},
  {"RGB", 30}, {"I420", 50}, {"BGRA", 60}, {"NV12", 24}, {"I420_10LE", 30}
};

static guint64
pull_all (GstHarness * h, guint64 n)
{
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (h)) != NULL) {
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer),
        gst_util_uint64_scale (n, GST_SECOND, 30));
    gst_buffer_unref (buffer);
    n++;
  }
  return n;
}

GST_START_TEST (test_long)
{
  GstHarness *h = test_harness_new ("vidinterp method=blend duplicate-threshold=0");
  guint64 n = 0, frames = 0;    /* out, and seconds · 300 */

  gst_harness_set_sink_caps_str (h, "video/x-raw,framerate=30/1");
  for (guint s = 0; s < G_N_ELEMENTS (sections); s++) {
    gchar *caps = g_strdup_printf ("video/x-raw,format=%s,width=320,"
        "height=180,framerate=%u/1", sections[s].format, sections[s].fps);
    GstBuffer *frame = test_filled (caps, 0, 0, GST_CLOCK_TIME_NONE);

    gst_harness_set_src_caps_str (h, caps);
    for (guint i = 0; i < SECTION; i++) {
      GstBuffer *copy = gst_buffer_copy (frame);

      GST_BUFFER_PTS (copy) = gst_util_uint64_scale (frames, GST_SECOND, 600);
      frames += 600 / sections[s].fps;
      fail_unless_equals_int (gst_harness_push (h, copy), GST_FLOW_OK);
      n = pull_all (h, n);
    }
    gst_buffer_unref (frame);
    g_free (caps);
  }
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_uint64 (pull_all (h, n), frames / 20);
  test_harness_free (h);
}

GST_END_TEST;

/* Runs a pipeline until its end. */
static void
run (const gchar * line)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  fail_unless (error == NULL, "%s", error != NULL ? error->message : "");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message != NULL, "no end");
  fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

#define SOURCE "videotestsrc pattern=ball num-buffers=12 ! " \
    "video/x-raw,format=I420,width=64,height=48,framerate=24/1"

GST_START_TEST (test_company)
{
  run (SOURCE " ! queue ! vidinterp ! queue ! video/x-raw,framerate=60/1 ! "
      "fakesink sync=true");
  run (SOURCE " ! tee name=t ! queue ! vidinterp ! "
      "video/x-raw,framerate=48/1 ! queue ! compositor name=c ! fakesink  "
      "t. ! queue ! vidinterp slowdown=2 ! queue ! c.");
}

GST_END_TEST;

/* A device that is too slow for the size: the method becomes cheaper, which
 * is said, and time is kept. With a size that it can do the wanted method
 * comes back. */
typedef struct
{
  GstElement *pipeline;
  guint frames;                 /* at the sink */
  gint quality;                 /* of the last QoS message */
  guint dropped, recovered;     /* QoS messages */
} Live;

static void
handle_message (Live * live, GstMessage * message)
{
  gint quality;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_LATENCY:
      gst_bin_recalculate_latency (GST_BIN (live->pipeline));
      break;
    case GST_MESSAGE_QOS:
      gst_message_parse_qos_values (message, NULL, NULL, &quality);
      if (quality < live->quality)
        live->dropped++;
      else
        live->recovered++;
      live->quality = quality;
      break;
    case GST_MESSAGE_ERROR:
      fail ("an error");
      break;
    default:
      break;
  }
}

/* For so long, or until a counter of messages is no longer 0. */
static void
play (Live * live, GstClockTime time, const guint * until)
{
  GstBus *bus = gst_element_get_bus (live->pipeline);
  gint64 end = g_get_monotonic_time () + GST_TIME_AS_USECONDS (time);

  while (g_get_monotonic_time () < end
      && (until == NULL || *until == 0)) {
    GstMessage *message = gst_bus_timed_pop (bus, 20 * GST_MSECOND);

    if (message != NULL) {
      handle_message (live, message);
      gst_message_unref (message);
    }
  }
  gst_object_unref (bus);
}

/* The most frames in so long, of ten tries until there are enough: a busy
 * machine has no time for them now and then. */
static guint
most_frames (Live * live, GstClockTime time, guint enough)
{
  guint most = 0;

  for (guint i = 0; i < 10 && most < enough; i++) {
    guint before = g_atomic_int_get (&live->frames);

    play (live, time, NULL);
    most = MAX (most, g_atomic_int_get (&live->frames) - before);
  }
  return most;
}

static GstPadProbeReturn
count (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  g_atomic_int_inc (&((Live *) user_data)->frames);
  return GST_PAD_PROBE_OK;
}

static void
start_live (Live * live, const gchar * line)
{
  GstElement *sink;
  GstPad *pad;

  *live = (Live) {
    .pipeline = gst_parse_launch (line, NULL),
    .quality = 1000000,
  };
  sink = gst_bin_get_by_name (GST_BIN (live->pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count, live, NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  gst_element_set_state (live->pipeline, GST_STATE_PLAYING);
}

static void
stop_live (Live * live)
{
  gst_element_set_state (live->pipeline, GST_STATE_NULL);
  gst_object_unref (live->pipeline);
}

GST_START_TEST (test_too_slow)
{
  Live live;
  GstElement *filter;
  GstCaps *caps;
  guint frames;

  start_live (&live, "videotestsrc is-live=true ! capsfilter name=f "
      "caps=video/x-raw,format=I420,width=1920,height=1080,framerate=25/1 ! "
      "vidinterp method=blend ! video/x-raw,framerate=100/1 ! "
      "fakesink name=sink sync=true");
  play (&live, 20 * GST_SECOND, &live.dropped);
  fail_unless (live.dropped > 0);
  fail_unless (live.quality < 1000000);
  frames = most_frames (&live, GST_SECOND, 76);
  fail_unless (frames > 75, "only %u frames", frames);

  filter = gst_bin_get_by_name (GST_BIN (live.pipeline), "f");
  caps = gst_caps_from_string ("video/x-raw,format=I420,width=32,height=16,"
      "framerate=5/1");
  g_object_set (filter, "caps", caps, NULL);
  gst_caps_unref (caps);
  gst_object_unref (filter);
  for (guint i = 0; i < 20 && live.quality < 1000000; i++) {
    live.recovered = 0;
    play (&live, 20 * GST_SECOND, &live.recovered);
  }
  fail_unless_equals_int (live.quality, 1000000);
  stop_live (&live);
}

GST_END_TEST;

/* What the issue of a live picture is: all the frames, in time. */
GST_START_TEST (test_real_time)
{
  Live live;
  guint frames;

  start_live (&live, "videotestsrc is-live=true ! "
      "video/x-raw,width=160,height=90,framerate=30/1 ! vidinterp ! "
      "video/x-raw,framerate=60/1 ! fakesink name=sink sync=true");
  frames = most_frames (&live, 3 * GST_SECOND, 150);
  fail_unless (frames >= 150, "only %u frames", frames);
  stop_live (&live);
}

GST_END_TEST;

static Suite *
vidinterp_pipelines_suite (void)
{
  Suite *s = suite_create ("vidinterp-pipelines");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_long);
  tcase_add_test (tc, test_company);
  tcase_add_test (tc, test_too_slow);
  tcase_add_test (tc, test_real_time);

  return s;
}

GST_CHECK_MAIN (vidinterp_pipelines);
