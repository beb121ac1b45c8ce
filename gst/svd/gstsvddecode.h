/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstsvdstage.h"

G_BEGIN_DECLS

#define GST_TYPE_SVD_DECODE (gst_svd_decode_get_type ())
G_DECLARE_FINAL_TYPE (GstSvdDecode, gst_svd_decode, GST, SVD_DECODE,
    GstSvdStage)

GST_ELEMENT_REGISTER_DECLARE (svddecode);

G_END_DECLS
