/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RIFE against what rife-ncnn-vulkan makes of the same frames; and networks
 * that are not what they should be. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "golden.h"
#include "measure.h"
#include "net.h"
#include "../../src/models/rife.h"

#define N_TIMES 3

static KilnDevice *device;
static Golden *golden;
static const float times[N_TIMES] = { 0.25f, 0.5f, 0.7f };

/* ---- A network for frames of one size */

typedef struct {
  KilnRife *rife;
  Net *net;
  KilnProgram *program;
  guint32 height, width;
} Between;

static KilnBuffer *
buffer_of (const Net *net, const char *name)
{
  for (guint i = 0; i < net->externals->len; i++) {
    KilnExternal *external = &g_array_index (net->externals, KilnExternal, i);

    if (g_str_equal (external->name, name))
      return external->buffer;
  }
  g_assert_not_reached ();
}

static void
write_floats (Between *self, const char *name, const float *values, gsize n)
{
  g_autoptr (GError) error = NULL;

  kiln_buffer_write (buffer_of (self->net, name), 0, values,
      n * sizeof *values, &error);
  g_assert_no_error (error);
}

static Between *
between_new (const char *folder, KilnType type, guint32 height, guint32 width)
{
  static const float zero[1];
  Between *self = g_new0 (Between, 1);
  g_autofree float *planes = g_new0 (float, 4 * (gsize) height * width);
  g_autoptr (GError) error = NULL;
  KilnTensor *previous, *next, *timestep;

  self->rife = kiln_rife_open (folder, &error);
  g_assert_no_error (error);
  self->height = height;
  self->width = width;
  self->net = net_new (device, type);
  previous = net_frame (self->net, "previous", height, width, planes);
  next = net_frame (self->net, "next", height, width, planes);
  timestep = net_vector (self->net, "timestep", 1, zero);
  net_output (self->net, "frame", kiln_rife (self->net->graph, self->rife,
          previous, next, timestep));
  self->program = kiln_program_new (self->net->graph, device,
      self->net->store, (KilnExternal *) self->net->externals->data,
      self->net->externals->len, NULL, &error);
  g_assert_no_error (error);
  return self;
}

static void
between_free (Between *self)
{
  kiln_program_free (self->program);
  net_free (self->net);
  kiln_rife_free (self->rife);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Between, between_free)

static float *
between_run (Between *self, float time)
{
  const float timestep[4] = { time };
  g_autoptr (GError) error = NULL;
  gsize rows, channels;

  write_floats (self, "timestep", timestep, 4);
  kiln_program_run (self->program, NULL, &error);
  g_assert_no_error (error);
  return net_read_rows (self->net, "frame", &rows, &channels);
}

/* ---- Goldens */

static void
write_frame (Between *self, const char *name, const guint8 *rgb, float alpha)
{
  gsize n = (gsize) self->height * self->width;
  g_autofree float *rows = g_new (float, 4 * n);

  for (gsize i = 0; i < n; i++) {
    for (guint c = 0; c < 3; c++)
      rows[4 * i + c] = rgb[3 * i + c] / 255.0f;
    rows[4 * i + 3] = alpha;
  }
  write_floats (self, name, rows, 4 * n);
}

/* 8-bit colours as rife-ncnn-vulkan rounds them. */
static guint8 *
to_bytes (const float *rows, gsize n)
{
  guint8 *bytes = g_new (guint8, 3 * n);

  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < 3; c++)
      bytes[3 * i + c] = CLAMP (floorf (rows[4 * i + c] * 255 + 0.5f), 0, 255);
  return bytes;
}

static guint
largest_difference (const guint8 *a, const guint8 *b, gsize n)
{
  guint largest = 0;

  for (gsize i = 0; i < n; i++)
    largest = MAX (largest, (guint) ABS (a[i] - b[i]));
  return largest;
}

typedef struct {
  const char *version;
  KilnType type;
} Variant;

static char *
folder_of (const char *version)
{
  g_autofree char *name = g_strconcat ("rife-", version, NULL);

  return g_str_equal (version, "v4")
      ? g_build_filename (g_getenv ("SVD_GOLDEN_DIR"), "rife", "v4", NULL)
      : g_build_filename (g_getenv ("SVD_MODEL_PATH"), name, NULL);
}

static void
compare (const Variant *variant, guint pair, guint time, const guint8 *bytes,
    const guint8 *expected, gsize n)
{
  g_autofree char *stage = g_strdup_printf ("pair %u at %g", pair,
      times[time]);
  g_autofree char *column = g_strconcat (variant->version,
      variant->type == KILN_F16 ? " f16" : " f32", NULL);
  guint difference = largest_difference (bytes, expected, n);

  measure_psnr (stage, column, psnr_bytes (bytes, expected, n), 42);
  if (variant->type == KILN_F32 && difference > 1) {
    g_test_message ("%s differs by %u levels", stage, difference);
    g_test_fail ();
  }
}

static void
test_pair (const Variant *variant, guint pair, Between **between)
{
  const KilnWeightInfo *previous =
      &golden_entry (golden, "pair.%u/previous", pair)->info;
  const KilnWeightInfo *next =
      &golden_entry (golden, "pair.%u/next", pair)->info;
  const guint8 *expected =
      golden_entry (golden, "pair.%u/%s", pair, variant->version)->info.data;
  guint32 height = previous->shape[0], width = previous->shape[1];
  gsize n = (gsize) height * width;
  g_autofree char *folder = folder_of (variant->version);

  if (*between == NULL || (*between)->height != height
      || (*between)->width != width) {
    g_clear_pointer (between, between_free);
    *between = between_new (folder, variant->type, height, width);
  }
  write_frame (*between, "previous", previous->data, 1);
  write_frame (*between, "next", next->data, 0.5f);
  for (guint i = 0; i < N_TIMES; i++) {
    g_autofree float *rows = between_run (*between, times[i]);
    g_autofree guint8 *bytes = to_bytes (rows, n);

    compare (variant, pair, i, bytes, expected + i * 3 * n, 3 * n);
    g_assert_cmpfloat_with_epsilon (rows[3], 1 - 0.5f * times[i], 1e-6);
    g_assert_cmpfloat_with_epsilon (rows[4 * n - 1], 1 - 0.5f * times[i],
        1e-6);
  }
}

static void
test_goldens (gconstpointer data)
{
  g_autoptr (Between) between = NULL;
  guint n = golden_number (golden, "pairs", "count");

  g_assert_cmpuint (n, >=, 12);
  for (guint pair = 0; pair < n; pair++)
    test_pair (data, pair, &between);
}

/* ---- */

static void
test_alignment (void)
{
  static const struct
  {
    const char *version;
    guint alignment;
  } cases[] = { { "v4", 32 }, { "v4.26", 64 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *folder = folder_of (cases[i].version);
    g_autoptr (GError) error = NULL;
    g_autoptr (KilnRife) rife = kiln_rife_open (folder, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (kiln_rife_get_alignment (rife), ==, cases[i].alignment);
  }
}

/* ---- Networks made up on the spot */

#define ENDS "Input in0 0 1 in0\nInput in1 0 1 in1\nInput in2 0 1 in2\n"

static char *
make_folder (const char *layers, guint n_layers, guint n_blobs,
    guint n_weights)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("rife-test-XXXXXX", &error);
  g_autofree char *param = g_build_filename (folder, "flownet.param", NULL);
  g_autofree char *bin = g_build_filename (folder, "flownet.bin", NULL);
  g_autofree char *text = g_strdup_printf ("7767517\n%u %u\n" ENDS "%s",
      n_layers + 3, n_blobs + 3, layers);
  g_autofree float *weights = g_new0 (float, n_weights + 1);

  g_file_set_contents (param, text, -1, NULL);
  g_file_set_contents (bin, (const char *) weights, 4 * n_weights, NULL);
  return folder;
}

static void
remove_folder (const char *folder)
{
  static const char *const names[] = { "flownet.param", "flownet.bin" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (folder, names[i], NULL);

    g_unlink (path);
  }
  g_rmdir (folder);
}

static void
assert_message (const GError *error, const char *part)
{
  g_assert_nonnull (error);
  if (strstr (error->message, part) == NULL)
    g_error ("'%s' is not in: %s", part, error->message);
}

/* A layer from in0 (and in1) to out0; and what is said of it. */
static const struct {
  const char *layer;
  const char *part;
} unsupported[] = {
  { "Softmax s 1 1 in0 out0", "'s' (Softmax): layers of this type" },
  { "ReLU r 2 1 in0 in1 out0", "as many inputs and outputs" },
  { "ReLU r 1 1 in0 out0 1=3", "'r' (ReLU): one of its parameters" },
  { "Convolution c 1 1 in0 out0 0=1 1=3 11=1 6=9", "in all directions" },
  { "Convolution c 1 1 in0 out0 0=1 1=3 2=2 6=9", "dilation" },
  { "Convolution c 1 1 in0 out0 0=1 1=3 9=4 6=9", "activation" },
  { "Convolution c 1 1 in0 out0 0=1 1=1 3=3 6=1", "a power of two" },
  { "Convolution c 1 1 in0 out0 0=1 1=3 4=-1 6=9", "from 1 to 64" },
  { "BinaryOp b 2 1 in0 in1 out0 0=6", "its operation" },
  { "BinaryOp b 1 1 in0 out0 0=3 1=1 2=0", "its operation" },
  { "BinaryOp b 1 1 in0 out0 0=2", "two inputs" },
  { "Eltwise e 2 1 in0 in1 out0 0=0", "no sum" },
  { "Eltwise e 2 1 in0 in1 out0 0=1 -23301=1,2", "two factors" },
  { "Interp i 1 1 in0 out0 0=1 1=2 2=2", "bilinear" },
  { "Interp i 1 1 in0 out0 0=2 1=2 2=4", "one factor" },
  { "Interp i 1 1 in0 out0 0=2 1=3 2=3", "a power of two" },
  { "Interp i 1 1 in0 out0 0=2 1=1e-4 2=1e-4", "a power of two" },
  { "PixelShuffle p 1 1 in0 out0 0=2 1=1", "mode" },
  { "Crop c 1 1 in0 out0 -23309=1,0 -23310=1,1 -23311=1,1", "another axis" },
  { "Crop c 1 1 in0 out0 0=1", "one of its parameters" },
  { "Crop c 1 1 in0 out0 -23309=1,0", "one axis" },
  { "Concat c 2 1 in0 in1 out0 0=1", "another axis" },
  { "Slice s 1 1 in0 out0 -23300=2,1,1", "size for each output" },
  { "Clip c 1 1 in0 out0 0=0 1=255", "0 and 1" },
  { "MemoryData m 0 1 out0 0=4 2=3", "more than a vector" },
  { "ReLU r 1 1 in0 out1", "no RIFE network" },
};

static void
test_unsupported (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (unsupported); i++) {
    g_autofree char *folder = make_folder (unsupported[i].layer, 1, 1, 0);
    g_autoptr (GError) error = NULL;

    g_assert_null (kiln_rife_open (folder, &error));
    g_assert_error (error, KILN_ERROR, KILN_ERROR_MODEL);
    assert_message (error, unsupported[i].part);
    remove_folder (folder);
  }
}

/* Layers that are known, but do not go with what they are given. */
static const struct {
  const char *layers;
  guint n_layers, n_blobs, n_weights;
  const char *part;
} contradictions[] = {
  { "Convolution c 1 1 in0 out0 0=3 1=1 6=15", 1, 1, 16, "c.weight" },
  { "PReLU p 1 1 in0 out0 0=4", 1, 1, 4, "another number of channels" },
  { "Crop c 1 1 in0 out0 -23309=1,3 -23310=1,5 -23311=1,0", 1, 1, 0,
      "'c' (Crop): it takes channels" },
  { "Crop c 1 1 in0 out0 -23309=1,2 -23310=1,1 -23311=1,0", 1, 1, 0,
      "it takes channels" },
  { "Slice s 1 2 in0 out0 a -23300=2,2,2", 1, 2, 0, "more channels than" },
  { "Interp i 1 1 in0 a 0=2 1=2 2=2\nConcat c 2 1 in1 a out0", 2, 2, 0,
      "'c' (Concat): its inputs" },
  { "Interp i 1 1 in0 a 0=2 1=2 2=2\nBinaryOp b 2 1 in1 a out0 0=2", 2, 2, 0,
      "'b' (BinaryOp): its inputs" },
  { "PixelShuffle p 1 1 in0 out0 0=2", 1, 1, 0, "pixel shuffle" },
  { "Crop c 1 1 in1 a -23309=1,0 -23310=1,1 -23311=1,0\n"
      "rife.Warp w 2 1 in0 a out0", 2, 2, 0, "two channels" },
  { "MemoryData m 0 1 m 0=1 1=1 2=5\nBinaryOp b 2 1 in0 m out0 0=2", 2, 2,
      5, "'b' (BinaryOp): its inputs" },
};

static void
test_contradictions (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (contradictions); i++) {
    const KilnShape frame = { KILN_F32, 1, 40, 50, 4 };
    const KilnShape one = { KILN_F32, 1, 1, 1, 1 };
    g_autofree char *folder = make_folder (contradictions[i].layers,
        contradictions[i].n_layers, contradictions[i].n_blobs,
        contradictions[i].n_weights);
    g_autoptr (KilnGraph) graph = kiln_graph_new (KILN_F32);
    g_autoptr (GError) error = NULL;
    g_autoptr (KilnRife) rife = kiln_rife_open (folder, &error);

    g_assert_no_error (error);
    g_test_message ("%s", contradictions[i].layers);
    kiln_rife (graph, rife, kiln_graph_input (graph, "a", &frame),
        kiln_graph_input (graph, "b", &frame),
        kiln_graph_input (graph, "t", &one));
    g_assert_false (kiln_graph_check (graph, &error));
    assert_message (error, contradictions[i].part);
    remove_folder (folder);
  }
}

static void
test_missing (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kiln_rife_open ("/no/such/folder", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

/* Frames of unlike sizes. */
static void
test_frames (void)
{
  const KilnShape a = { KILN_F32, 1, 40, 50, 4 }, b = { KILN_F32, 1, 40, 51, 4 };
  const KilnShape one = { KILN_F32, 1, 1, 1, 1 };
  g_autofree char *folder = folder_of ("v4.26");
  g_autoptr (KilnGraph) graph = kiln_graph_new (KILN_F32);
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnRife) rife = kiln_rife_open (folder, &error);

  g_assert_no_error (error);
  kiln_rife (graph, rife, kiln_graph_input (graph, "a", &a),
      kiln_graph_input (graph, "b", &b), kiln_graph_input (graph, "t", &one));
  g_assert_false (kiln_graph_check (graph, &error));
  assert_message (error, "one size");
}

int
main (int argc, char **argv)
{
  static const Variant variants[] = {
    { "v4", KILN_F32 }, { "v4", KILN_F16 },
    { "v4.26", KILN_F32 }, { "v4.26", KILN_F16 },
  };
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kiln_device_open (NULL, &error);
  g_assert_no_error (error);
  golden = golden_open ("rife");
  g_test_add_func ("/rife/alignment", test_alignment);
  g_test_add_func ("/rife/unsupported", test_unsupported);
  g_test_add_func ("/rife/contradictions", test_contradictions);
  g_test_add_func ("/rife/missing", test_missing);
  g_test_add_func ("/rife/frames", test_frames);
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++) {
    g_autofree char *path = g_strdup_printf ("/rife/%s/%s",
        variants[i].version, variants[i].type == KILN_F16 ? "f16" : "f32");

    g_test_add_data_func (path, &variants[i], test_goldens);
  }
  result = g_test_run ();
  measure_print_table ();
  golden_free (golden);
  kiln_device_unref (device);
  return result;
}
