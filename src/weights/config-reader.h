/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads a JSON configuration key by key, checking types and ranges.
 *
 * The first fault is kept and makes every later call do nothing, so a
 * configuration is read line by line and checked once, with
 * kiln_config_reader_finish(). A key that is missing or null leaves the
 * value as it is: set defaults first. */
typedef struct _KilnConfigReader KilnConfigReader;

/* Configurations are a few kilobytes; larger files are refused unread. */
#define KILN_CONFIG_MAX_BYTES (4 << 20)

/* Errors: a GFileError, or KILN_ERROR_MODEL for what is not a JSON object. */
KilnConfigReader *kiln_config_reader_open (const char *path, GError **error);
KilnConfigReader *kiln_config_reader_new (const char *json, gssize length,
    const char *label, GError **error);

void kiln_config_reader_free (KilnConfigReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnConfigReader, kiln_config_reader_free)

/* What the configuration is called in messages: its path. */
const char *kiln_config_reader_get_label (KilnConfigReader *reader);

gboolean kiln_config_reader_has (KilnConfigReader *reader, const char *key);

/* Goes on inside the object of that key; FALSE (no fault) without one. */
gboolean kiln_config_reader_enter (KilnConfigReader *reader,
    const char *key);

void kiln_config_reader_uint (KilnConfigReader *reader, const char *key,
    guint min, guint max, guint *value);
void kiln_config_reader_double (KilnConfigReader *reader, const char *key,
    double min, double max, double *value);
void kiln_config_reader_boolean (KilnConfigReader *reader, const char *key,
    gboolean *value);

/* The string of that key or fallback; lives as long as the reader. */
const char *kiln_config_reader_string (KilnConfigReader *reader,
    const char *key, const char *fallback);

/* An array of at least 1 and at most max_items numbers or strings. */
void kiln_config_reader_uints (KilnConfigReader *reader, const char *key,
    guint min, guint max, guint max_items, guint *values, guint *n_values);
void kiln_config_reader_doubles (KilnConfigReader *reader, const char *key,
    double min, double max, guint max_items, double *values,
    guint *n_values);
void kiln_config_reader_strings (KilnConfigReader *reader, const char *key,
    guint max_items, const char **values, guint *n_values);

/* One number for all n levels, or an array of exactly n. */
void kiln_config_reader_uint_per_level (KilnConfigReader *reader,
    const char *key, guint min, guint max, guint n, guint *values);

/* Keys of the object that are not in the NULL-terminated list: one
 * g_warning() each. */
void kiln_config_reader_warn_unknown (KilnConfigReader *reader,
    const char *const *known);

/* Records a fault of the configuration itself: "<path>: <message>". */
void kiln_config_reader_fail (KilnConfigReader *reader, const char *format,
    ...) G_GNUC_PRINTF (2, 3);

/* FALSE and the first fault if there was one. */
gboolean kiln_config_reader_finish (KilnConfigReader *reader,
    GError **error);

G_END_DECLS
