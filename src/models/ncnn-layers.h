/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../weights/ncnn-net.h"
#include "ncnn-value.h"

G_BEGIN_DECLS

/* A network while it is added to a graph. */
typedef struct {
  KilnNcnnPlace place;
  const KilnNcnnNet *net;
  KilnNcnnValue *values;        /* of blobs */
  guint *readers;               /* of blobs: how many layers read them */
  guint *blobs;                 /* those that Split's copies are copies of */
  GPtrArray *products;          /* KilnNcnnProduct */
  GHashTable *resized;          /* key → KilnTensor that is there already */
} KilnNcnnBuilder;

typedef struct {
  const char *type;
  gint n_inputs, n_outputs;     /* −1: any number from 1 */
  guint32 params;               /* bit i: parameter i is understood */
  /* What parameters say that is not supported, or NULL; may be missing. */
  const char *(*find_fault) (const KilnNcnnLayer *layer);
  void (*build) (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer);
  /* By how much it enlarges pictures; missing: not. */
  double (*enlarges) (const KilnNcnnLayer *layer);
} KilnNcnnLayerClass;

/* NULL: a type that is not known. */
const KilnNcnnLayerClass *kiln_ncnn_find_class (const char *type);

G_END_DECLS
