/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "../ops/pack.h"

G_BEGIN_DECLS

#define KILN_MAX_DIMS 6

/* One tensor of a checkpoint, as it lies in the file (little endian, C
 * order). data stays valid as long as the source. */
typedef struct {
  KilnSourceType type;
  guint n_dims;
  guint64 shape[KILN_MAX_DIMS];
  const guint8 *data;
  gsize size;
  gboolean transposed;          /* a matrix stored [inputs, outputs] */
} KilnWeightInfo;

/* Where a graph's weights come from, by the names that diffusers gives
 * them. Implemented by the weights room; tests have their own. Reference
 * counting is the implementer's: a source outlives its graphs and stores. */
typedef struct _KilnWeightSource KilnWeightSource;
struct _KilnWeightSource {
  /* find() tells which tensors there are, and nothing of them: each is taken
   * to have the shape asked for. Its graphs can be planned, not run. */
  gboolean is_blank;
  /* info holds the shape asked for, for sources that make tensors up (no
   * dimensions: of one number), and is overwritten by the tensor's own. */
  gboolean (*find) (KilnWeightSource *source, const char *name,
      KilnWeightInfo *info);
  const char *(*describe) (KilnWeightSource *source);   /* for messages: a path */
  /* The type of a tensor that find() does not offer because nothing reads
   * that type, as the file calls it; NULL for all others. Optional. */
  const char *(*get_unusable_type) (KilnWeightSource *source,
      const char *name);
};

G_END_DECLS
