/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../../src/graph/program.h"

G_BEGIN_DECLS

/* A graph with its buffers, to be built, run once and read. Failures end
 * the program: tests of failures use the graph itself. */
typedef struct {
  KilnDevice *device;
  KilnGraph *graph;
  KilnWeightStore *own_store;
  KilnWeightStore *store;       /* its own, or of net_share_weights() */
  GArray *externals;            /* KilnExternal */
  GArray *shapes;               /* KilnShape, of externals */
} Net;

Net *net_new (KilnDevice *device, KilnType type);
void net_free (Net *net);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Net, net_free)

/* Before the run: weights are loaded into store, which must stay, or are
 * there from the nets before. */
void net_share_weights (Net *net, KilnWeightStore *store);

/* An fp32 input from planes [frames][channels][height][width], converted
 * to the graph's type. */
KilnTensor *net_planes (Net *net, const char *name, guint32 frames,
    guint32 height, guint32 width, guint32 channels, const float *planes);
/* An fp32 input of one RGBA frame from rows, not converted. */
KilnTensor *net_frame (Net *net, const char *name, guint32 height,
    guint32 width, const float *rows);
/* An fp32 vector, not converted. */
KilnTensor *net_vector (Net *net, const char *name, guint32 n,
    const float *values);

/* An fp32 copy of any tensor, to be read after the run. */
void net_output (Net *net, const char *name, KilnTensor *tensor);

void net_run (Net *net);

/* Dense rows (channels last), or planes, of an output; free with g_free(). */
float *net_read_rows (Net *net, const char *name, gsize *n_rows,
    gsize *channels);
float *net_read_planes (Net *net, const char *name);

G_END_DECLS
