/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsvddevice.h"

GST_DEBUG_CATEGORY_STATIC (GST_CAT_CONTEXT);

static const gchar *
name_or_empty (const gchar * name)
{
  return name != NULL ? name : "";
}

GstContext *
gst_svd_device_context_new (SvdDevice * device, const gchar * name)
{
  /* Not persistent: going to NULL must free the device. */
  GstContext *context = gst_context_new (GST_SVD_DEVICE_CONTEXT_TYPE, FALSE);

  gst_structure_set (gst_context_writable_structure (context),
      "device", SVD_TYPE_DEVICE, device,
      "name", G_TYPE_STRING, name_or_empty (name), NULL);

  return context;
}

SvdDevice *
gst_svd_device_context_get (GstContext * context, const gchar * name)
{
  const GstStructure *s;
  SvdDevice *device = NULL;

  if (!gst_context_has_context_type (context, GST_SVD_DEVICE_CONTEXT_TYPE))
    return NULL;

  s = gst_context_get_structure (context);
  if (g_strcmp0 (gst_structure_get_string (s, "name"), name_or_empty (name)))
    return NULL;

  gst_structure_get (s, "device", SVD_TYPE_DEVICE, &device, NULL);
  return device;
}

/* Sets the first context that the peer of one of the pads knows. */
static gboolean
query_pad (GstElement * element, GstPad * pad, gpointer user_data)
{
  g_autoptr (GstQuery) query =
      gst_query_new_context (GST_SVD_DEVICE_CONTEXT_TYPE);
  GstContext *context = NULL;

  if (!gst_pad_peer_query (pad, query))
    return TRUE;

  gst_query_parse_context (query, &context);
  if (context == NULL)
    return TRUE;

  GST_CAT_DEBUG_OBJECT (GST_CAT_CONTEXT, element, "a neighbour has %"
      GST_PTR_FORMAT, context);
  gst_element_set_context (element, context);
  *(gboolean *) user_data = TRUE;
  return FALSE;
}

void
gst_svd_device_request (GstElement * element)
{
  gboolean found = FALSE;

  GST_DEBUG_CATEGORY_GET (GST_CAT_CONTEXT, "GST_CONTEXT");

  gst_element_foreach_src_pad (element, query_pad, &found);
  if (!found)
    gst_element_foreach_sink_pad (element, query_pad, &found);
  if (!found)
    gst_element_post_message (element,
        gst_message_new_need_context (GST_OBJECT (element),
            GST_SVD_DEVICE_CONTEXT_TYPE));
}

void
gst_svd_device_announce (GstElement * element, SvdDevice * device,
    const gchar * name)
{
  g_autoptr (GstContext) context = gst_svd_device_context_new (device, name);

  gst_element_set_context (element, context);
  gst_element_post_message (element,
      gst_message_new_have_context (GST_OBJECT (element),
          g_steal_pointer (&context)));
}

gboolean
gst_svd_device_handle_query (GstQuery * query, SvdDevice * device,
    const gchar * name)
{
  g_autoptr (GstContext) context = NULL;
  const gchar *type = NULL;

  if (device == NULL || !gst_query_parse_context_type (query, &type)
      || g_strcmp0 (type, GST_SVD_DEVICE_CONTEXT_TYPE))
    return FALSE;

  context = gst_svd_device_context_new (device, name);
  gst_query_set_context (query, context);
  return TRUE;
}
