/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the frame between each two of a raw video, to measure optical flow, or
 * the RIFE network of a folder:
 *
 *     interpolate-pairs WIDTH HEIGHT TIME [FOLDER] <pairs.rgb >made.rgb
 *
 * Both are packed 8-bit RGB; frames 0 and 1 of the input make frame 0 of the
 * result, 2 and 3 frame 1. Says what a made frame cost in processor time. */
#include <stdio.h>
#include <stdlib.h>

#include "../cpu-clock.h"
#include "../../src/graph/program.h"
#include "../../src/models/optical-flow.h"
#include "../../src/models/rife.h"

typedef struct {
  KilnDevice *device;
  KilnRife *rife;               /* NULL: optical flow */
  KilnWeightStore *store;
  KilnBuffer *previous, *next, *time, *out;
  KilnProgram *program;
  guint width, height;
} Maker;

static void
must (gboolean ok, GError **error)
{
  if (ok)
    return;
  g_printerr ("%s\n", *error ? (*error)->message : "failed");
  exit (1);
}

static KilnBuffer *
new_buffer (Maker *self, const KilnShape *shape)
{
  GError *error = NULL;
  KilnBuffer *buffer = kiln_buffer_new (self->device, kiln_shape_bytes (shape),
      KILN_MEMORY_DEVICE, &error);

  must (buffer != NULL, &error);
  return buffer;
}

static KilnTensor *
build (Maker *self, KilnGraph *graph, KilnTensor *previous, KilnTensor *next,
    KilnTensor *time)
{
  if (self->rife != NULL)
    return kiln_rife (graph, self->rife, previous, next, time);
  return kiln_flow_interpolate (graph, previous, next,
      kiln_optical_flow (graph, previous, next), time);
}

static void
prepare (Maker *self)
{
  const KilnShape picture = { KILN_F32, 1, self->height, self->width, 4 };
  const KilnShape one = { KILN_F32, 1, 1, 1, 1 };
  g_autoptr (KilnGraph) graph = kiln_graph_new (KILN_F32);
  KilnTensor *previous = kiln_graph_input (graph, "previous", &picture);
  KilnTensor *next = kiln_graph_input (graph, "next", &picture);
  KilnTensor *time = kiln_graph_input (graph, "time", &one);
  KilnExternal externals[4];
  GError *error = NULL;

  kiln_graph_output (graph, build (self, graph, previous, next, time), "out");
  must (kiln_graph_check (graph, &error), &error);
  externals[0] = (KilnExternal) {
    "previous", self->previous = new_buffer (self, &picture)
  };
  externals[1] = (KilnExternal) {
    "next", self->next = new_buffer (self, &picture)
  };
  externals[2] = (KilnExternal) { "time", self->time = new_buffer (self, &one) };
  externals[3] = (KilnExternal) {
    "out", self->out = new_buffer (self, &picture)
  };
  self->program = kiln_program_new (graph, self->device, self->store,
      externals, 4, NULL, &error);
  must (self->program != NULL, &error);
}

static gboolean
read_picture (Maker *self, KilnBuffer *buffer)
{
  gsize n = (gsize) self->width * self->height;
  g_autofree guint8 *bytes = g_malloc (3 * n);
  g_autofree float *pixels = g_new (float, 4 * n);
  GError *error = NULL;

  if (fread (bytes, 3, n, stdin) != n)
    return FALSE;
  for (gsize i = 0; i < n; i++) {
    for (guint c = 0; c < 3; c++)
      pixels[4 * i + c] = bytes[3 * i + c] / 255.f;
    pixels[4 * i + 3] = 1;
  }
  must (kiln_buffer_write (buffer, 0, pixels, 16 * n, &error), &error);
  return TRUE;
}

static void
write_picture (Maker *self)
{
  gsize n = (gsize) self->width * self->height;
  g_autofree guint8 *bytes = g_malloc (3 * n);
  g_autofree float *pixels = g_new (float, 4 * n);
  GError *error = NULL;

  must (kiln_buffer_read (self->out, 0, pixels, 16 * n, &error), &error);
  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < 3; c++)
      bytes[3 * i + c] = CLAMP (pixels[4 * i + c] * 255 + 0.5f, 0, 255);
  must (fwrite (bytes, 3, n, stdout) == n, &error);
}

int
main (int argc, char **argv)
{
  Maker self = { 0 };
  GError *error = NULL;
  float time[4] = { 0 };
  double total = 0, least = G_MAXDOUBLE;
  guint n = 0;

  if (argc != 4 && argc != 5) {
    g_printerr ("%s WIDTH HEIGHT TIME [FOLDER] <pairs.rgb >made.rgb\n",
        argv[0]);
    return 1;
  }
  self.width = atoi (argv[1]);
  self.height = atoi (argv[2]);
  time[0] = g_ascii_strtod (argv[3], NULL);
  self.device = kiln_device_open (NULL, &error);
  must (self.device != NULL, &error);
  if (argc == 5) {
    self.rife = kiln_rife_open (argv[4], &error);
    must (self.rife != NULL, &error);
  }
  self.store = kiln_weight_store_new (self.device);
  prepare (&self);
  must (kiln_buffer_write (self.time, 0, time, sizeof time, &error), &error);
  while (read_picture (&self, self.previous)
      && read_picture (&self, self.next)) {
    double start = cpu_seconds ();

    must (kiln_program_run (self.program, NULL, &error), &error);
    /* The first run compiles shaders. */
    if (n++ > 0) {
      total += cpu_seconds () - start;
      least = MIN (least, cpu_seconds () - start);
    }
    write_picture (&self);
  }
  if (n > 1)
    g_printerr ("%.4f s of processor time a frame, at least %.4f\n",
        total / (n - 1), least);
  kiln_program_free (self.program);
  kiln_buffer_unref (self.previous);
  kiln_buffer_unref (self.next);
  kiln_buffer_unref (self.time);
  kiln_buffer_unref (self.out);
  kiln_weight_store_free (self.store);
  g_clear_pointer (&self.rife, kiln_rife_free);
  kiln_device_unref (self.device);
  return 0;
}
