/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* Video frames of 8 or 10 bits as they lie in host memory ("bytes"), from
 * and to fp32 pictures 1×height×width×4: R, G, B, A, where 0…1 is what the
 * format can show. Chroma is repeated over the positions that share it, and
 * averaged on the way back, and nothing is clamped but bytes: so a frame
 * that is read and written is the same to the bit. */
typedef enum {
  KILN_PIXELS_PACKED,           /* R, G, B and maybe a fourth, in a byte each */
  KILN_PIXELS_YUY2,             /* Y U Y V, in a byte each */
  KILN_PIXELS_PLANAR,           /* 4:2:0: planes of Y, of U and of V */
  KILN_PIXELS_SEMIPLANAR,       /* 4:2:0: planes of Y and of U V */
} KilnPixelLayout;

typedef struct {
  KilnPixelLayout layout;
  guint32 width, height;
  guint32 channels;             /* PACKED: 3 or 4 */
  gboolean blue_first;          /* PACKED: B, G, R */
  gboolean alpha;               /* PACKED: the fourth counts; else it is 255 */
  guint32 sample_bytes;         /* 1; PLANAR and SEMIPLANAR: 1, or 2 for 10 bits */
  guint32 shift;                /* of the 10 bits in their 16 */
  float kr, kb;                 /* luma of red and of blue; not for PACKED */
  gboolean full_range;          /* else black and white are 16 and 235 (times 4) */
} KilnPixels;

#define KILN_PIXELS_MAX_PLANES 3

/* Where a plane lies in the bytes; units are words of 4 bytes. Rows are
 * padded to whole blocks of 8 pixels. */
typedef struct {
  guint64 offset;
  guint32 stride, rows;
  guint32 row_bytes;            /* that hold pixels */
} KilnPixelPlane;

guint kiln_pixels_n_planes (const KilnPixels *pixels);
KilnPixelPlane kiln_pixels_plane (const KilnPixels *pixels, guint plane);

/* The tensor of all the planes one after the other: 8-bit, 4 bytes a
 * position. */
KilnShape kiln_pixels_bytes_shape (const KilnPixels *pixels);
KilnShape kiln_pixels_picture_shape (const KilnPixels *pixels);

/* Both have KilnPixels as parameters and one input: bytes to picture, and
 * picture to bytes. */
extern const KilnOpClass kiln_pixels_read_class;
extern const KilnOpClass kiln_pixels_write_class;

G_END_DECLS
