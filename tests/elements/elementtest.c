/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "elementtest.h"
#include "../cpu-clock.h"

const SvdModelInfo *
test_model_info (void)
{
  static SvdModel *model = NULL;

  if (model == NULL) {
    GError *error = NULL;

    model = svd_model_open (NULL, &error);
    if (model == NULL)
      g_error ("no embedded model: %s", error->message);
  }

  return svd_model_get_info (model);
}

gchar *
test_conditioning_caps (void)
{
  const SvdModelInfo *info = test_model_info ();
  guint size = TEST_SIZE / info->factor;

  return g_strdup_printf ("other/tensors,format=static,num_tensors=3,"
      "types=(string)\"float32,float32,float32\","
      "dimensions=(string)\"%u:%u:%u:1,%u:1:1:1,1:1:1:1\",framerate=0/1",
      size, size, info->latent_channels, info->embedding_size);
}

gchar *
test_latents_caps (guint frames, guint fps)
{
  const SvdModelInfo *info = test_model_info ();
  guint size = TEST_SIZE / info->factor;

  return g_strdup_printf ("other/tensors,format=static,num_tensors=1,"
      "types=(string)float32,dimensions=(string)%u:%u:%u:%u,framerate=%u/1",
      size, size, info->latent_channels, frames, fps);
}

gsize
test_latents_size (guint frames)
{
  const SvdModelInfo *info = test_model_info ();
  gsize size = TEST_SIZE / info->factor;

  return size * size * info->latent_channels * frames * sizeof (gfloat);
}

gsize
test_conditioning_size (void)
{
  return test_latents_size (1)
      + (test_model_info ()->embedding_size + 1) * sizeof (gfloat);
}

GstHarness *
test_harness_new (const gchar * launch_line)
{
  GError *error = NULL;
  GstElement *element = gst_parse_launch (launch_line, &error);
  GstBus *bus = gst_bus_new ();
  GstHarness *h;

  fail_unless (error == NULL, "%s", error != NULL ? error->message : "");
  gst_object_ref_sink (element);
  gst_element_set_bus (element, bus);
  gst_object_unref (bus);

  h = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  return h;
}

GstBus *
test_harness_get_bus (GstHarness * h)
{
  return GST_ELEMENT_BUS (h->element);
}

void
test_harness_free (GstHarness * h)
{
  gst_element_set_state (h->element, GST_STATE_NULL);
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
}

/* The same colours whatever the format: R, G, B from the position. */
GstBuffer *
test_picture (const gchar * caps_string)
{
  GstCaps *caps = gst_caps_from_string (caps_string);
  GstVideoInfo info;
  GstVideoFrame frame;
  GstBuffer *buffer;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_caps_unref (caps);

  buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&info), NULL);
  fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_WRITE));

  for (gint y = 0; y < info.height; y++) {
    for (gint x = 0; x < info.width; x++) {
      const guint8 rgb[3] = { 255 * x / info.width, 255 * y / info.height,
        (guint8) (x * y)
      };

      for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (&frame); c++) {
        guint8 *line = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (&frame, c)
            + y * GST_VIDEO_FRAME_COMP_STRIDE (&frame, c);

        /* Alpha must not matter. */
        line[x * GST_VIDEO_FRAME_COMP_PSTRIDE (&frame, c)] =
            c < 3 ? rgb[c] : (guint8) (x + y);
      }
    }
  }

  gst_video_frame_unmap (&frame);
  GST_BUFFER_PTS (buffer) = 0;
  return buffer;
}

GstBuffer *
test_noise (gsize size)
{
  gfloat *data = g_malloc (size);
  GRand *rand = g_rand_new_with_seed (1);

  for (gsize i = 0; i < size / sizeof (gfloat); i++)
    data[i] = (gfloat) g_rand_double_range (rand, -0.5, 0.5);

  g_rand_free (rand);
  return gst_buffer_new_wrapped (data, size);
}

GstBuffer *
test_filled (const gchar * caps_string, guint8 level, GstClockTime pts,
    GstClockTime duration)
{
  GstCaps *caps = gst_caps_from_string (caps_string);
  GstVideoInfo info;
  GstBuffer *buffer;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_caps_unref (caps);
  buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&info), NULL);
  gst_buffer_memset (buffer, 0, level, GST_VIDEO_INFO_SIZE (&info));
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = duration;
  return buffer;
}

void
test_assert_one_error (GstBus * bus, GQuark domain, gint code,
    const gchar * text)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  fail_unless (message != NULL, "there is no error");
  gst_message_parse_error (message, &error, NULL);
  GST_INFO ("the error: %s", error->message);
  fail_unless (g_error_matches (error, domain, code), "%s %d: %s",
      g_quark_to_string (error->domain), error->code, error->message);
  fail_unless (strstr (error->message, text) != NULL,
      "\"%s\" does not say \"%s\"", error->message, text);
  g_error_free (error);
  gst_message_unref (message);

  test_assert_no_error (bus);
}

void
test_assert_no_error (GstBus * bus)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  if (message != NULL) {
    GError *error = NULL;

    gst_message_parse_error (message, &error, NULL);
    fail ("an error: %s", error->message);
  }
}

GstMessage *
test_wait_for_progress (GstBus * bus, const gchar * code, GstProgressType type)
{
  for (;;) {
    GstMessage *message = gst_bus_timed_pop_filtered (bus, 100 * GST_SECOND,
        GST_MESSAGE_PROGRESS | GST_MESSAGE_ERROR);
    GstProgressType message_type;
    gchar *message_code;
    gboolean found;

    fail_unless (message != NULL, "no progress in time");
    fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_PROGRESS);

    gst_message_parse_progress (message, &message_type, &message_code, NULL);
    found = message_type == type && g_str_equal (message_code, code);
    g_free (message_code);
    if (found)
      return message;
    gst_message_unref (message);
  }
}

void
test_assert_step (GstMessage * message, gint step, gint steps)
{
  const GstStructure *s = gst_message_get_structure (message);
  gint value;

  fail_unless (gst_structure_get_int (s, "step", &value));
  fail_unless_equals_int (value, step);
  fail_unless (gst_structure_get_int (s, "steps", &value));
  fail_unless_equals_int (value, steps);
  fail_unless (gst_structure_get_int (s, "percent", &value));
  fail_unless_equals_int (value, 100 * step / steps);
  gst_message_unref (message);
}

struct _TestPush
{
  GThread *thread;
  GstHarness *h;
  GstBuffer *buffer;
  GstFlowReturn flow;
};

static gpointer
push_thread (gpointer data)
{
  TestPush *push = data;

  push->flow = gst_harness_push (push->h, push->buffer);
  return NULL;
}

TestPush *
test_push_start (GstHarness * h, GstBuffer * buffer)
{
  TestPush *push = g_new0 (TestPush, 1);

  push->h = h;
  push->buffer = buffer;
  push->thread = g_thread_new ("push", push_thread, push);
  return push;
}

GstFlowReturn
test_push_finish (TestPush * push)
{
  GstFlowReturn flow;

  g_thread_join (push->thread);
  flow = push->flow;
  g_free (push);
  return flow;
}

TestTime
test_time_now (void)
{
  return (TestTime) {
    g_get_monotonic_time (), cpu_seconds () * G_USEC_PER_SEC
  };
}

void
test_assert_quick (TestTime since)
{
  TestTime now = test_time_now ();
  gint64 wall = now.wall - since.wall, cpu = now.cpu - since.cpu;

  GST_INFO ("cancelling took %" G_GINT64_FORMAT " us, %" G_GINT64_FORMAT
      " us of processors", wall, cpu);
  fail_unless (wall < TEST_CANCEL_TIME || (cpu < TEST_CANCEL_TIME
          && wall < 4 * TEST_CANCEL_TIME), "took %" G_GINT64_FORMAT " us, %"
      G_GINT64_FORMAT " us of processors", wall, cpu);
}

void
test_cancel_in_mid_work (GstHarness * h, GstBuffer * buffer, gboolean flush)
{
  TestPush *push = test_push_start (h, buffer);
  TestTime start;

  g_usleep (G_USEC_PER_SEC / 2);
  start = test_time_now ();
  if (flush)
    fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  else
    gst_element_set_state (h->element, GST_STATE_NULL);
  fail_unless_equals_int (test_push_finish (push), GST_FLOW_FLUSHING);
  test_assert_quick (start);
}

guint64
test_pop_seed (GstBus * bus, gboolean * drawn)
{
  guint64 seed = 0;

  for (;;) {
    GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT);
    gboolean found;

    fail_unless (message != NULL, "no seed was reported");
    found = gst_message_has_name (message, "svd-seed");
    if (found) {
      const GstStructure *s = gst_message_get_structure (message);

      fail_unless (gst_structure_get_uint64 (s, "seed", &seed));
      fail_unless (gst_structure_get_boolean (s, "drawn", drawn));
    }
    gst_message_unref (message);
    if (found)
      return seed;
  }
}

gchar *
test_checksum (GstBuffer * buffer)
{
  GstMapInfo map;
  gchar *sum;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  return sum;
}
