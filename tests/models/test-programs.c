/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs of whole networks: memory as planned, weights shared, errors
 * that say what is wrong, cancelling in the midst of a step. */
#include <math.h>
#include <string.h>
#include <svd/svd.h>

#include "measure.h"
#include "networks.h"
#include "../cpu-clock.h"
#include "../../src/graph/plan.h"
#include "../../src/models/spatiotemporal-unet.h"

static KilnDevice *device;

/* ---- Memory */

static KilnProgram *
new_program (Net *net, KilnWeightStore *store)
{
  g_autoptr (GError) error = NULL;
  KilnProgram *program = kiln_program_new (net->graph, device, store,
      (KilnExternal *) net->externals->data, net->externals->len, NULL,
      &error);

  g_assert_no_error (error);
  return program;
}

static guint64
allocated (void)
{
  return kiln_device_get_allocated (device, NULL);
}

static void
assert_near (const char *what, guint64 actual, guint64 planned)
{
  g_test_message ("%s: %" G_GUINT64_FORMAT " bytes, planned %"
      G_GUINT64_FORMAT, what, actual, planned);
  g_assert_cmpfloat (fabs ((double) actual - planned), <=, 0.05 * planned);
}

static Net *
build_large_unet (const Checkpoint *checkpoint)
{
  const guint32 frames = 4, height = 24, width = 32, channels = 8;
  g_autofree float *zeros =
      g_new0 (float, frames * height * width * channels);

  return build_unet (checkpoint, &(UnetCase) {
        frames, height, width, channels, zeros, zeros, zeros, zeros });
}

static void
test_memory (void)
{
  g_auto (Checkpoint) checkpoint = { 0 };
  g_autoptr (Net) net = NULL;
  g_autoptr (KilnProgram) program = NULL;
  guint64 at_first = allocated (), with_externals;
  KilnPlan plan;

  checkpoint_init (&checkpoint, "alpha", device, KILN_F32);
  net = build_large_unet (&checkpoint);
  with_externals = allocated ();
  g_assert_true (kiln_graph_plan (net->graph, &plan, NULL));
  program = new_program (net, net->store);
  assert_near ("inputs and outputs", with_externals - at_first,
      plan.external_bytes);
  assert_near ("weights and arena", allocated () - with_externals,
      plan.weight_bytes + plan.arena_bytes);
  g_clear_pointer (&program, kiln_program_free);
  g_clear_pointer (&net, net_free);
  checkpoint_clear (&checkpoint);
  g_assert_cmpuint (allocated (), ==, at_first);
}

/* The second program of a store costs its arena only, and computes the
 * same as with weights of its own. */
static void
test_shared_weights (void)
{
  g_auto (Checkpoint) checkpoint = { 0 };
  g_autoptr (Net) first = NULL, second = NULL;
  g_autoptr (KilnProgram) program = NULL, small = NULL;
  g_autofree float *values = NULL, *expected = NULL;
  g_autoptr (GError) error = NULL;
  guint64 before;
  KilnPlan plan;
  gsize n;

  checkpoint_init (&checkpoint, "alpha", device, KILN_F32);
  first = build_large_unet (&checkpoint);
  program = new_program (first, first->store);
  second = build_golden_unet (&checkpoint, 1);
  g_assert_true (kiln_graph_plan (second->graph, &plan, NULL));
  before = allocated ();
  small = new_program (second, first->store);
  assert_near ("second program", allocated () - before, plan.arena_bytes);
  kiln_program_run (small, NULL, &error);
  g_assert_no_error (error);
  values = net_read_planes (second, "out");
  expected = golden_floats (golden_entry (checkpoint.golden,
          "unet/case.1/out"), &n);
  measure_error ("UNet with shared weights", checkpoint.column,
      relative_l2 (values, expected, n), 3e-5);
}

/* ---- Errors of building */

/* A checkpoint in which one tensor is missing, one has another shape and one
 * a type that nothing reads. */
typedef struct {
  KilnWeightSource parent;
  KilnWeightSource *whole;
  const char *missing, *reshaped, *unusable;
} Spoiled;

static gboolean
spoiled_find (KilnWeightSource *source, const char *name,
    KilnWeightInfo *info)
{
  Spoiled *self = (Spoiled *) source;

  if (g_strcmp0 (name, self->missing) == 0
      || g_strcmp0 (name, self->unusable) == 0
      || !self->whole->find (self->whole, name, info))
    return FALSE;
  if (g_strcmp0 (name, self->reshaped) == 0)
    info->shape[0]++;
  return TRUE;
}

static const char *
spoiled_get_unusable_type (KilnWeightSource *source, const char *name)
{
  Spoiled *self = (Spoiled *) source;

  return g_strcmp0 (name, self->unusable) == 0 ? "F8_E4M3" : NULL;
}

static const char *
spoiled_describe (KilnWeightSource *source)
{
  return "spoiled.safetensors";
}

static void
build_spoiled (Spoiled *spoiled, KilnGraph *graph, SvdModelFiles *files)
{
  const SvdUnetConfig *config = svd_model_files_get_unet_config (files, NULL);
  const KilnShape sample = { KILN_F32, 2, 8, 8, config->in_channels };
  const KilnShape one = { KILN_F32, 1, 1, 1, 1 };
  const KilnShape ids = { KILN_F32, 1, 1, 1, 3 };
  const KilnShape frames = { KILN_F32, 1, 1, 1, 2 };
  const KilnShape context = {
    KILN_F32, 1, 1, 1, config->cross_attention_dim[0]
  };
  const SvdUnetInputs inputs = {
    kiln_graph_input (graph, "sample", &sample),
    kiln_graph_input (graph, "timestep", &one),
    kiln_graph_input (graph, "ids", &ids),
    kiln_graph_input (graph, "frames", &frames),
    kiln_graph_input (graph, "context", &context),
  };
  KilnScope scope;

  spoiled->parent.find = spoiled_find;
  spoiled->parent.describe = spoiled_describe;
  spoiled->parent.get_unusable_type = spoiled_get_unusable_type;
  spoiled->whole = svd_model_files_get_source (files, SVD_PART_UNET, FALSE,
      NULL);
  scope = kiln_scope_root (&spoiled->parent);
  kiln_graph_output (graph, svd_unet (graph, &scope, config, &inputs), "out");
}

/* The error names all of these, and a program of the graph fails with it
 * as well. */
static void
assert_refused (Spoiled *spoiled, const char *const *parts)
{
  g_auto (Checkpoint) checkpoint = { 0 };
  g_autoptr (KilnGraph) graph = kiln_graph_new (KILN_F32);
  g_autoptr (GError) error = NULL, again = NULL;

  checkpoint_init (&checkpoint, "alpha", device, KILN_F32);
  build_spoiled (spoiled, graph, checkpoint.files);
  g_assert_false (kiln_graph_check (graph, &error));
  g_assert_error (error, KILN_ERROR, KILN_ERROR_MODEL);
  g_test_message ("%s", error->message);
  for (guint i = 0; parts[i] != NULL; i++)
    g_assert_nonnull (strstr (error->message, parts[i]));
  g_assert_null (kiln_program_new (graph, device, NULL, NULL, 0, NULL,
          &again));
  g_assert_cmpstr (again->message, ==, error->message);
}

static void
test_missing_tensor (void)
{
  static const char missing[] = "mid_block.resnets.1.spatial_res_block.conv1."
      "weight";

  assert_refused (&(Spoiled) { .missing = missing },
      (const char *[]) { missing, "spoiled.safetensors", NULL });
}

/* A bias is no less an error, though layers without one are none. */
static void
test_unusable_type (void)
{
  static const char weight[] = "mid_block.resnets.1.spatial_res_block.conv1."
      "weight";
  static const char bias[] = "conv_in.bias";

  assert_refused (&(Spoiled) { .unusable = weight },
      (const char *[]) { weight, "F8_E4M3", "spoiled.safetensors", NULL });
  assert_refused (&(Spoiled) { .unusable = bias },
      (const char *[]) { bias, "F8_E4M3", NULL });
}

static void
test_wrong_shape (void)
{
  static const char reshaped[] = "conv_in.weight";

  assert_refused (&(Spoiled) { .reshaped = reshaped },
      (const char *[]) { reshaped, "spoiled.safetensors", "[33, 8, 3, 3]",
        "[32, 8", NULL });
}

/* Of several errors the first comes out. */
static void
test_first_error_sticks (void)
{
  static const char missing[] = "mid_block.resnets.0.spatial_res_block.conv1."
      "weight";
  static const char reshaped[] = "conv_in.weight";

  assert_refused (&(Spoiled) { .missing = missing, .reshaped = reshaped },
      (const char *[]) { reshaped, NULL });
  assert_refused (&(Spoiled) { .missing = missing,
        .reshaped = "conv_out.weight" }, (const char *[]) { missing, NULL });
}

/* ---- Cancelling */

typedef struct {
  GCancellable *cancellable;
  GThread *thread;
  gint64 cancelled_at;
  double cpu_seconds;           /* of the process, at that moment */
  guint n_reports;
} Cancelling;

static gpointer
cancel_soon (gpointer data)
{
  Cancelling *self = data;

  g_usleep (300 * 1000);
  self->cancelled_at = g_get_monotonic_time ();
  self->cpu_seconds = cpu_seconds ();
  g_cancellable_cancel (self->cancellable);
  return NULL;
}

static void
start_cancelling (const char *phase, guint64 done, guint64 total,
    gpointer user_data)
{
  Cancelling *self = user_data;

  if (self->n_reports++ == 0)
    self->thread = g_thread_new ("cancel", cancel_soon, self);
}

static SvdConditioning
blank_conditioning (guint width, guint height)
{
  return (SvdConditioning) {
    .width = width, .height = height, .channels = 4, .embedding_size = 48,
    .image_latents = g_new0 (float, 4 * width * height),
    .image_embedding = g_new0 (float, 48),
    .noise_aug_strength = 0.02,
  };
}

static void
cancel_in_step (SvdSampler *sampler)
{
  g_auto (SvdConditioning) conditioning = blank_conditioning (128, 72);
  g_auto (SvdLatents) latents = { 0 };
  const SvdSampleParams params = { .num_frames = 14, .steps = 3 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Cancelling cancelling = { .cancellable = cancellable };
  double wall, cpu;

  g_assert_false (svd_sampler_sample (sampler, &conditioning, &params,
          start_cancelling, &cancelling, &latents, cancellable, &error));
  wall = (g_get_monotonic_time () - cancelling.cancelled_at) * 1e-6;
  cpu = cpu_seconds () - cancelling.cpu_seconds;
  g_thread_join (cancelling.thread);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (cancelling.n_reports, ==, 1);
  g_test_message ("cancelled after %.2f s (%.2f s of processor time)", wall,
      cpu);
  /* What was under way kept all cores of a software device busy: on a
   * machine shared with others the processor time is what counts. */
  g_assert_cmpfloat (MIN (wall, cpu / g_get_num_processors ()), <, 1);
}

/* After it the sampler works as before. */
static void
test_cancel (void)
{
  g_autoptr (Golden) golden = golden_open ("alpha");
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModel) model =
      svd_model_open (golden_get_model_path (golden), &error);
  g_autoptr (SvdSampler) sampler = NULL;
  g_auto (SvdConditioning) conditioning = blank_conditioning (8, 8);
  g_auto (SvdLatents) latents = { 0 };
  const SvdSampleParams params = { .num_frames = 1, .steps = 1 };

  g_assert_no_error (error);
  /* An SvdDevice is the engine's under its public name. */
  sampler = svd_sampler_new ((SvdDevice *) device, model,
      &(SvdStageOptions) { SVD_PRECISION_FP32 }, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  cancel_in_step (sampler);
  svd_sampler_sample (sampler, &conditioning, &params, NULL, NULL, &latents,
      NULL, &error);
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kiln_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/programs/memory", test_memory);
  g_test_add_func ("/programs/shared-weights", test_shared_weights);
  g_test_add_func ("/programs/missing-tensor", test_missing_tensor);
  g_test_add_func ("/programs/wrong-shape", test_wrong_shape);
  g_test_add_func ("/programs/unusable-type", test_unusable_type);
  g_test_add_func ("/programs/first-error-sticks", test_first_error_sticks);
  g_test_add_func ("/programs/cancel", test_cancel);
  result = g_test_run ();
  kiln_device_unref (device);
  return result;
}
