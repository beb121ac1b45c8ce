/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "tensor-source.h"

G_BEGIN_DECLS

/* Translates the tensor names of one checkpoint layout into those of
 * another: modules by their place, and what is inside a module by rules.
 * A map is read like the table in a paper's appendix: left the file's
 * name, right the model's. */
typedef struct _KilnKeyMap KilnKeyMap;

/* What happens to a tensor besides its name. */
typedef enum {
  KILN_KEY_AS_IS,
  KILN_KEY_TRANSPOSED,          /* a matrix stored [inputs, outputs] */
  KILN_KEY_MATRIX,              /* a 1×1 convolution taken as a matrix */
  /* Stacked along axis 0: `to` lists the parts' names, as in
   * "{q,k,v}_proj.weight". */
  KILN_KEY_SPLIT,
} KilnKeyChange;

/* A tensor's name inside its module, or a prefix of it that ends at a dot;
 * the first rule that fits counts. Tables end with {NULL}. */
typedef struct {
  const char *from, *to;
  KilnKeyChange change;
} KilnKeyRule;

KilnKeyMap *kiln_key_map_new (void);
void kiln_key_map_free (KilnKeyMap *map);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnKeyMap, kiln_key_map_free)

/* What is called from… in the file is called to… in the model; the longest
 * `from` that fits counts. Without rules the rest of a name is kept, with
 * them tensors that no rule names are left out. `to` may be "", for the
 * model's top. rules must stay valid. */
void kiln_key_map_add (KilnKeyMap *map, const char *from, const char *to,
    const KilnKeyRule *rules);

/* The model's name of a file's tensor, or NULL for one that is left out. */
char *kiln_key_map_translate (const KilnKeyMap *map, const char *name,
    KilnKeyChange *change);

/* The file's tensors under the model's names. Errors: KILN_ERROR_MODEL. */
KilnTensorSource *kiln_key_map_apply (const KilnKeyMap *map,
    KilnSafetensors *file, GError **error);

G_END_DECLS
