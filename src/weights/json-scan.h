/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A pull parser for JSON from untrusted files: it allocates nothing but the
 * strings it is asked for, so a header of 100 MB costs what is kept of it.
 *
 * After the first fault every call returns FALSE and *fault says what was
 * wrong where. An object is read as
 *
 *   for (ok = kiln_json_open (json, '{'); ok && kiln_json_next (json, '}');)
 *     kiln_json_key (json, key), then one value;
 *
 * and checked once at the end with kiln_json_end(). */
typedef struct {
  const char *text, *at, *end;
  const char *fault;            /* static text, or NULL */
  gsize fault_offset;           /* bytes from the start of text */
  gboolean fresh;               /* no member of the open container read yet */
} KilnJson;

/* Containers within containers; deeper files are refused. */
#define KILN_JSON_MAX_DEPTH 64

/* Bytes of a string; files with longer ones are refused. */
#define KILN_JSON_MAX_STRING (16 << 20)

/* Text must stay valid. Checks that it is UTF-8 without NUL. */
void kiln_json_init (KilnJson *json, const char *text, gsize length);

/* Enters a container: bracket is '{' or '['. */
gboolean kiln_json_open (KilnJson *json, char bracket);

/* TRUE: one more member follows. FALSE: the container has been closed by
 * bracket, '}' or ']', or there is a fault. */
gboolean kiln_json_next (KilnJson *json, char bracket);

/* A member's name with its colon; a string; a whole number that fits. */
gboolean kiln_json_key (KilnJson *json, GString *key);
gboolean kiln_json_string (KilnJson *json, GString *string);
gboolean kiln_json_uint64 (KilnJson *json, guint64 *value);

/* Checks any value and passes it. */
gboolean kiln_json_skip (KilnJson *json);

/* TRUE: only white space is left and nothing was wrong. */
gboolean kiln_json_end (KilnJson *json);

G_END_DECLS
