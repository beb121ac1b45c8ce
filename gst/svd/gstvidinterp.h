/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstsvdstage.h"

G_BEGIN_DECLS

#define GST_TYPE_VID_INTERP (gst_vid_interp_get_type ())
G_DECLARE_FINAL_TYPE (GstVidInterp, gst_vid_interp, GST, VID_INTERP,
    GstSvdStage)

GST_ELEMENT_REGISTER_DECLARE (vidinterp);

G_END_DECLS
