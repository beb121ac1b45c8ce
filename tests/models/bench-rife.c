/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU seconds that a software device takes for a frame between two:
 *
 *     bench-rife FOLDER WIDTH HEIGHT [FRAMES]
 *
 * prints a line for each of FRAMES frames (3), after one that is not
 * counted, for which shaders may be compiled. */
#include <stdio.h>
#include <stdlib.h>

#include "net.h"
#include "../cpu-clock.h"
#include "../../src/models/rife.h"

/* Two frames of noise: what they show makes no difference. */
static KilnTensor *
add_frame (Net *net, const char *name, guint32 height, guint32 width)
{
  gsize n = 4 * (gsize) height * width;
  g_autofree float *rows = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    rows[i] = g_random_double ();
  return net_frame (net, name, height, width, rows);
}

int
main (int argc, char **argv)
{
  static const float half[] = { 0.5f };
  guint32 width = argc > 3 ? atoi (argv[2]) : 0;
  guint32 height = argc > 3 ? atoi (argv[3]) : 0;
  guint n = argc > 4 ? atoi (argv[4]) : 3;
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnDevice) device = kiln_device_open (NULL, &error);
  g_autoptr (KilnRife) rife = NULL;
  g_autoptr (KilnProgram) program = NULL;
  g_autoptr (Net) net = NULL;
  KilnTensor *previous, *next;

  if (argc < 4)
    return 1;
  g_assert_no_error (error);
  rife = kiln_rife_open (argv[1], &error);
  g_assert_no_error (error);
  net = net_new (device, KILN_F32);
  previous = add_frame (net, "previous", height, width);
  next = add_frame (net, "next", height, width);
  net_output (net, "frame", kiln_rife (net->graph, rife, previous, next,
          net_vector (net, "timestep", 1, half)));
  program = kiln_program_new (net->graph, device, net->store,
      (KilnExternal *) net->externals->data, net->externals->len, NULL,
      &error);
  g_assert_no_error (error);
  for (guint i = 0; i <= n; i++) {
    double start = cpu_seconds ();

    kiln_program_run (program, NULL, &error);
    g_assert_no_error (error);
    if (i > 0)
      printf ("%.3f\n", cpu_seconds () - start);
  }
  return 0;
}
