/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

/* Frames between two frames by dense optical flow, without weights: see
 * docs/optical-flow.md. Pictures are fp32 [1, height, width, 4]: R, G, B and
 * alpha in 0…1, not premultiplied, alpha 1 where there is none. Any size. */

/* The motion of a pair, once for any number of frames between the two:
 * fp32 [2, rows, columns, 4], the first picture's to the second and the
 * second's to the first; for each cell of pixels its displacement x, y in
 * pixels, confidence from 0 (hidden in the other picture, out of view, not
 * found) to 1, and mean luma. To keep it between programs make it an output. */
KilnTensor *kiln_optical_flow (KilnGraph *graph, KilnTensor *previous,
    KilnTensor *next);

/* The shape of that, for pictures of a size. */
KilnShape kiln_optical_flow_shape (guint32 height, guint32 width);

/* The frame at a time between: timestep is one fp32 number, 0 at previous
 * and 1 at next, that may change from run to run. Alpha moves along.
 * Returns fp32 [1, height, width, 4] in 0…1. */
KilnTensor *kiln_flow_interpolate (KilnGraph *graph, KilnTensor *previous,
    KilnTensor *next, KilnTensor *motion, KilnTensor *timestep);

G_END_DECLS
