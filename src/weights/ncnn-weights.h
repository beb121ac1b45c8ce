/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/weight-source.h"
#include "ncnn-net.h"

G_BEGIN_DECLS

/* The weights of an ncnn network: its .bin file, mapped. It has no header
 * and no names: the numbers of the layers stand one after another in the
 * layers' order, and what there is of each follows from its parameters.
 * They are offered as
 *
 *   Convolution, Deconvolution   NAME.weight [outputs, inputs, kh, kw], fp32
 *                                or fp16; NAME.bias [outputs]
 *   PReLU                        NAME.slope [channels or 1]
 *   MemoryData                   NAME.data [channels, height, width]
 *
 * The file is untrusted: every size is checked, and the file must end with
 * the last layer's numbers. Immutable, so any thread may read it. */
typedef struct _KilnNcnnWeights KilnNcnnWeights;

/* Errors: KILN_ERROR_MODEL naming file, layer and fault, or a GFileError.
 * net may be freed afterwards. */
KilnNcnnWeights *kiln_ncnn_weights_open (const KilnNcnnNet *net,
    const char *path, GError **error);

/* The same for bytes in memory; label stands for the path in messages. */
KilnNcnnWeights *kiln_ncnn_weights_new_from_bytes (const KilnNcnnNet *net,
    GBytes *bytes, const char *label, GError **error);

void kiln_ncnn_weights_free (KilnNcnnWeights *weights);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnNcnnWeights, kiln_ncnn_weights_free)

/* The interface that graphs take; belongs to weights. */
KilnWeightSource *kiln_ncnn_weights_as_source (KilnNcnnWeights *weights);

G_END_DECLS
