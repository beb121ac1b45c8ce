/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Posts the library's error (or one of GStreamer's own domains) as one error
 * message of the element. */
void gst_svd_error_post (GstElement * element, const GError * error);

G_END_DECLS
