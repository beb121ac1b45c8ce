/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Sets error to KILN_ERROR_MODEL, "<path>: <message>"; returns FALSE. */
gboolean kiln_model_fault (GError **error, const char *path,
    const char *format, ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
