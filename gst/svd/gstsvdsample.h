/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstsvdstage.h"

G_BEGIN_DECLS

#define GST_TYPE_SVD_SAMPLE (gst_svd_sample_get_type ())
G_DECLARE_FINAL_TYPE (GstSvdSample, gst_svd_sample, GST, SVD_SAMPLE,
    GstSvdStage)

GST_ELEMENT_REGISTER_DECLARE (svdsample);

G_END_DECLS
