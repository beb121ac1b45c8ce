/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RIFE against what rife-ncnn-vulkan makes of the same frames; and networks
 * that are not what they should be. */
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
