/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <string.h>
#include "../../src/stage.h"

Net *
net_new (KilnDevice *device, KilnType type)
{
  Net *self = g_new0 (Net, 1);

  self->device = device;
  self->graph = kiln_graph_new (type);
  self->own_store = kiln_weight_store_new (device);
  self->store = self->own_store;
  self->externals = g_array_new (FALSE, FALSE, sizeof (KilnExternal));
  self->shapes = g_array_new (FALSE, FALSE, sizeof (KilnShape));
  return self;
}

void
net_free (Net *self)
{
  for (guint i = 0; i < self->externals->len; i++) {
    KilnExternal *external = &g_array_index (self->externals, KilnExternal, i);

    g_free ((gpointer) external->name);
    kiln_buffer_unref (external->buffer);
  }
  g_array_unref (self->externals);
  g_array_unref (self->shapes);
  kiln_weight_store_free (self->own_store);
  kiln_graph_free (self->graph);
  g_free (self);
}

void
net_share_weights (Net *self, KilnWeightStore *store)
{
  self->store = store;
}

static KilnBuffer *
add_external (Net *self, const char *name, const KilnShape *shape)
{
  g_autoptr (GError) error = NULL;
  KilnExternal external = {
    g_strdup (name),
    kiln_buffer_new (self->device, kiln_shape_bytes (shape),
        KILN_MEMORY_DEVICE, &error)
  };

  g_assert_no_error (error);
  g_array_append_val (self->externals, external);
  g_array_append_val (self->shapes, *shape);
  return external.buffer;
}

static KilnTensor *
add_input (Net *self, const char *name, const KilnShape *shape,
    const float *rows)
{
  KilnBuffer *buffer = add_external (self, name, shape);
  g_autoptr (GError) error = NULL;

  kiln_buffer_write (buffer, 0, rows, kiln_shape_bytes (shape), &error);
  g_assert_no_error (error);
  return kiln_graph_input (self->graph, name, shape);
}

KilnTensor *
net_planes (Net *self, const char *name, guint32 frames, guint32 height,
    guint32 width, guint32 channels, const float *planes)
{
  KilnShape shape = { KILN_F32, frames, height, width, channels };
  g_autofree float *rows = g_malloc (kiln_shape_bytes (&shape));
  KilnTensor *input;

  svd_planes_to_rows (planes, &shape, 1, rows);
  input = add_input (self, name, &shape, rows);
  return kiln_convert (self->graph, input, kiln_graph_precision (self->graph));
}

KilnTensor *
net_frame (Net *self, const char *name, guint32 height, guint32 width,
    const float *rows)
{
  return add_input (self, name, &(KilnShape) { KILN_F32, 1, height, width, 4 },
      rows);
}

KilnTensor *
net_vector (Net *self, const char *name, guint32 n, const float *values)
{
  KilnShape shape = svd_vector_shape (n);
  g_autofree float *row = g_malloc0 (kiln_shape_bytes (&shape));

  memcpy (row, values, n * sizeof *row);
  return add_input (self, name, &shape, row);
}

void
net_output (Net *self, const char *name, KilnTensor *tensor)
{
  KilnTensor *copy = kiln_affine (self->graph, tensor, NULL, NULL,
      &(KilnAffine) { .a_scale = 1, .type = KILN_F32 });
  g_autoptr (GError) error = NULL;

  kiln_graph_check (self->graph, &error);
  g_assert_no_error (error);
  kiln_graph_output (self->graph, copy, name);
  add_external (self, name, kiln_tensor_shape (copy));
}

void
net_run (Net *self)
{
  g_autoptr (KilnProgram) program = NULL;
  g_autoptr (GError) error = NULL;

  program = kiln_program_new (self->graph, self->device, self->store,
      (KilnExternal *) self->externals->data, self->externals->len, NULL, &error);
  g_assert_no_error (error);
  kiln_program_run (program, NULL, &error);
  g_assert_no_error (error);
}

/* Rows as they lie in the buffer. */
static float *
read_external (Net *self, const char *name, KilnShape *shape)
{
  for (guint i = 0; i < self->externals->len; i++) {
    KilnExternal *external = &g_array_index (self->externals, KilnExternal, i);
    g_autoptr (GError) error = NULL;
    float *rows;

    if (!g_str_equal (external->name, name))
      continue;
    *shape = g_array_index (self->shapes, KilnShape, i);
    rows = g_malloc (kiln_shape_bytes (shape));
    kiln_buffer_read (external->buffer, 0, rows, kiln_shape_bytes (shape),
        &error);
    g_assert_no_error (error);
    return rows;
  }
  g_assert_not_reached ();
}

float *
net_read_rows (Net *self, const char *name, gsize *n_rows, gsize *channels)
{
  KilnShape shape;
  float *rows = read_external (self, name, &shape);
  guint32 stride = kiln_shape_stride (&shape);

  *n_rows = kiln_shape_rows (&shape);
  *channels = shape.channels;
  for (gsize i = 0; i < *n_rows; i++)
    memmove (rows + i * *channels, rows + i * stride,
        *channels * sizeof *rows);
  return rows;
}

float *
net_read_planes (Net *self, const char *name)
{
  KilnShape shape;
  g_autofree float *rows = read_external (self, name, &shape);
  float *planes = g_new (float, kiln_shape_rows (&shape) * shape.channels);

  svd_rows_to_planes (rows, &shape, planes);
  return planes;
}
