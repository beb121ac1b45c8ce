/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

/* RIFE (Huang et al. 2022, "Real-Time Intermediate Flow Estimation for Video
 * Frame Interpolation") from version 4 on: the frame between two frames, at
 * any time. The network is read from the pair of files in which
 * rife-ncnn-vulkan and its successors ship it. Immutable once it is open. */
typedef struct _KilnRife KilnRife;

/**
 * kiln_rife_open:
 * @folder: where flownet.param and flownet.bin are
 *
 * Returns: (transfer full): the network, or %NULL with @error set:
 *     %KILN_ERROR_MODEL naming the file and what is wrong with it, or a
 *     #GFileError where there is none.
 */
KilnRife *kiln_rife_open (const char *folder, GError **error);
void kiln_rife_free (KilnRife *rife);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnRife, kiln_rife_free)

/* What widths and heights are padded to multiples of, on the right and
 * below, with zeros: 32 or 64 pixels, as the network's smallest scale
 * needs. */
guint kiln_rife_get_alignment (const KilnRife *rife);

/* What the weights of its graphs are read from; belongs to rife. */
KilnWeightSource *kiln_rife_get_source (KilnRife *rife);

/**
 * kiln_rife:
 * @previous: fp32, 1×height×width×4: red, green, blue and alpha, 0 to 1
 * @next: the frame after it, likewise
 * @timestep: one fp32 number: 0 is the time of @previous, 1 that of @next
 *
 * Padding, cutting off and clamping to 0…1 are done here. Alpha is mixed by
 * the timestep.
 *
 * Returns: fp32, 1×height×width×4.
 */
KilnTensor *kiln_rife (KilnGraph *graph, KilnRife *rife,
    KilnTensor *previous, KilnTensor *next, KilnTensor *timestep);

G_END_DECLS
