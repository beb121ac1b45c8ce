/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Empty caches of shaders for this process, of ours and of the drivers, to
 * see what compiling takes. Before a device is opened. Returns their folder
 * (transfer full), which stays until scratch_caches_remove(). */
char *bench_scratch_caches_new (GError **error);
void bench_scratch_caches_remove (char *folder);

/* Bytes of files in it: what devices that are closed by now compiled. */
guint64 bench_scratch_caches_size (const char *folder);

G_END_DECLS
