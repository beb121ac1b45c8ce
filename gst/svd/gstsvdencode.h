/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstsvdstage.h"

G_BEGIN_DECLS

#define GST_TYPE_SVD_ENCODE (gst_svd_encode_get_type ())
G_DECLARE_FINAL_TYPE (GstSvdEncode, gst_svd_encode, GST, SVD_ENCODE,
    GstSvdStage)

GST_ELEMENT_REGISTER_DECLARE (svdencode);

G_END_DECLS
