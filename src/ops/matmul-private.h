/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of matrix products know of each other. */

#include "matmul.h"
#include "variant.h"

G_BEGIN_DECLS

typedef struct {              /* Push in matmul.comp */
  guint32 first_row, n_rows, first_panel, n_panels;
  guint32 x_stride, y_stride;
  union
  {
    struct
    {
      guint32 x_base, weight_base;
    };
    guint64 weight_address;     /* of variants that read by address */
  };
  guint32 residual_base, residual2_base, y_base;
  guint32 row_base, row_share;
  guint32 has_bias;
  float slope, scale, residual_scale, residual2_scale;
  guint32 x_height, x_width, y_height, y_width;
  guint32 resized_height, resized_width;
  guint32 kernel, stride;
  gint32 pad;
  guint32 first_position;
  union
  {
    struct
    {
      guint32 positions, frames;
      union
      {
        struct
        {
          guint32 before_base, after_base;
        };
        guint64 x_address;      /* likewise */
      };
    };
    struct
    {
      guint32 phase_y, phase_x, phase_height, phase_width;
    };
  };
} KilnMatmulPush;

G_STATIC_ASSERT (sizeof (KilnMatmulPush) <= KILN_PUSH_BYTES);

guint32 kiln_matmul_taps (const KilnMatmul *matmul);
/* What x is upsampled to: its own size where it is not. */
guint32 kiln_matmul_resized_height (const KilnMatmul *matmul,
    const KilnShape *x);
guint32 kiln_matmul_resized_width (const KilnMatmul *matmul,
    const KilnShape *x);
/* Of 8 columns each, in the packed weight. */
guint32 kiln_matmul_panels (const KilnMatmul *matmul);
/* That one row of the output takes. */
double kiln_matmul_row_flops (const KilnMatmul *matmul, const KilnShape *x);

/* Bind what push's rows of the output need: see matmul-windows.c. */
void kiln_matmul_bind_x (KilnDispatch *dispatch, KilnMatmulPush *push,
    const KilnMatmul *matmul, const KilnView *x);
void kiln_matmul_bind_rows (KilnDispatch *dispatch, KilnMatmulPush *push,
    const KilnMatmul *matmul, const KilnView *inputs, const KilnView *output);

/* Variants that take tensors in slices: see matmul-blocks.c. */
guint32 kiln_matmul_slices (const KilnMatmul *matmul, const KilnShape *x,
    const KilnShape *output);
guint32 kiln_matmul_block_width (const KilnVariant *variant,
    const KilnMatmul *matmul, const KilnShape *output);
guint64 kiln_matmul_count_blocks (const KilnVariant *variant,
    const KilnMatmulPush *push, guint32 block_width);

extern const KilnVariant kiln_matmul_variants[];

/* What the choice among them depends on, and what each takes. */
KilnWork kiln_matmul_work (gconstpointer params,
    const KilnShape *const *inputs, const KilnShape *output);
double kiln_matmul_cost (const KilnVariant *variant, KilnDevice *device,
    const KilnWork *work);

void kiln_matmul_record (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch);

G_END_DECLS
