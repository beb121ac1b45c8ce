/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsvdprogress.h"

#include <gio/gio.h>

void
gst_svd_progress_post (GstElement * element, GstProgressType type,
    const gchar * code, const gchar * text)
{
  gst_element_post_message (element,
      gst_message_new_progress (GST_OBJECT (element), type, code, text));
}

void
gst_svd_progress_post_step (GstElement * element, GstProgressType type,
    const gchar * code, guint step, guint steps)
{
  guint percent = steps > 0 ? (guint) (100 * (guint64) step / steps) : 100;
  g_autofree gchar *text =
      g_strdup_printf ("Step %u of %u (%u %%)", step, steps, percent);
  GstMessage *message = gst_message_new_progress (GST_OBJECT (element), type,
      code, text);

  gst_structure_set (gst_message_writable_structure (message),
      "step", G_TYPE_INT, (gint) step,
      "steps", G_TYPE_INT, (gint) steps,
      "percent", G_TYPE_INT, (gint) percent, NULL);
  gst_element_post_message (element, message);
}

void
gst_svd_progress_post_percent (GstElement * element, const gchar * code,
    const gchar * text, guint percent)
{
  g_autofree gchar *full = g_strdup_printf ("%s (%u %%)", text, percent);
  GstMessage *message = gst_message_new_progress (GST_OBJECT (element),
      GST_PROGRESS_TYPE_CONTINUE, code, full);

  gst_structure_set (gst_message_writable_structure (message),
      "percent", G_TYPE_INT, (gint) percent, NULL);
  gst_element_post_message (element, message);
}

void
gst_svd_progress_post_end (GstElement * element, const gchar * code,
    const gchar * text, const GError * error)
{
  if (error == NULL)
    gst_svd_progress_post (element, GST_PROGRESS_TYPE_COMPLETE, code, text);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    gst_svd_progress_post (element, GST_PROGRESS_TYPE_CANCELED, code,
        "Cancelled");
  else
    gst_svd_progress_post (element, GST_PROGRESS_TYPE_ERROR, code,
        error->message);
}
