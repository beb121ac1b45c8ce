/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsvderror.h"

#include <svd/svd.h>

static void
map_svd_error (gint code, GQuark * domain, gint * gst_code)
{
  *domain = GST_RESOURCE_ERROR;

  switch (code) {
    case SVD_ERROR_NO_DEVICE:
      *gst_code = GST_RESOURCE_ERROR_NOT_FOUND;
      break;
    case SVD_ERROR_OUT_OF_MEMORY:
      *gst_code = GST_RESOURCE_ERROR_NO_SPACE_LEFT;
      break;
    case SVD_ERROR_MODEL:
      *gst_code = GST_RESOURCE_ERROR_OPEN_READ;
      break;
    case SVD_ERROR_ARGUMENT:
      *gst_code = GST_RESOURCE_ERROR_SETTINGS;
      break;
    case SVD_ERROR_SHAPE:
      *domain = GST_STREAM_ERROR;
      *gst_code = GST_STREAM_ERROR_FORMAT;
      break;
    case SVD_ERROR_UNSUPPORTED:
      *domain = GST_LIBRARY_ERROR;
      *gst_code = GST_LIBRARY_ERROR_INIT;
      break;
    case SVD_ERROR_DEVICE_LOST:
    default:
      *gst_code = GST_RESOURCE_ERROR_FAILED;
      break;
  }
}

static gboolean
is_gst_domain (GQuark domain)
{
  return domain == GST_CORE_ERROR || domain == GST_LIBRARY_ERROR
      || domain == GST_RESOURCE_ERROR || domain == GST_STREAM_ERROR;
}

void
gst_svd_error_post (GstElement * element, const GError * error)
{
  GQuark domain = GST_LIBRARY_ERROR;
  gint code = GST_LIBRARY_ERROR_FAILED;

  if (error->domain == SVD_ERROR) {
    map_svd_error (error->code, &domain, &code);
  } else if (is_gst_domain (error->domain)) {
    domain = error->domain;
    code = error->code;
  } else if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT)
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) {
    domain = GST_RESOURCE_ERROR;
    code = GST_RESOURCE_ERROR_NOT_FOUND;
  }

  gst_element_message_full (element, GST_MESSAGE_ERROR, domain, code,
      g_strdup (error->message),
      g_strdup_printf ("%s, code %d", g_quark_to_string (error->domain),
          error->code), __FILE__, GST_FUNCTION, __LINE__);
}
