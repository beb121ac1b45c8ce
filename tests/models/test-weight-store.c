/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Weights on a device whose memory the host sees, and through staging
 * buffers on one where it does not; progress, and cancelling. */
#include <string.h>

#include "../../src/graph/program.h"

#define N_WEIGHTS 5

/* Two larger than a staging buffer, some small ones between: two blocks. */
static const KilnPack packs[N_WEIGHTS] = {
  { KILN_PACK_MATRIX, KILN_F32, 2050, 4098, 1 },
  { KILN_PACK_VECTOR, KILN_F32, 13 },
  { KILN_PACK_MATRIX, KILN_F16, 36, 20, 9 },
  { KILN_PACK_ROWS, KILN_F16, 5, 13 },
  { KILN_PACK_MATRIX, KILN_F32, 8000, 8000, 1 },
};
static const char *const names[N_WEIGHTS] = { "0", "1", "2", "3", "4" };

static guint16 *numbers;        /* what every weight begins with */
static KilnDevice *devices[2];  /* as it is, as a card */

static gboolean
find (KilnWeightSource *source, const char *name, KilnWeightInfo *info)
{
  const KilnPack *pack = &packs[*name - '0'];

  *info = (KilnWeightInfo) {
    .type = KILN_SOURCE_F16, .n_dims = 3,
    .shape = { pack->outputs, MAX (pack->inputs, 1), MAX (pack->taps, 1) },
    .data = (const guint8 *) numbers,
  };
  return TRUE;
}

static const char *
describe (KilnWeightSource *source)
{
  return "the test's numbers";
}

static KilnWeightSource source = { .find = find, .describe = describe };

typedef struct {
  KilnDevice *device;
  KilnWeightStore *store;
  KilnGraph *graph;
  KilnTensor *tensors[N_WEIGHTS];
  GCancellable *cancellable;
  gboolean cancels;             /* at the first report */
  guint n_reports;
  guint64 reported;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  KilnScope scope = kiln_scope_root (&source);
  g_autoptr (GError) error = NULL;

  self->device = devices[GPOINTER_TO_UINT (data)];
  self->store = kiln_weight_store_new (self->device);
  self->graph = kiln_graph_new (KILN_F32);
  for (guint i = 0; i < N_WEIGHTS; i++)
    self->tensors[i] =
        kiln_graph_weight (self->graph, &scope, &names[i], 1, &packs[i]);
  kiln_graph_check (self->graph, &error);
  g_assert_no_error (error);
  self->cancellable = g_cancellable_new ();
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_object_unref (self->cancellable);
  kiln_graph_free (self->graph);
  kiln_weight_store_free (self->store);
  g_assert_cmpuint (kiln_device_get_allocated (self->device, NULL), ==, 0);
}

static void
count (guint64 bytes, gpointer user_data)
{
  Fixture *self = user_data;

  self->n_reports++;
  self->reported += bytes;
  if (self->cancels)
    g_cancellable_cancel (self->cancellable);
}

static gboolean
load (Fixture *self, GError **error)
{
  self->n_reports = self->reported = 0;
  return kiln_weight_store_load (self->store, self->graph, count, self,
      self->cancellable, error);
}

static void
assert_weight (Fixture *self, guint i)
{
  KilnView view = kiln_weight_store_get (self->store, self->tensors[i]);
  KilnPackPart part = {
    KILN_SOURCE_F16, FALSE, 0, packs[i].outputs, (const guint8 *) numbers
  };
  gsize size = kiln_shape_bytes (&view.shape);
  g_autofree guint8 *wanted = g_malloc (size);
  g_autofree guint8 *loaded = g_malloc (size);
  g_autoptr (GError) error = NULL;

  kiln_pack_slices (&packs[i], &part, 1, 0, kiln_pack_n_slices (&packs[i]),
      wanted);
  kiln_buffer_read (view.buffer, view.offset, loaded, size, &error);
  g_assert_no_error (error);
  g_assert_true (memcmp (loaded, wanted, size) == 0);
}

static void
assert_loads (Fixture *self)
{
  guint64 missing = kiln_weight_store_get_missing (self->store, self->graph);
  g_autoptr (GError) error = NULL;

  load (self, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (self->reported, ==, missing);
  g_assert_cmpuint (kiln_weight_store_get_missing (self->store, self->graph),
      ==, 0);
  for (guint i = 0; i < N_WEIGHTS; i++)
    assert_weight (self, i);
}

static void
test_load (Fixture *self, gconstpointer data)
{
  assert_loads (self);
  g_assert_cmpuint (self->n_reports, >, 5);
}

/* Nothing is held then, and loading again works. */
static void
test_cancel (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->cancels = TRUE;
  g_assert_false (load (self, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (self->n_reports, ==, 1);
  g_assert_cmpuint (kiln_weight_store_get_bytes (self->store), ==, 0);
  g_assert_cmpuint (kiln_device_get_allocated (self->device, NULL), ==, 0);
  self->cancels = FALSE;
  g_cancellable_reset (self->cancellable);
  assert_loads (self);
}

static void
open_devices (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (devices); i++) {
    g_autoptr (GError) error = NULL;

    if (i == 1)
      g_setenv ("KILN_NOT_SOFTWARE", "1", TRUE);
    devices[i] = kiln_device_open (NULL, &error);
    g_assert_no_error (error);
  }
  g_unsetenv ("KILN_NOT_SOFTWARE");
}

int
main (int argc, char **argv)
{
  const KilnPack *largest = &packs[N_WEIGHTS - 1];
  gsize n = (gsize) largest->outputs * largest->inputs;
  gint status;

  g_test_init (&argc, &argv, NULL);
  open_devices ();
  /* No NaN among them, whose bits may change. */
  numbers = g_new (guint16, n);
  for (gsize i = 0; i < n; i++)
    numbers[i] = i * 40503 % 0x7c00;
  g_test_add ("/weight-store/load/seen", Fixture, GUINT_TO_POINTER (0),
      set_up, test_load, tear_down);
  g_test_add ("/weight-store/load/staged", Fixture, GUINT_TO_POINTER (1),
      set_up, test_load, tear_down);
  g_test_add ("/weight-store/cancel/seen", Fixture, GUINT_TO_POINTER (0),
      set_up, test_cancel, tear_down);
  g_test_add ("/weight-store/cancel/staged", Fixture, GUINT_TO_POINTER (1),
      set_up, test_cancel, tear_down);
  status = g_test_run ();
  g_free (numbers);
  for (guint i = 0; i < G_N_ELEMENTS (devices); i++)
    kiln_device_unref (devices[i]);
  return status;
}
