/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* How weights lie in device memory, and the shader that puts them there.
 *
 * KILN_PACK_MATRIX: checkpoints hold [outputs, inputs, taps…]. Packed:
 * columns in panels of 8 outputs, so that one thread's tile reads
 * consecutive memory: panel p = n/8, then tap, then input channel
 * (padded to 4), then the panel's 8 columns. Padding is zero. With
 * `geglu` a panel holds 4 hidden columns and then their 4 gate columns.
 * With `winograd` the 9 taps of a 3×3 kernel become 36 matrices of one tap,
 * the frames of the packed tensor: see winograd.h.
 * KILN_PACK_VECTOR: fp32, padded with zeros to a multiple of 8 (geglu:
 * interleaved like the matrix).
 * KILN_PACK_ROWS: [rows, channels] as a tensor of shape 1×1×rows×channels. */
typedef enum {
  KILN_PACK_MATRIX,
  KILN_PACK_VECTOR,
  KILN_PACK_ROWS,
} KilnPacking;

#define KILN_PACK_COLUMNS 8

typedef enum {
  KILN_SOURCE_F32,
  KILN_SOURCE_F16,
  KILN_SOURCE_BF16,
} KilnSourceType;

typedef struct {
  KilnPacking packing;
  KilnType type;                /* of the packed matrix or rows */
  guint32 outputs, inputs, taps;/* VECTOR: outputs; ROWS: rows = outputs, channels = inputs */
  gboolean geglu;
  gboolean transposed;          /* the source is [inputs, outputs] */
  gboolean winograd;
} KilnPack;

/* The packed tensor's shape: MATRIX 1 (winograd: 36) × panels × (taps · padded inputs) × 8. */
KilnShape kiln_pack_shape (const KilnPack *pack);

/* Records packing of raw checkpoint bytes. A stacked matrix (q, k, v in
 * one product) is packed part by part: this source fills the outputs
 * [first_output, first_output + n_outputs), n and the rest of pack given
 * for the whole. */
void kiln_pack_record (KilnRecorder *recorder, const KilnPack *pack,
    KilnSourceType source_type, KilnBuffer *source, guint64 source_offset,
    guint32 first_output, guint32 n_outputs, const KilnView *packed);

G_END_DECLS
