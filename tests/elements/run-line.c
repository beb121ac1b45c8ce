/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a launch line until its end or its first error, which is printed. A
 * stand-in for gst-launch-1.0, of which version 1.22 may miss an error that
 * comes early and then waits for ever. */

#include <gst/gst.h>

static int
report (GstMessage * message)
{
  GError *error = NULL;

  if (message == NULL || GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS)
    return message != NULL ? 0 : 2;

  gst_message_parse_error (message, &error, NULL);
  g_print ("ERROR: %s\n", error->message);
  g_error_free (error);
  return 1;
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  GstElement *pipeline;
  GstMessage *message;
  GstBus *bus;
  int code;

  gst_init (&argc, &argv);
  pipeline = gst_parse_launchv ((const gchar **) argv + 1, &error);
  if (error != NULL)
    g_error ("%s", error->message);

  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 100 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gst_element_set_state (pipeline, GST_STATE_NULL);

  code = report (message);
  if (message != NULL)
    gst_message_unref (message);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  gst_deinit ();
  return code;
}
