/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One device in a pipeline, through a GstContext. */

#include "elementtest.h"

#define CONTEXT "gst.svd.device"

typedef struct
{
  guint needed, had;
  GstContext *answer;           /* what the application gives, or NULL */
} Contexts;

static GstBusSyncReply
watch (GstBus * bus, GstMessage * message, gpointer user_data)
{
  Contexts *contexts = user_data;
  const gchar *type;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_HAVE_CONTEXT)
    contexts->had++;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_NEED_CONTEXT) {
    gst_message_parse_context_type (message, &type);
    assert_equals_string (type, CONTEXT);
    contexts->needed++;
    if (contexts->answer != NULL)
      gst_element_set_context (GST_ELEMENT (GST_MESSAGE_SRC (message)),
          contexts->answer);
  }

  return GST_BUS_PASS;
}

static GstElement *
start (const gchar * launch_line, Contexts * contexts)
{
  GstElement *pipeline = gst_parse_launch (launch_line, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);

  gst_bus_set_sync_handler (bus, watch, contexts, NULL);
  /* The sink has nothing to preroll with. */
  fail_if (gst_element_set_state (pipeline, GST_STATE_PAUSED) ==
      GST_STATE_CHANGE_FAILURE);
  gst_object_unref (bus);
  return pipeline;
}

static void
stop (GstElement * pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

GST_START_TEST (test_one_device)
{
  Contexts contexts = { 0, };

  stop (start ("appsrc ! svdencode ! svdsample ! svddecode ! fakesink",
          &contexts));
  fail_unless_equals_int (contexts.had, 1);

  /* Not even neighbours. */
  contexts.had = 0;
  stop (start ("appsrc ! svdencode ! queue ! svdsample ! queue ! svddecode ! "
          "vidinterp ! fakesink  appsrc ! svdbin ! fakesink", &contexts));
  fail_unless_equals_int (contexts.had, 1);
}

GST_END_TEST;

/* Who asks for another device gets it. */
GST_START_TEST (test_named_device)
{
  Contexts contexts = { 0, };

  stop (start ("appsrc ! svdencode ! svdsample device=0 ! svddecode device=0 ! "
          "fakesink", &contexts));
  fail_unless_equals_int (contexts.had, 2);
}

GST_END_TEST;

/* One with a device. */
static GstContext *
new_context (void)
{
  GError *error = NULL;
  SvdDevice *device = svd_device_open (NULL, &error);
  GstContext *context = gst_context_new (CONTEXT, TRUE);

  g_assert_no_error (error);
  gst_structure_set (gst_context_writable_structure (context),
      "device", SVD_TYPE_DEVICE, device, "name", G_TYPE_STRING, "", NULL);
  svd_device_unref (device);
  return context;
}

GST_START_TEST (test_device_of_the_application)
{
  Contexts contexts = { .answer = new_context () };
  GstElement *pipeline = start ("appsrc ! svdbin ! fakesink", &contexts);

  fail_unless (contexts.needed >= 1);
  fail_unless_equals_int (contexts.had, 0);
  stop (pipeline);

  gst_context_unref (contexts.answer);
}

GST_END_TEST;

static GstElement *
start_decoding (Contexts * contexts)
{
  gchar *caps = test_latents_caps (3, 7);
  gchar *line = g_strdup_printf ("appsrc name=source format=time caps=\"%s\" ! "
      "svddecode decode-chunk-size=1 ! fakesink name=sink", caps);
  GstElement *pipeline = start (line, contexts);

  g_free (line);
  g_free (caps);
  return pipeline;
}

/* One clip. */
static void
play (GstElement * pipeline)
{
  GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  GstBuffer *latents = test_noise (test_latents_size (3));
  GstFlowReturn flow;

  GST_BUFFER_PTS (latents) = 0;
  g_signal_emit_by_name (source, "push-buffer", latents, &flow);
  g_signal_emit_by_name (source, "end-of-stream", &flow);
  gst_buffer_unref (latents);
  gst_object_unref (source);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
}

/* Whether the clip comes to its end. */
static gboolean
wait_for_end (GstElement * pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 100 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gboolean ended = message != NULL
      && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;

  gst_clear_message (&message);
  gst_object_unref (bus);
  return ended;
}

typedef struct
{
  GstElement *pipeline;
  gboolean ended;
} Other;

static GstPadProbeReturn
wait_for_other (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Other *other = user_data;

  other->ended = wait_for_end (other->pipeline);
  return GST_PAD_PROBE_REMOVE;
}

/* Two pipelines on one device: one has all of its clip while the other is in
 * the midst of decoding one. */
GST_START_TEST (test_two_pipelines)
{
  Contexts contexts = { .answer = new_context () };
  GstElement *first = start_decoding (&contexts);
  Other other = { start_decoding (&contexts) };
  GstElement *sink = gst_bin_get_by_name (GST_BIN (first), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, wait_for_other, &other,
      NULL);
  play (first);
  play (other.pipeline);
  fail_unless (wait_for_end (first));
  fail_unless (other.ended);
  fail_unless_equals_int (contexts.had, 0);

  gst_object_unref (pad);
  gst_object_unref (sink);
  stop (first);
  stop (other.pipeline);
  gst_context_unref (contexts.answer);
}

GST_END_TEST;

/* Properties may change while READY, and count from then on. */
GST_START_TEST (test_other_device_later)
{
  Contexts contexts = { 0, };
  GstElement *pipeline = start ("appsrc ! svdbin name=svd ! fakesink",
      &contexts);
  GstElement *bin = gst_bin_get_by_name (GST_BIN (pipeline), "svd");

  gst_element_set_state (pipeline, GST_STATE_READY);
  g_object_set (bin, "device", "no such device", NULL);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (pipeline, GST_STATE_READY);
  g_object_set (bin, "device", "0", NULL);
  fail_if (gst_element_set_state (pipeline, GST_STATE_PAUSED) ==
      GST_STATE_CHANGE_FAILURE);

  gst_object_unref (bin);
  stop (pipeline);
}

GST_END_TEST;

static Suite *
device_suite (void)
{
  Suite *s = suite_create ("device");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_one_device);
  tcase_add_test (tc, test_named_device);
  tcase_add_test (tc, test_device_of_the_application);
  tcase_add_test (tc, test_two_pipelines);
  tcase_add_test (tc, test_other_device_later);

  return s;
}

GST_CHECK_MAIN (device);
