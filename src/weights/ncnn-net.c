/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ncnn's .param files. Lines of words: the magic number; how many layers
 * and blobs there are; then a layer each: type, name, number of inputs,
 * number of outputs, the inputs, the outputs, key=value…  */

#include "ncnn-net.h"

#include <math.h>
#include <string.h>

#include "fault.h"

#define MAGIC "7767517"
#define MAX_ID 32
#define FIRST_ARRAY_KEY (-23300)

struct _KilnNcnnNet
{
  char *path;
  GStringChunk *strings;
  GArray *layers;               /* KilnNcnnLayer */
  GHashTable *blobs;            /* name → number + 1 */
  GHashTable *names;            /* of layers: a set */
};

/* One line's words, and how far they are read. */
typedef struct {
  KilnNcnnNet *net;
  char **words;
  guint line, next;
} Line;

static gboolean
line_fault (GError **error, const Line *line, const char *what)
{
  return kiln_model_fault (error, line->net->path, "line %u: %s", line->line,
      what);
}

static const char *
next_word (Line *line)
{
  while (line->words[line->next] != NULL && !*line->words[line->next])
    line->next++;
  return line->words[line->next] ? line->words[line->next++] : NULL;
}

/* A whole number of at most `most` that is all of the word. */
static gboolean
read_count (Line *line, guint64 most, guint *count, GError **error)
{
  const char *word = next_word (line);
  guint64 value;

  if (word == NULL
      || !g_ascii_string_to_unsigned (word, 10, 0, most, &value, NULL))
    return line_fault (error, line, "a count is missing or impossible");
  *count = value;
  return TRUE;
}

/* --- key=value --- */

static gboolean
read_number (const char *text, double *value)
{
  char *end;

  if (!*text || strspn (text, "0123456789+-.eE") != strlen (text))
    return FALSE;
  *value = g_ascii_strtod (text, &end);
  return !*end && isfinite (*value);
}

/* "count,number,number…" */
static gboolean
read_array (const char *text, KilnNcnnParam *param)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);
  guint n = g_strv_length (parts);
  guint64 count;

  if (n < 2 || !g_ascii_string_to_unsigned (parts[0], 10, n - 1, n - 1,
          &count, NULL))
    return FALSE;
  param->n = count;
  param->values = g_new (double, count);
  for (guint i = 0; i < count; i++)
    if (!read_number (parts[i + 1], &param->values[i]))
      return FALSE;
  return TRUE;
}

static gboolean
read_value (const char *text, KilnNcnnParam *param)
{
  if (param->is_array)
    return read_array (text, param);
  param->n = 1;
  param->values = g_new (double, 1);
  return read_number (text, param->values);
}

static gboolean
read_param (const char *word, KilnNcnnParam *param)
{
  const char *equals = strchr (word, '=');
  g_autofree char *key = NULL;
  gint64 number;

  if (equals == NULL)
    return FALSE;
  key = g_strndup (word, equals - word);
  if (!g_ascii_string_to_signed (key, 10, FIRST_ARRAY_KEY - MAX_ID + 1,
          MAX_ID - 1, &number, NULL))
    return FALSE;
  param->is_array = number <= FIRST_ARRAY_KEY;
  if (param->is_array)
    number = FIRST_ARRAY_KEY - number;
  if (number < 0)
    return FALSE;
  param->id = number;
  return read_value (equals + 1, param);
}

static gboolean
read_params (Line *line, KilnNcnnLayer *layer, GError **error)
{
  const char *word;

  layer->params = g_new0 (KilnNcnnParam, MAX_ID);
  while ((word = next_word (line)) != NULL) {
    KilnNcnnParam *param = &layer->params[layer->n_params];

    if (layer->n_params == MAX_ID)
      return line_fault (error, line, "the layer has too many parameters");
    layer->n_params++;
    if (!read_param (word, param))
      return line_fault (error, line, "a parameter is not key=number");
    if (kiln_ncnn_layer_get_param (layer, param->id) != param)
      return line_fault (error, line, "a parameter is there twice");
  }
  return TRUE;
}

/* --- layers --- */

static gboolean
read_inputs (Line *line, KilnNcnnLayer *layer, GError **error)
{
  layer->inputs = g_new (guint, layer->n_inputs);
  for (guint i = 0; i < layer->n_inputs; i++) {
    const char *word = next_word (line);

    if (word == NULL || !kiln_ncnn_net_find_blob (line->net, word,
            &layer->inputs[i]))
      return line_fault (error, line,
          "an input is missing, or no layer before this one makes it");
  }
  return TRUE;
}

static gboolean
read_outputs (Line *line, KilnNcnnLayer *layer, GError **error)
{
  GHashTable *blobs = line->net->blobs;

  layer->outputs = g_new (guint, layer->n_outputs);
  for (guint i = 0; i < layer->n_outputs; i++) {
    const char *word = next_word (line);
    guint number = g_hash_table_size (blobs);

    if (word == NULL || g_hash_table_contains (blobs, word))
      return line_fault (error, line,
          "an output is missing, or another layer makes it too");
    g_hash_table_insert (blobs,
        g_string_chunk_insert (line->net->strings, word),
        GUINT_TO_POINTER (number + 1));
    layer->outputs[i] = number;
  }
  return TRUE;
}

/* No more inputs or outputs than words that are left. */
static guint
words_left (const Line *line)
{
  return g_strv_length (line->words) - line->next;
}

static gboolean
read_layer (Line *line, KilnNcnnLayer *layer, GError **error)
{
  const char *type = next_word (line), *name = next_word (line);

  if (type == NULL || name == NULL)
    return line_fault (error, line, "a layer lacks its type or name");
  layer->type = g_string_chunk_insert_const (line->net->strings, type);
  layer->name = g_string_chunk_insert (line->net->strings, name);
  if (!g_hash_table_add (line->net->names, (char *) layer->name))
    return line_fault (error, line, "another layer has the same name");
  return read_count (line, words_left (line), &layer->n_inputs, error)
      && read_count (line, words_left (line), &layer->n_outputs, error)
      && read_inputs (line, layer, error)
      && read_outputs (line, layer, error)
      && read_params (line, layer, error);
}

static void
clear_layer (gpointer data)
{
  KilnNcnnLayer *layer = data;

  for (guint i = 0; i < layer->n_params; i++)
    g_free (layer->params[i].values);
  g_free (layer->params);
  g_free (layer->inputs);
  g_free (layer->outputs);
}

/* --- the file --- */

typedef struct {
  guint layers, blobs;
} Counts;

static gboolean
read_magic (Line *line, GError **error)
{
  const char *word = next_word (line);

  if (word != NULL && g_str_equal (word, MAGIC))
    return TRUE;
  return kiln_model_fault (error, line->net->path,
      "this is no ncnn network: it does not begin with " MAGIC
      " (binary .param.bin files are not read)");
}

static gboolean
read_line (Line *line, Counts *counts, GError **error)
{
  KilnNcnnLayer layer = { 0 };
  gboolean ok;

  if (line->line == 1)
    return read_magic (line, error);
  if (line->line == 2)
    return read_count (line, KILN_NCNN_MAX_LAYERS, &counts->layers, error)
        && read_count (line, G_MAXINT, &counts->blobs, error);
  if (next_word (line) == NULL)
    return TRUE;
  line->next = 0;
  if (line->net->layers->len == counts->layers)
    return line_fault (error, line, "there are more layers than announced");
  ok = read_layer (line, &layer, error);
  g_array_append_val (line->net->layers, layer);
  return ok;
}

static gboolean
check_counts (KilnNcnnNet *net, const Counts *counts, GError **error)
{
  guint layers = net->layers->len, blobs = g_hash_table_size (net->blobs);

  if (layers == counts->layers && blobs == counts->blobs && layers > 0)
    return TRUE;
  return kiln_model_fault (error, net->path,
      "%u layers and %u blobs are announced, but %u and %u are there: the "
      "file is not whole, get it again", counts->layers, counts->blobs,
      layers, blobs);
}

static gboolean
parse (KilnNcnnNet *net, const char *text, gsize length, GError **error)
{
  g_autofree char *copy = NULL;
  g_auto (GStrv) lines = NULL;
  Counts counts = { 0 };

  if (length > KILN_NCNN_MAX_BYTES
      || (length > 0 && memchr (text, 0, length) != NULL))
    return kiln_model_fault (error, net->path,
        "this is no ncnn network: it is too large, or no text");
  copy = g_strndup (length > 0 ? text : "", length);
  lines = g_strsplit (copy, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_auto (GStrv) words = g_strsplit_set (lines[i], " \t\r", -1);
    Line line = { net, words, i + 1 };

    if (!read_line (&line, &counts, error))
      return FALSE;
  }
  return check_counts (net, &counts, error);
}

KilnNcnnNet *
kiln_ncnn_net_parse (const char *text, gsize length, const char *label,
    GError **error)
{
  g_autoptr (KilnNcnnNet) net = g_new0 (KilnNcnnNet, 1);

  net->path = g_strdup (label);
  net->strings = g_string_chunk_new (4096);
  net->layers = g_array_new (FALSE, FALSE, sizeof (KilnNcnnLayer));
  g_array_set_clear_func (net->layers, clear_layer);
  net->blobs = g_hash_table_new (g_str_hash, g_str_equal);
  net->names = g_hash_table_new (g_str_hash, g_str_equal);
  return parse (net, text, length, error) ? g_steal_pointer (&net) : NULL;
}

KilnNcnnNet *
kiln_ncnn_net_open (const char *path, GError **error)
{
  GMappedFile *mapping = g_mapped_file_new (path, FALSE, error);
  KilnNcnnNet *net;

  if (mapping == NULL)
    return NULL;
  net = kiln_ncnn_net_parse (g_mapped_file_get_contents (mapping),
      g_mapped_file_get_length (mapping), path, error);
  g_mapped_file_unref (mapping);
  return net;
}

void
kiln_ncnn_net_free (KilnNcnnNet *net)
{
  g_hash_table_unref (net->names);
  g_hash_table_unref (net->blobs);
  g_array_unref (net->layers);
  g_string_chunk_free (net->strings);
  g_free (net->path);
  g_free (net);
}

/* --- asking --- */

const char *
kiln_ncnn_net_get_path (const KilnNcnnNet *net)
{
  return net->path;
}

guint
kiln_ncnn_net_get_n_blobs (const KilnNcnnNet *net)
{
  return g_hash_table_size (net->blobs);
}

guint
kiln_ncnn_net_get_n_layers (const KilnNcnnNet *net)
{
  return net->layers->len;
}

const KilnNcnnLayer *
kiln_ncnn_net_get_layer (const KilnNcnnNet *net, guint index)
{
  g_return_val_if_fail (index < net->layers->len, NULL);
  return &g_array_index (net->layers, KilnNcnnLayer, index);
}

gboolean
kiln_ncnn_net_find_blob (const KilnNcnnNet *net, const char *name,
    guint *blob)
{
  guint number = GPOINTER_TO_UINT (g_hash_table_lookup (net->blobs, name));

  *blob = number - 1;
  return number > 0;
}

const KilnNcnnParam *
kiln_ncnn_layer_get_param (const KilnNcnnLayer *layer, guint id)
{
  for (guint i = 0; i < layer->n_params; i++)
    if (layer->params[i].id == id)
      return &layer->params[i];
  return NULL;
}

double
kiln_ncnn_layer_get_number (const KilnNcnnLayer *layer, guint id,
    double fallback)
{
  const KilnNcnnParam *param = kiln_ncnn_layer_get_param (layer, id);

  return param != NULL ? param->values[0] : fallback;
}
