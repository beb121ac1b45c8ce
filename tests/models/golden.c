/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "golden.h"

#include <json-glib/json-glib.h>
#include <stdlib.h>

struct _Golden
{
  char *name, *model_path;
  KilnSafetensors *tensors;
  JsonParser *parser;
};

static G_GNUC_NORETURN void
give_up (const char *what, const char *why)
{
  g_print ("Bail out! %s: %s; SVD_GOLDEN_DIR must be the folder that "
      "\"python3 tools/golden/make.py FOLDER\" has made\n", what, why);
  exit (1);
}

Golden *
golden_open (const char *name)
{
  const char *folder = g_getenv ("SVD_GOLDEN_DIR");
  Golden *self = g_new0 (Golden, 1);
  g_autofree char *tensors = NULL, *json = NULL;
  g_autoptr (GError) error = NULL;

  if (folder == NULL)
    give_up ("There are no goldens", "SVD_GOLDEN_DIR is not set");
  tensors = g_build_filename (folder, name, "golden.safetensors", NULL);
  json = g_build_filename (folder, name, "golden.json", NULL);
  self->name = g_strdup (name);
  self->model_path = g_build_filename (folder, name, "model", NULL);
  self->tensors = kiln_safetensors_open (tensors, &error);
  if (self->tensors == NULL)
    give_up ("The goldens cannot be read", error->message);
  self->parser = json_parser_new ();
  if (!json_parser_load_from_file (self->parser, json, &error))
    give_up ("The goldens cannot be read", error->message);
  return self;
}

void
golden_free (Golden *self)
{
  g_object_unref (self->parser);
  kiln_safetensors_unref (self->tensors);
  g_free (self->model_path);
  g_free (self->name);
  g_free (self);
}

const char *
golden_get_name (Golden *self)
{
  return self->name;
}

const char *
golden_get_model_path (Golden *self)
{
  return self->model_path;
}

KilnSafetensors *
golden_get_tensors (Golden *self)
{
  return self->tensors;
}

const KilnSafetensorsEntry *
golden_entry (Golden *self, const char *key_format, ...)
{
  g_autofree char *key = NULL;
  const KilnSafetensorsEntry *entry;
  va_list args;

  va_start (args, key_format);
  key = g_strdup_vprintf (key_format, args);
  va_end (args);
  entry = kiln_safetensors_find (self->tensors, key);
  if (entry == NULL)
    give_up (key, "the goldens have no such tensor");
  return entry;
}

float *
golden_floats (const KilnSafetensorsEntry *entry, gsize *n)
{
  g_assert_cmpstr (entry->dtype, ==, "F32");
  if (n != NULL)
    *n = entry->info.size / sizeof (float);
  return g_memdup2 (entry->info.data, entry->info.size);
}

/* planes [n][channels][positions] */
static float *
channels_last (const float *planes, gsize n, gsize channels, gsize positions)
{
  float *rows = g_new (float, n * channels * positions);

  for (gsize i = 0; i < n; i++)
    for (gsize c = 0; c < channels; c++)
      for (gsize p = 0; p < positions; p++)
        rows[(i * positions + p) * channels + c] =
            planes[(i * channels + c) * positions + p];
  return rows;
}

float *
golden_rows (const KilnSafetensorsEntry *entry, gsize *n_rows,
    gsize *channels)
{
  const guint64 *shape = entry->info.shape;
  g_autofree float *values = NULL;
  gsize n;

  values = golden_floats (entry, &n);
  if (entry->info.n_dims < 4) {
    *channels = shape[entry->info.n_dims - 1];
    *n_rows = n / *channels;
    return g_steal_pointer (&values);
  }
  /* With one clip, C before F H W is C before all positions. */
  *channels = shape[1];
  *n_rows = n / *channels;
  return entry->info.n_dims == 4
      ? channels_last (values, shape[0], shape[1], shape[2] * shape[3])
      : channels_last (values, 1, *channels, *n_rows);
}

double
golden_number (Golden *self, const char *object, const char *member)
{
  JsonObject *root =
      json_node_get_object (json_parser_get_root (self->parser));

  g_assert_true (json_object_has_member (root, object));
  root = json_object_get_object_member (root, object);
  g_assert_true (json_object_has_member (root, member));
  return json_object_get_double_member (root, member);
}
