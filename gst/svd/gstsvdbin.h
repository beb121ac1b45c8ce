/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SVD_BIN (gst_svd_bin_get_type ())
G_DECLARE_FINAL_TYPE (GstSvdBin, gst_svd_bin, GST, SVD_BIN, GstBin)

GST_ELEMENT_REGISTER_DECLARE (svdbin);

G_END_DECLS
