/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* How weights lie in device memory, and how the host lays them so.
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
  gboolean winograd;
} KilnPack;

/* Some outputs as they lie in a checkpoint: [outputs, inputs, taps] in C
 * order at any address. Parts are stacked along the outputs (q, k, v in one
 * product), and need not be of one type. */
typedef struct {
  KilnSourceType type;
  gboolean transposed;          /* [inputs, outputs] and one tap instead */
  guint32 first_output, n_outputs;
  const guint8 *data;
} KilnPackPart;

/* The packed tensor's shape: MATRIX 1 (winograd: 36) × panels × (taps · padded inputs) × 8. */
KilnShape kiln_pack_shape (const KilnPack *pack);

/* A packed tensor is so many slices of equal size one after another, which
 * can be packed apart and by several threads: panels or rows. */
guint32 kiln_pack_n_slices (const KilnPack *pack);
gsize kiln_pack_slice_bytes (const KilnPack *pack);

/* Packs slices [first, first + n), the first of them at `to`, a multiple of
 * 16 bytes. Numbers are rounded to the nearest, ties to even. */
void kiln_pack_slices (const KilnPack *pack, const KilnPackPart *parts,
    guint n_parts, guint32 first, guint32 n, guint8 *to);

G_END_DECLS
