/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A network as ncnn's .param files describe it: layers in the order of
 * running them, which hand blobs to one another.
 *
 * The file is untrusted: reading it checks the counts, that numbers are
 * numbers, that names are there once, and that every blob is made, by one
 * layer, before it is read. What types and parameters mean is the
 * caller's business.
 * Format: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure */
typedef struct _KilnNcnnNet KilnNcnnNet;

#define KILN_NCNN_MAX_BYTES (4 << 20)
#define KILN_NCNN_MAX_LAYERS 65536

/* key=value; an array's key is −23300 − id and its value count,number,… */
typedef struct {
  guint id;                     /* below 32 */
  gboolean is_array;
  guint n;                      /* 1 unless an array */
  double *values;
} KilnNcnnParam;

typedef struct {
  const char *type, *name;
  guint n_inputs, n_outputs;
  guint *inputs, *outputs;      /* numbers of blobs */
  guint n_params;
  KilnNcnnParam *params;
} KilnNcnnLayer;

/* Errors: KILN_ERROR_MODEL naming the file, its line and the fault, or a
 * GFileError when the file cannot be opened. */
KilnNcnnNet *kiln_ncnn_net_open (const char *path, GError **error);

/* The same for text in memory; label stands for the path in messages. */
KilnNcnnNet *kiln_ncnn_net_parse (const char *text, gsize length,
    const char *label, GError **error);

void kiln_ncnn_net_free (KilnNcnnNet *net);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnNcnnNet, kiln_ncnn_net_free)

const char *kiln_ncnn_net_get_path (const KilnNcnnNet *net);
guint kiln_ncnn_net_get_n_blobs (const KilnNcnnNet *net);
guint kiln_ncnn_net_get_n_layers (const KilnNcnnNet *net);
const KilnNcnnLayer *kiln_ncnn_net_get_layer (const KilnNcnnNet *net,
    guint index);

/* A blob's number by its name; FALSE: there is none. */
gboolean kiln_ncnn_net_find_blob (const KilnNcnnNet *net, const char *name,
    guint *blob);

/* NULL: the layer does not have it, and ncnn's default holds. */
const KilnNcnnParam *kiln_ncnn_layer_get_param (const KilnNcnnLayer *layer,
    guint id);
/* The first number of a parameter. */
double kiln_ncnn_layer_get_number (const KilnNcnnLayer *layer, guint id,
    double fallback);

G_END_DECLS
