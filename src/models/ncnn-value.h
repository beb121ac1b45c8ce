/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../graph/graph.h"
#include "../ops/image.h"

G_BEGIN_DECLS

/* What ncnn's blobs are while a graph is built: as much as possible is kept
 * as a note, so that layers that only cut, join, scale or shift cost
 * nothing, and what can follow a convolution becomes its epilogue. */

/* A convolution that is not in the graph yet: layers that read nothing else
 * may still go into its epilogue. */
typedef struct {
  KilnMatmul matmul;
  KilnTensor *inputs[KILN_MATMUL_N_INPUTS];
  gboolean activated;
  gboolean winograd;            /* the weight is packed for it */
} KilnNcnnProduct;

/* Channels of a tensor. One of a single row stands everywhere. */
typedef struct {
  KilnTensor *tensor;
  guint32 first, channels;
} KilnNcnnPart;

/* scale · (parts side by side) + offset, of 1 × height × width. */
typedef struct {
  KilnNcnnProduct *product;     /* instead of parts */
  const char *data;             /* the same: name of a weight, a vector */
  KilnNcnnPart parts[KILN_STACK_MAX_PARTS];
  guint n_parts;
  guint32 height, width, channels;
  float scale, offset;
} KilnNcnnValue;

/* Where values get their tensors from. */
typedef struct {
  KilnGraph *graph;
  KilnScope scope;
} KilnNcnnPlace;

KilnNcnnValue kiln_ncnn_value (KilnTensor *tensor, guint32 height,
    guint32 width);

/* Channels [first, first + channels). */
KilnNcnnValue kiln_ncnn_value_cut (const KilnNcnnPlace *place,
    KilnNcnnValue *value, guint32 first, guint32 channels);

/* a, and then b. */
KilnNcnnValue kiln_ncnn_value_join (const KilnNcnnPlace *place,
    KilnNcnnValue *a, KilnNcnnValue *b);

/* Each makes the value less of a note, for the good of all who read it
 * later: puts what is to come into the graph; leaves one part; leaves a
 * whole tensor of height × width, which it returns. */
void kiln_ncnn_value_settle (const KilnNcnnPlace *place,
    KilnNcnnValue *value);
void kiln_ncnn_value_unite (const KilnNcnnPlace *place,
    KilnNcnnValue *value);
KilnTensor *kiln_ncnn_value_force (const KilnNcnnPlace *place,
    KilnNcnnValue *value);

gboolean kiln_ncnn_part_is_everywhere (const KilnNcnnPart *part);

G_END_DECLS
