/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* Operations of dense motion between two pictures. All tensors are fp32.
 * Pictures are [1, height, width, 4], RGBA in 0…1. What is known of both
 * is a tensor of 2 frames: of the first picture, then of the second. */

/* A motion field has a vector of four numbers for every cell of so many
 * pixels squared of its pyramid level. */
#define KILN_MOTION_CELL 4

/* Inputs: first and second picture. Luma (Rec. 601, times alpha) of both,
 * the means of shrink × shrink pixels, as quads: channels are the luma of
 * (x, y), (x + 1, y), (x, y + 1) and (x + 1, y + 1), clamped at borders. */
typedef struct {
  guint32 shrink;
} KilnLuma;

extern const KilnOpClass kiln_luma_class;

/* Half the size (rounded up) of quads: the next level of a pyramid. */
extern const KilnOpClass kiln_luma_half_class;

/* The motion of each cell to the other frame. Inputs: quads, a field
 * (optional) whose motions are candidates: of this level, or of the next
 * coarser one. Result, a cell: displacement in pixels of the level, mean
 * squared difference after it, mean luma. */
typedef struct {
  guint32 radius;               /* exhaustive search of bad matches; 0: none */
  guint32 iterations;           /* of sub-pixel refinement */
} KilnFlowSearch;

extern const KilnOpClass kiln_flow_search_class;

/* The field, smoothed, with the consistency of both directions: displacement,
 * confidence 0…1, mean luma. */
extern const KilnOpClass kiln_flow_check_class;

/* Cells without confidence take a neighbour's motion; displacements are
 * multiplied by scale. */
typedef struct {
  float scale;
} KilnFlowFill;

extern const KilnOpClass kiln_flow_fill_class;

/* Inputs: first and second picture, the field (in pixels of the pictures),
 * a number t from 0 to 1. The motion from the first to the second picture
 * through each cell at time t: [1, rows, columns, 4], displacement, how much
 * it is visible in the first and in the second picture. */
typedef struct {
  guint32 cell;                 /* pixels of the pictures */
} KilnFlowProject;

extern const KilnOpClass kiln_flow_project_class;

/* Inputs: as of kiln_flow_project_class, with its result for the field.
 * The picture at time t. */
extern const KilnOpClass kiln_flow_blend_class;

/* ---- For the files of this family */

/* Two pictures of one shape; else the error is set. */
gboolean kiln_motion_check_pictures (const KilnShape *first,
    const KilnShape *second, GError **error);
/* A field or quads: fp32, `frames`×?×?×4. */
gboolean kiln_motion_check_field (const KilnShape *field, guint32 frames,
    GError **error);
/* One fp32 number. */
gboolean kiln_motion_check_number (const KilnShape *number, GError **error);

/* Binds all of a view. */
KilnBinding kiln_motion_bind (const KilnView *view, guint32 *base);

/* Large pictures are bound in bands of lines, with lines around them that
 * motion may reach; where a device binds whole pictures it reaches all. */
typedef struct {
  guint32 lines;                /* of the result, a dispatch; a multiple of the unit */
  guint32 reach;                /* more lines on either side */
} KilnBand;

KilnBand kiln_motion_band (KilnDevice *device, const KilnShape *picture,
    guint32 unit);

/* The push constants of shaders that read two pictures begin with these. */
typedef struct {
  guint32 first_base, second_base;
  guint32 width, height;        /* of the pictures */
  guint32 first_line, lines;    /* that are bound */
} KilnPictureWindow;

/* Binds what the lines [line, line + band) of a result need of the pictures
 * as bindings 0 and 1. */
void kiln_motion_bind_pictures (KilnDispatch *dispatch,
    const KilnView *pictures, const KilnBand *band, guint32 line,
    KilnPictureWindow *window);

G_END_DECLS
