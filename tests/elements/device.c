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

GST_START_TEST (test_device_of_the_application)
{
  Contexts contexts = { 0, };
  GError *error = NULL;
  SvdDevice *device = svd_device_open (NULL, &error);
  GstElement *pipeline;

  g_assert_no_error (error);
  contexts.answer = gst_context_new (CONTEXT, TRUE);
  gst_structure_set (gst_context_writable_structure (contexts.answer),
      "device", SVD_TYPE_DEVICE, device, "name", G_TYPE_STRING, "", NULL);

  pipeline = start ("appsrc ! svdbin ! fakesink", &contexts);
  fail_unless (contexts.needed >= 1);
  fail_unless_equals_int (contexts.had, 0);
  stop (pipeline);

  gst_context_unref (contexts.answer);
  svd_device_unref (device);
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
  tcase_add_test (tc, test_other_device_later);

  return s;
}

GST_CHECK_MAIN (device);
