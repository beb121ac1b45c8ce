/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* One of several ways to compute an operation family: a shader, and the tile
 * of the result that it makes. A family has a table of them and takes, for
 * each device and shape, the one that it expects to be fastest. Tables end
 * with a variant without a name. */
struct _KilnVariant
{
  const char *name;             /* in KILN_KERNELS and in profiles */
  const char *shader;           /* in its name, after the family */
  guint types;                  /* of tensors: bit KILN_F32, bit KILN_F16 */
  guint needs;                  /* KilnFeatures */
  guint32 group_size;           /* invocations that make a tile; 0: one does */
  guint32 rows, columns;        /* of the result, a tile */
  guint32 depth;                /* of a step of its sums */
  guint32 shared_bytes;         /* that a workgroup shares */
  gboolean on_request;          /* only if KILN_KERNELS names it */
  double error;                 /* RMS that its sums may add to a result of 1;
                                   0: nothing beside the result's rounding */
  guint32 subgroups;            /* that make a tile, where group_size is 0 */
  /* Where the device's matrices decide it, instead of shared_bytes. */
  guint32 (*find_shared_bytes) (const KilnVariant *variant,
      const KilnDeviceInfo *info);
  gboolean only_measured;       /* or if KILN_KERNELS names it */
  gboolean slices;              /* it takes tensors in slices: see KilnWork */
};

/* What KILN_KERNELS names, else what was measured to be fastest (choices.h),
 * else the least costly variant. */
const KilnVariant *kiln_variant_choose (const KilnOpClass *klass,
    KilnDevice *device, KilnType type, const KilnWork *work);

/* Whether it may be chosen without being asked for, by a measurement at
 * least. */
gboolean kiln_variant_is_candidate (const KilnVariant *variant,
    const KilnOpClass *klass, KilnDevice *device, KilnType type,
    const KilnWork *work);

/* What its choice is kept as, "matmul_conv2d_f16 65536x320x2880". Numbers of
 * rows are rounded up to powers of two: what is best for one is so for those
 * near it. */
char *kiln_work_to_key (const KilnWork *work, KilnType type);

/* Whether the device and the element type allow it. */
gboolean kiln_variant_supports (const KilnVariant *variant,
    KilnDevice *device, KilnType type);

/* Invocations that make a tile; 0: one does. */
guint32 kiln_variant_group_size (const KilnVariant *variant,
    KilnDevice *device);

/* Of memory that a workgroup shares. */
guint32 kiln_variant_shared_bytes (const KilnVariant *variant,
    KilnDevice *device);

/* Begins a dispatch: variant, shader ("matmul_conv2d" becomes
 * "matmul_conv2d_tile_f16") and the workgroup's size. */
void kiln_variant_set_shader (const KilnVariant *variant, KilnDevice *device,
    const char *family, KilnType type, KilnDispatch *dispatch);

/* The dispatch's invocations for so many tiles. */
void kiln_variant_set_tiles (const KilnVariant *variant, guint64 tiles,
    KilnDispatch *dispatch);

G_END_DECLS
