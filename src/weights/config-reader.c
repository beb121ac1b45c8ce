/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config-reader.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "fault.h"
#include "json-scan.h"

struct _KilnConfigReader {
  char *label;
  JsonParser *parser;
  JsonObject *object;           /* belongs to parser */
  GError *fault;
};

/* json-glib recurses without limit and accepts more than JSON, so only what
 * the scanner has passed gets to it. */
static gboolean
check_json (const char *json, gsize length, const char *label,
    GError **error)
{
  KilnJson scan;

  if (length > KILN_CONFIG_MAX_BYTES)
    return kiln_model_fault (error, label,
        "%" G_GSIZE_FORMAT " bytes are too many for "
        "a configuration", length);
  kiln_json_init (&scan, json, length);
  kiln_json_skip (&scan);
  if (!kiln_json_end (&scan))
    return kiln_model_fault (error, label,
        "this is not valid JSON: %s at byte %"
        G_GSIZE_FORMAT, scan.fault, scan.fault_offset);
  return TRUE;
}

KilnConfigReader *
kiln_config_reader_new (const char *json, gssize length, const char *label,
    GError **error)
{
  g_autoptr (KilnConfigReader) reader = g_new0 (KilnConfigReader, 1);
  gsize size = length < 0 ? strlen (json) : (gsize) length;
  JsonNode *root;

  reader->label = g_strdup (label);
  if (!check_json (json, size, label, error))
    return NULL;
  reader->parser = json_parser_new ();
  if (!json_parser_load_from_data (reader->parser, json, size, error)) {
    g_prefix_error (error, "%s: ", label);
    return NULL;
  }
  root = json_parser_get_root (reader->parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT (root)) {
    kiln_model_fault (error, label, "this is not a JSON object");
    return NULL;
  }
  reader->object = json_node_get_object (root);
  return g_steal_pointer (&reader);
}

KilnConfigReader *
kiln_config_reader_open (const char *path, GError **error)
{
  GMappedFile *mapping = g_mapped_file_new (path, FALSE, error);
  KilnConfigReader *reader;

  if (!mapping)
    return NULL;
  reader = kiln_config_reader_new (g_mapped_file_get_contents (mapping),
      g_mapped_file_get_length (mapping), path, error);
  g_mapped_file_unref (mapping);
  return reader;
}

void
kiln_config_reader_free (KilnConfigReader *reader)
{
  g_clear_object (&reader->parser);
  g_clear_error (&reader->fault);
  g_free (reader->label);
  g_free (reader);
}

const char *
kiln_config_reader_get_label (KilnConfigReader *reader)
{
  return reader->label;
}

void
kiln_config_reader_fail (KilnConfigReader *reader, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (reader->fault)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  kiln_model_fault (&reader->fault, reader->label, "%s", text);
}

gboolean
kiln_config_reader_finish (KilnConfigReader *reader, GError **error)
{
  if (!reader->fault)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&reader->fault));
  return FALSE;
}

/* The key's value; NULL when it is missing or null, or after a fault. */
static JsonNode *
get_value (KilnConfigReader *reader, const char *key)
{
  JsonNode *node;

  if (reader->fault)
    return NULL;
  node = json_object_get_member (reader->object, key);
  return node && !JSON_NODE_HOLDS_NULL (node) ? node : NULL;
}

static JsonArray *
get_array (KilnConfigReader *reader, const char *key, JsonNode *node,
    guint max_items)
{
  JsonArray *array;

  if (!JSON_NODE_HOLDS_ARRAY (node)) {
    kiln_config_reader_fail (reader, "'%s' must be a list", key);
    return NULL;
  }
  array = json_node_get_array (node);
  if (json_array_get_length (array) == 0
      || json_array_get_length (array) > max_items) {
    kiln_config_reader_fail (reader, "'%s' must have 1 to %u items, not %u",
        key, max_items, json_array_get_length (array));
    return NULL;
  }
  return array;
}

static void
take_uint (KilnConfigReader *reader, const char *key, JsonNode *node,
    guint min, guint max, guint *value)
{
  gint64 number;

  if (!JSON_NODE_HOLDS_VALUE (node)
      || json_node_get_value_type (node) != G_TYPE_INT64) {
    kiln_config_reader_fail (reader, "'%s' must be a whole number", key);
    return;
  }
  number = json_node_get_int (node);
  if (number < (gint64) min || number > (gint64) max)
    kiln_config_reader_fail (reader, "'%s' is %" G_GINT64_FORMAT
        ", but must be between %u and %u", key, number, min, max);
  else
    *value = (guint) number;
}

static void
take_double (KilnConfigReader *reader, const char *key, JsonNode *node,
    double min, double max, double *value)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node)
      : G_TYPE_INVALID;
  double number;

  if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE) {
    kiln_config_reader_fail (reader, "'%s' must be a number", key);
    return;
  }
  number = json_node_get_double (node);
  if (!(number >= min && number <= max))
    kiln_config_reader_fail (reader, "'%s' is %g, but must be between %g "
        "and %g", key, number, min, max);
  else
    *value = number;
}

static const char *
take_string (KilnConfigReader *reader, const char *key, JsonNode *node,
    const char *fallback)
{
  if (JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_STRING)
    return json_node_get_string (node);
  kiln_config_reader_fail (reader, "'%s' must be a string", key);
  return fallback;
}

gboolean
kiln_config_reader_has (KilnConfigReader *reader, const char *key)
{
  return get_value (reader, key) != NULL;
}

gboolean
kiln_config_reader_enter (KilnConfigReader *reader, const char *key)
{
  JsonNode *node = get_value (reader, key);

  if (!node)
    return FALSE;
  if (!JSON_NODE_HOLDS_OBJECT (node)) {
    kiln_config_reader_fail (reader, "'%s' must be an object", key);
    return FALSE;
  }
  reader->object = json_node_get_object (node);
  return TRUE;
}

void
kiln_config_reader_uint (KilnConfigReader *reader, const char *key, guint min,
    guint max, guint *value)
{
  JsonNode *node = get_value (reader, key);

  if (node)
    take_uint (reader, key, node, min, max, value);
}

void
kiln_config_reader_double (KilnConfigReader *reader, const char *key,
    double min, double max, double *value)
{
  JsonNode *node = get_value (reader, key);

  if (node)
    take_double (reader, key, node, min, max, value);
}

void
kiln_config_reader_boolean (KilnConfigReader *reader, const char *key,
    gboolean *value)
{
  JsonNode *node = get_value (reader, key);

  if (!node)
    return;
  if (JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    *value = json_node_get_boolean (node);
  else
    kiln_config_reader_fail (reader, "'%s' must be true or false", key);
}

const char *
kiln_config_reader_string (KilnConfigReader *reader, const char *key,
    const char *fallback)
{
  JsonNode *node = get_value (reader, key);

  return node ? take_string (reader, key, node, fallback) : fallback;
}

void
kiln_config_reader_uints (KilnConfigReader *reader, const char *key,
    guint min, guint max, guint max_items, guint *values, guint *n_values)
{
  JsonNode *node = get_value (reader, key);
  JsonArray *array = node ? get_array (reader, key, node, max_items) : NULL;

  if (!array)
    return;
  *n_values = json_array_get_length (array);
  for (guint i = 0; i < *n_values; i++)
    take_uint (reader, key, json_array_get_element (array, i), min, max,
        &values[i]);
}

void
kiln_config_reader_doubles (KilnConfigReader *reader, const char *key,
    double min, double max, guint max_items, double *values, guint *n_values)
{
  JsonNode *node = get_value (reader, key);
  JsonArray *array = node ? get_array (reader, key, node, max_items) : NULL;

  if (!array)
    return;
  *n_values = json_array_get_length (array);
  for (guint i = 0; i < *n_values; i++)
    take_double (reader, key, json_array_get_element (array, i), min, max,
        &values[i]);
}

void
kiln_config_reader_strings (KilnConfigReader *reader, const char *key,
    guint max_items, const char **values, guint *n_values)
{
  JsonNode *node = get_value (reader, key);
  JsonArray *array = node ? get_array (reader, key, node, max_items) : NULL;

  if (!array)
    return;
  *n_values = json_array_get_length (array);
  for (guint i = 0; i < *n_values; i++)
    values[i] = take_string (reader, key, json_array_get_element (array, i),
        "");
}

void
kiln_config_reader_uint_per_level (KilnConfigReader *reader, const char *key,
    guint min, guint max, guint n, guint *values)
{
  JsonNode *node = get_value (reader, key);
  guint n_values = n;

  if (!node)
    return;
  if (JSON_NODE_HOLDS_ARRAY (node)) {
    kiln_config_reader_uints (reader, key, min, max, n, values, &n_values);
    if (n_values != n)
      kiln_config_reader_fail (reader, "'%s' has %u items for %u levels", key,
          n_values, n);
    return;
  }
  take_uint (reader, key, node, min, max, &values[0]);
  for (guint i = 1; i < n; i++)
    values[i] = values[0];
}

void
kiln_config_reader_warn_unknown (KilnConfigReader *reader,
    const char *const *known)
{
  JsonObjectIter iter;
  const char *key;

  json_object_iter_init (&iter, reader->object);
  while (json_object_iter_next (&iter, &key, NULL))
    if (!g_strv_contains (known, key))
      g_warning ("%s: unknown key '%s' is ignored", reader->label, key);
}
