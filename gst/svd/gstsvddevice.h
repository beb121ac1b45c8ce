/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <svd/svd.h>

G_BEGIN_DECLS

/* The elements of a pipeline share one device through a GstContext of this
 * type. Its structure has the SvdDevice as "device" and what the device
 * property says as "name"; elements that ask for another name leave it. */
#define GST_SVD_DEVICE_CONTEXT_TYPE "gst.svd.device"

GstContext *gst_svd_device_context_new (SvdDevice * device,
    const gchar * name);

/* The device if the context has the one that is called so, else NULL. */
SvdDevice *gst_svd_device_context_get (GstContext * context,
    const gchar * name);

/* Asks the neighbours and then the application for a context; who has one
 * calls the element's set_context(). */
void gst_svd_device_request (GstElement * element);

/* Tells the bins and the application of the element's new device. */
void gst_svd_device_announce (GstElement * element, SvdDevice * device,
    const gchar * name);

/* Answers a neighbour's GST_QUERY_CONTEXT. device may be NULL. */
gboolean gst_svd_device_handle_query (GstQuery * query, SvdDevice * device,
    const gchar * name);

G_END_DECLS
