/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* Resizes every frame to height × width: bilinear, pixel centres at halves,
 * edges repeated, not antialiased (ncnn's Interp 0=2, torch's
 * interpolate with align_corners=False). */
typedef struct {
  guint32 height, width;
} KilnBilinear;

extern const KilnOpClass kiln_bilinear_class;

/* Moves pixels: y(p) = x(p + flow_scale · flow(p)), bilinear, edges
 * repeated. Inputs: x; the flow, of x's frames and size, whose channels
 * flow_first and flow_first + 1 are pixels to the right and down. */
typedef struct {
  guint32 flow_first;
  float flow_scale;
} KilnWarp;

extern const KilnOpClass kiln_warp_class;

/* Turns factor² channels into a block of pixels, as torch's PixelShuffle:
 * y(factor·i + r, factor·j + s)[c] = x(i, j)[(c·factor + r)·factor + s]. */
typedef struct {
  guint32 factor;
} KilnPixelShuffle;

extern const KilnOpClass kiln_pixel_shuffle_class;

/* Runs of channels of one to eight inputs side by side, as frames of
 * height × width: cut off, or padded with zeros, on the right and below.
 * Inputs have one size, or are one vector, which then stands everywhere. */
#define KILN_STACK_MAX_PARTS 8

typedef struct {
  struct
  {
    guint32 first, channels;
  } parts[KILN_STACK_MAX_PARTS];
  guint32 height, width;
} KilnStack;

extern const KilnOpClass kiln_stack_class;

G_END_DECLS
