/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "../ops/pack.h"

G_BEGIN_DECLS

/* Packs weights on all processors while its owner does something else. */
typedef struct _KilnPacker KilnPacker;

KilnPacker *kiln_packer_new (GCancellable *cancellable);
/* Waits for what is being packed. */
void kiln_packer_free (KilnPacker *packer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnPacker, kiln_packer_free)

/* Does what kiln_pack_slices() does before kiln_packer_wait() returns: until
 * then all that is pointed to must stay. */
void kiln_packer_push (KilnPacker *packer, const KilnPack *pack,
    const KilnPackPart *parts, guint n_parts, guint32 first, guint32 n,
    guint8 *to);

/* Returns when all that was pushed is packed; FALSE with
 * G_IO_ERROR_CANCELLED if some was left out. */
gboolean kiln_packer_wait (KilnPacker *packer, GError **error);

G_END_DECLS
