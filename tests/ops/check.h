/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ops/op.h"
#include "ops/pack.h"

G_BEGIN_DECLS

/* What an operation gets: numbers on the host that the tensor's type can
 * hold exactly, without padding. */
typedef enum {
  CHECK_ABSENT,
  CHECK_TENSOR,                 /* data[row][channel], of any type */
  CHECK_TABLE,                  /* data is copied as it is (bits) */
  CHECK_WEIGHT,                 /* data[output][input][tap], packed */
} CheckKind;

typedef struct {
  CheckKind kind;
  KilnShape shape;              /* TENSOR, TABLE */
  KilnPack pack;                /* WEIGHT */
  float *data;
} CheckInput;

/* Computes some rows of the result in double precision: values[i][channel]
 * is row rows[i]. */
typedef void (*CheckReference) (gconstpointer params,
    const CheckInput *inputs, const KilnShape *output, const guint64 *rows,
    guint n_rows, double *values);

/* One operation on one set of tensors. */
typedef struct {
  const char *what;             /* for messages */
  const KilnOpClass *klass;
  gconstpointer params;
  KilnType type;                /* the graph's */
  CheckInput inputs[KILN_OP_MAX_INPUTS];
  guint n_inputs;
  CheckReference reference;
  double bound;                 /* of the RMS error over the RMS of the values */
  gboolean once;                /* one variant is enough: all do this alike */
} CheckJob;

/* The options and the device(s) of this run. */
typedef struct _Check Check;

gboolean check_wants (Check *check, const char *what, KilnType type);
gboolean check_is_bench (Check *check);
/* Whether large tensors are to be tried. */
gboolean check_wants_large (Check *check);

/* Runs, compares and reports; frees the inputs' data. */
void check_run (Check *check, CheckJob *job);

/* The operation must refuse these shapes. */
void check_refuses (Check *check, const char *what, const KilnOpClass *klass,
    gconstpointer params, const KilnShape *shapes, guint n_shapes);

/* ---- Inputs with random numbers */

/* From the first again: what one family takes is nothing to the next, of whose
 * results some are decided by which of two numbers is larger. */
void check_restart_numbers (void);

CheckInput check_tensor (KilnShape shape, double mean, double deviation);
/* Whole numbers from 0 to 255. */
CheckInput check_picture (guint32 frames, guint32 height, guint32 width,
    guint32 channels);
CheckInput check_weight (const KilnPack *pack, double deviation);
CheckInput check_vector (guint32 n, double mean, double deviation);
/* fp32 numbers as they are. */
CheckInput check_numbers (const float *values, guint32 n);

/* The number of a tensor's row and channel. */
static inline double
check_at (const CheckInput *input, guint64 row, guint32 channel)
{
  return input->data[row * input->shape.channels + channel];
}

/* ---- The families: each a file with its table */

void check_matmul (Check *check);
void check_normalization (Check *check);
void check_attention (Check *check);
void check_elementwise (Check *check);
void check_resize (Check *check);
void check_pixels (Check *check);
void check_image (Check *check);
void check_winograd (Check *check);
void check_motion (Check *check);

G_END_DECLS
