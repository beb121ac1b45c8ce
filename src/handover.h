/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A place for one thing, which a thread fills while another uses what was
 * there before. */
typedef struct {
  GMutex lock;
  GCond changed;
  gboolean full;
  gboolean ended;               /* nothing more comes */
  gboolean stopped;             /* nothing more is wanted */
} SvdHandover;

void svd_handover_init (SvdHandover *handover);
void svd_handover_clear (SvdHandover *handover);

/* For the thread that fills it: waits until what was there has been used;
 * FALSE if nothing more is wanted. */
gboolean svd_handover_wait_empty (SvdHandover *handover);
void svd_handover_fill (SvdHandover *handover);
void svd_handover_end (SvdHandover *handover);

/* For the thread that empties it: waits until there is something; FALSE if
 * nothing more comes. */
gboolean svd_handover_wait_full (SvdHandover *handover);
void svd_handover_empty (SvdHandover *handover);
void svd_handover_stop (SvdHandover *handover);

G_END_DECLS
