/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <svd/interpolator.h>
#include "ops/compare.h"

G_BEGIN_DECLS

/* The cells in which two frames are compared. */
KilnCompare svd_scene_change_params (guint width, guint height);

/* From what kiln_compare_class makes: values of shape. */
SvdFrameDifference svd_scene_change_judge (const float *values,
    const KilnShape *shape);

G_END_DECLS
