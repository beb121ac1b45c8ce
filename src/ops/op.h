/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../device/commands.h"

G_BEGIN_DECLS

/* Element types of tensors on the device. */
typedef enum {
  KILN_F32,
  KILN_F16,
  KILN_U8,                      /* pictures: 4 channels packed in 32 bits */
} KilnType;

gsize kiln_type_size (KilnType type);

/* A tensor is [frames, height, width, channels], channels innermost. In
 * memory the channels of one position take kiln_shape_stride() elements,
 * a multiple of 4 so that shaders load vectors of four; what pads them is
 * always zero, and every operation keeps it so. Sequences are
 * [batch, 1, length, channels], vectors [1, 1, 1, channels]. */
typedef struct {
  KilnType type;
  guint32 frames, height, width, channels;
} KilnShape;

static inline guint32
kiln_shape_stride (const KilnShape *shape)
{
  return (shape->channels + 3u) & ~3u;
}

/* Positions: frames × height × width. */
static inline guint64
kiln_shape_rows (const KilnShape *shape)
{
  return (guint64) shape->frames * shape->height * shape->width;
}

guint64 kiln_shape_row_bytes (const KilnShape *shape);
guint64 kiln_shape_bytes (const KilnShape *shape);

/* "25×72×128×320 fp16", for messages; free with g_free(). */
char *kiln_shape_to_string (const KilnShape *shape);

/* A tensor in device memory. offset is a multiple of 256 bytes. */
typedef struct {
  KilnShape shape;
  KilnBuffer *buffer;           /* NULL: an optional input that is not there */
  guint64 offset;
} KilnView;

/* A run of rows of a view as a shader binding. Vulkan wants aligned
 * offsets, so the binding may start earlier: *base is how many vectors of
 * four elements lie between the binding's start and the first row. */
KilnBinding kiln_view_window (const KilnView *view, guint64 first_row,
    guint64 n_rows, guint32 *base);

/* The same for lines of width positions, counted over all frames. */
KilnBinding kiln_view_lines (const KilnView *view, guint64 first_line,
    guint64 n_lines, guint32 *base);

/* How many rows of `unit` rows each one dispatch may cover so that no view
 * in `row_bytes` (bytes a row, n of them) exceeds the device's binding
 * range and the work stays under the device's dispatch budget.
 * Returns at least `unit`. `halo_rows` more rows are bound around each. */
guint64 kiln_rows_per_dispatch (KilnDevice *device, guint64 unit,
    guint64 halo_rows, guint64 max_row_bytes, double flops_per_row);

/* ".._f32" or ".._f16": the shader variant for an element type. */
const char *kiln_shader_variant (const char *base, KilnType type);

/* The same of a shader that is built with TEXEL_LOADS for software devices
 * ("…_cpu_f32"): its inputs must then be bound as texels. */
const char *kiln_shader_for (KilnDevice *device, const char *base,
    KilnType type);

/* KilnDispatch.texels for such a shader, whose inputs are the bindings with
 * a bit in `inputs`: none of them where storage buffers are read. */
guint32 kiln_texels_for (KilnDevice *device, guint32 inputs);

#define KILN_OP_MAX_INPUTS 8

/* One way to compute an operation family: see variant.h. */
typedef struct _KilnVariant KilnVariant;

/* What the choice of one depends on: the family, as shaders are called, the
 * result's rows and columns, and how many products each number sums up. */
typedef struct {
  const char *family;           /* "matmul_conv2d" */
  guint64 rows, columns, depth; /* depth: 0 where rows and columns tell it */
  guint32 slices;               /* where a sum's products are runs of channels, and
                                 * the result has whole panels: a run's length */
} KilnWork;

/* An operation family: what the graph needs to check, cost and record it.
 * Parameters are a plain struct that the graph copies. Absent optional
 * inputs are NULL shapes, and views with a NULL buffer. */
typedef struct {
  const char *name;
  gsize params_size;

  /* Checks the inputs and gives the result's shape (its type preset to the
   * graph's type). Errors are KILN_ERROR_SHAPE without the op's name. */
  gboolean (*infer) (gconstpointer params, const KilnShape *const *inputs,
      guint n_inputs, KilnShape *output, GError **error);

  /* Bytes of scratch memory; NULL: none. */
  guint64 (*scratch) (gconstpointer params, const KilnShape *const *inputs,
      const KilnShape *output);

  /* Floating-point operations; NULL: 0 (bound by memory). */
  double (*flops) (gconstpointer params, const KilnShape *const *inputs,
      const KilnShape *output);

  /* Records the work. May split it into dispatches by rows. Barriers
   * between operations are the graph's business, those between dependent
   * dispatches inside the operation its own. scratch has type KILN_F32. */
  void (*record) (KilnRecorder *recorder, gconstpointer params,
      const KilnView *inputs, guint n_inputs, const KilnView *output,
      const KilnView *scratch);

  /* The ways to compute it, which record() chooses from; NULL: just one, and
   * neither of what follows. */
  const KilnVariant *variants;
  KilnWork (*work) (gconstpointer params, const KilnShape *const *inputs,
      const KilnShape *output);
  /* What that would take in any unit; HUGE_VAL: it cannot be done so. */
  double (*cost) (const KilnVariant *variant, KilnDevice *device,
      const KilnWork *work);
} KilnOpClass;

G_END_DECLS
