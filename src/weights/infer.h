/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asks a file for its tensors' shapes. As with KilnConfigReader the first
 * fault is kept, later questions are answered with 1, and a configuration
 * is inferred line by line and checked once. */

#include <glib.h>
#include "safetensors.h"

G_BEGIN_DECLS

typedef struct {
  KilnSafetensors *file;
  const char *prefix;           /* before every name that is asked for */
  GError *fault;
} KilnInference;

/* Whether a tensor of that (printf-formatted) name is there. */
gboolean kiln_infer_has (KilnInference *inference, const char *format, ...)
    G_GNUC_PRINTF (2, 3);

/* How many of "<format>0<rest>", "<format>1<rest>"… are there, up to max. */
guint kiln_infer_count (KilnInference *inference, guint max,
    const char *rest, const char *format, ...) G_GNUC_PRINTF (4, 5);

/* Its extent along an axis, 1 to 2^20; a fault where it is not there. */
guint kiln_infer_extent (KilnInference *inference, guint axis,
    const char *format, ...) G_GNUC_PRINTF (3, 4);

void kiln_infer_fail (KilnInference *inference, const char *format, ...)
    G_GNUC_PRINTF (2, 3);

/* FALSE and the first fault if there was one. */
gboolean kiln_infer_finish (KilnInference *inference, GError **error);

G_END_DECLS
