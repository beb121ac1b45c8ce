/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A chain of layers that tools/ncnn_speed.py gives to ncnn, too:
 *
 *     bench-chain FOLDER conv|linear f32|f16 HEIGHT WIDTH CHANNELS CHANNELS…
 *
 * are 3×3 convolutions or linear layers from each number of channels to the
 * next. Weights are FOLDER/net.bin as ncnn has it, the input FOLDER/input,
 * fp32 planes. For each line of standard input all of it runs once and the CPU
 * seconds are printed; in the end FOLDER/output gets the result's planes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "../cpu-clock.h"

#define MAX_LAYERS 8

typedef struct {
  KilnWeightSource source;
  const guint8 *data;
  gboolean conv;
  guint32 channels[MAX_LAYERS + 1];
  guint n_layers;
} Chain;

static gsize
weight_bytes (const Chain *chain, guint i)
{
  return sizeof (float) * (chain->conv ? 9 : 1)
      * chain->channels[i] * chain->channels[i + 1];
}

/* Layers are called "0", "1"…; in the file each is four bytes, which say
 * fp32, and its numbers. */
static gboolean
find (KilnWeightSource *source, const char *name, KilnWeightInfo *info)
{
  const Chain *chain = (const Chain *) source;
  guint i = atoi (name);
  gsize offset = 4;

  if (!g_str_has_suffix (name, ".weight"))
    return FALSE;
  for (guint j = 0; j < i; j++)
    offset += weight_bytes (chain, j) + 4;
  *info = (KilnWeightInfo) {
    .type = KILN_SOURCE_F32,
    .n_dims = chain->conv ? 4 : 2,
    .shape = { chain->channels[i + 1], chain->channels[i], 3, 3 },
    .data = chain->data + offset,
    .size = weight_bytes (chain, i),
  };
  return TRUE;
}

static const char *
describe (KilnWeightSource *source)
{
  return "the chain's weights";
}

static char *
read_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;
  char *data;

  g_file_get_contents (path, &data, NULL, &error);
  g_assert_no_error (error);
  return data;
}

static KilnTensor *
add_layers (Net *net, Chain *chain, KilnTensor *x)
{
  KilnScope root = kiln_scope_root (&chain->source);

  for (guint i = 0; i < chain->n_layers; i++) {
    KilnScope scope = kiln_scope (&root, "%u", i);
    guint32 outputs = chain->channels[i + 1];

    x = chain->conv ? kiln_conv2d (net->graph, &scope, x, &(KilnConv) {
          outputs, 3, .pad = 1, .pad_end = 1 }, NULL)
        : kiln_linear (net->graph, &scope, x, outputs, NULL);
  }
  return x;
}

static void
run_for_each_line (Net *net)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnProgram) program = kiln_program_new (net->graph, net->device,
      net->store, (KilnExternal *) net->externals->data, net->externals->len,
      NULL, &error);

  g_assert_no_error (error);
  while (getchar () == '\n') {
    double start = cpu_seconds ();

    kiln_program_run (program, NULL, &error);
    g_assert_no_error (error);
    printf ("%.6f\n", cpu_seconds () - start);
    fflush (stdout);
  }
}

static void
write_output (Net *net, const char *folder, gsize n)
{
  g_autofree char *path = g_build_filename (folder, "output", NULL);
  g_autofree float *planes = net_read_planes (net, "output");
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, (char *) planes, n * sizeof *planes, &error);
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  Chain chain = { { .find = find, .describe = describe } };
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnDevice) device = NULL;
  g_autoptr (Net) net = NULL;
  g_autofree char *weights = NULL, *input = NULL;
  guint32 height, width;

  if (argc < 8 || argc > 7 + MAX_LAYERS)
    return 1;
  chain.conv = strcmp (argv[2], "conv") == 0;
  height = atoi (argv[4]);
  width = atoi (argv[5]);
  chain.n_layers = argc - 7;
  for (guint i = 0; i <= chain.n_layers; i++)
    chain.channels[i] = atoi (argv[6 + i]);
  weights = read_file (argv[1], "net.bin");
  chain.data = (const guint8 *) weights;
  input = read_file (argv[1], "input");
  device = kiln_device_open (NULL, &error);
  g_assert_no_error (error);
  net = net_new (device, strcmp (argv[3], "f16") == 0 ? KILN_F16 : KILN_F32);
  net_output (net, "output", add_layers (net, &chain, net_planes (net, "input",
              1, height, width, chain.channels[0], (float *) input)));
  run_for_each_line (net);
  write_output (net, argv[1], (gsize) height * width
      * chain.channels[chain.n_layers]);
  return 0;
}
