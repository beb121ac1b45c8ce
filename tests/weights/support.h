/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of src/weights share: files made on the spot. */

#include <glib.h>

G_BEGIN_DECLS

/* A safetensors file of that header and n_data bytes, which count up. */
GBytes *make_safetensors (const char *header, gsize n_data);

/* A temporary folder, and files in it; folders on the way are made. */
char *make_folder (void);
void remove_folder (const char *folder);
void write_file (const char *folder, const char *name, const char *text);
void write_bytes (const char *folder, const char *name, GBytes *bytes);

/* error is of KILN_ERROR_MODEL and its message holds part; clears it. */
void assert_model_error (GError **error, const char *part);

G_END_DECLS
