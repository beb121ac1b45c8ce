/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiling shaders: side by side, each once, until cancelled, and while
 * weights are loaded. The driver's function and loading are wrapped. */
#include <gio/gio.h>
#include <svd/svd.h>

#include "../../src/graph/program.h"

#define PATIENCE (60 * G_TIME_SPAN_SECOND)

static GMutex lock;
static GCond changed;
static guint n_inside, n_calls;
static guint wanted_inside;     /* so many calls wait for one another */
static GCancellable *to_cancel; /* by the first call */
static gboolean wants_both;     /* loading and a call wait for each other */
static gboolean loading, were_both;

gboolean __wrap_kiln_weight_store_load (KilnWeightStore *store,
    KilnGraph *graph, KilnUploadFunc uploaded, gpointer user_data,
    GCancellable *cancellable, GError **error);
gboolean __real_kiln_weight_store_load (KilnWeightStore *store,
    KilnGraph *graph, KilnUploadFunc uploaded, gpointer user_data,
    GCancellable *cancellable, GError **error);

gboolean
__wrap_kiln_weight_store_load (KilnWeightStore *store, KilnGraph *graph,
    KilnUploadFunc uploaded, gpointer user_data, GCancellable *cancellable,
    GError **error)
{
  gint64 end = g_get_monotonic_time () + PATIENCE;
  gboolean result;

  g_mutex_lock (&lock);
  loading = TRUE;
  g_cond_broadcast (&changed);
  were_both |= n_inside > 0;
  while (wants_both && !were_both
      && g_cond_wait_until (&changed, &lock, end));
  wants_both = FALSE;
  g_mutex_unlock (&lock);
  result = __real_kiln_weight_store_load (store, graph, uploaded, user_data,
      cancellable, error);
  g_mutex_lock (&lock);
  loading = FALSE;
  g_mutex_unlock (&lock);
  return result;
}

VkResult __wrap_vkCreateComputePipelines (VkDevice device,
    VkPipelineCache cache, uint32_t n,
    const VkComputePipelineCreateInfo *infos,
    const VkAllocationCallbacks *allocator, VkPipeline *pipelines);
VkResult __real_vkCreateComputePipelines (VkDevice device,
    VkPipelineCache cache, uint32_t n,
    const VkComputePipelineCreateInfo *infos,
    const VkAllocationCallbacks *allocator, VkPipeline *pipelines);

VkResult
__wrap_vkCreateComputePipelines (VkDevice device, VkPipelineCache cache,
    uint32_t n, const VkComputePipelineCreateInfo *infos,
    const VkAllocationCallbacks *allocator, VkPipeline *pipelines)
{
  gint64 end = g_get_monotonic_time () + PATIENCE;

  g_mutex_lock (&lock);
  n_calls++;
  n_inside++;
  were_both |= loading;
  g_cond_broadcast (&changed);
  if (to_cancel != NULL)
    g_cancellable_cancel (to_cancel);
  /* Nobody leaves before so many have been inside at once. */
  while ((n_inside < wanted_inside || (wants_both && !loading))
      && g_cond_wait_until (&changed, &lock, end));
  if (n_inside >= wanted_inside)
    wanted_inside = 0;
  n_inside--;
  g_mutex_unlock (&lock);
  return __real_vkCreateComputePipelines (device, cache, n, infos, allocator,
      pipelines);
}

/* ---- A graph of several shaders, without weights */

static const KilnShape shape = { KILN_F32, 2, 4, 4, 24 };

static KilnGraph *
build (void)
{
  KilnGraph *graph = kiln_graph_new (KILN_F32);
  KilnTensor *x = kiln_graph_input (graph, "x", &shape);
  KilnTensor *h = kiln_affine (graph, x, NULL, NULL, &(KilnAffine) {
        .a_scale = 2, .activation = KILN_ACT_SILU, .type = KILN_F32 });

  h = kiln_attention (graph, kiln_add (graph, x, h), &(KilnAttention) {
        .heads = 1 });
  h = kiln_join (graph, h, h);
  h = kiln_convert (graph, kiln_concat (graph, h, h), KILN_F16);
  kiln_graph_output (graph, kiln_convert (graph, h, KILN_F32), "y");
  return graph;
}

static KilnBuffer *
new_buffer (KilnDevice *device)
{
  KilnBuffer *buffer = kiln_buffer_new (device, 16 * kiln_shape_bytes (&shape),
      KILN_MEMORY_DEVICE, NULL);

  g_assert_nonnull (buffer);
  return buffer;
}

static KilnProgram *
new_program (KilnDevice *device, GCancellable *cancellable, GError **error)
{
  g_autoptr (KilnGraph) graph = build ();
  g_autoptr (KilnBuffer) x = new_buffer (device);
  g_autoptr (KilnBuffer) y = new_buffer (device);
  const KilnExternal externals[] = { { "x", x }, { "y", y } };

  return kiln_program_new (graph, device, NULL, externals,
      G_N_ELEMENTS (externals), cancellable, error);
}

static gpointer
make_and_run (gpointer device)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnProgram) program = new_program (device, NULL, &error);

  g_assert_no_error (error);
  kiln_program_run (program, NULL, &error);
  g_assert_no_error (error);
  return NULL;
}

static KilnDevice *
open_device (void)
{
  g_autoptr (GError) error = NULL;
  KilnDevice *device = kiln_device_open (NULL, &error);

  g_assert_no_error (error);
  n_calls = 0;
  return device;
}

/* ---- Tests */

static void
test_side_by_side (void)
{
  g_autoptr (KilnDevice) device = open_device ();
  guint n;

  if (g_get_num_processors () < 2) {
    g_test_skip ("There is one processor only");
    return;
  }
  wanted_inside = 2;
  make_and_run (device);
  g_assert_cmpuint (wanted_inside, ==, 0);
  n = n_calls;
  g_assert_cmpuint (n, >=, 4);
  make_and_run (device);
  g_assert_cmpuint (n_calls, ==, n);
}

/* Two programs of one device that want the same at the same time. */
static void
test_each_once (void)
{
  g_autoptr (KilnDevice) first = open_device ();
  g_autoptr (KilnDevice) second = NULL;
  GThread *threads[2];
  guint n;

  make_and_run (first);
  n = n_calls;
  second = open_device ();
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("program", make_and_run, second);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (n_calls, ==, n);
}

/* No more than what was under way is compiled, and nothing is spoiled. */
static void
test_cancel (void)
{
  g_autoptr (KilnDevice) device = open_device ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  guint n;

  to_cancel = cancellable;
  g_assert_null (new_program (device, cancellable, &error));
  to_cancel = NULL;
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (n_calls, <=, g_get_num_processors ());
  n = n_calls;
  make_and_run (device);
  g_assert_cmpuint (n_calls, >=, MAX (n, 4));
}

/* The shaders of the model's own size, of which nothing is left for the first
 * clip but the two programs of a step, and weights. */
static void
test_beside_loading (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdDevice) device = svd_device_open (NULL, &error);
  g_autoptr (SvdModel) model = svd_model_open ("svd-tiny", &error);
  g_autoptr (SvdSampler) sampler = NULL;
  g_auto (SvdConditioning) conditioning = { 0 };
  g_auto (SvdLatents) latents = { 0 };
  const SvdModelInfo *info;
  guint n;

  g_assert_no_error (error);
  info = svd_model_get_info (model);
  n_calls = 0;
  were_both = FALSE;
  wants_both = TRUE;
  sampler = svd_sampler_new (device, model, NULL, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (were_both);
  n = n_calls;
  g_assert_cmpuint (n, >, 4);

  conditioning = (SvdConditioning) {
    .width = info->width / info->factor,
    .height = info->height / info->factor,
    .channels = info->latent_channels,
    .embedding_size = info->embedding_size,
    .image_embedding = g_new0 (float, info->embedding_size),
  };
  conditioning.image_latents = g_new0 (float, conditioning.channels
      * conditioning.height * conditioning.width);
  svd_sampler_sample (sampler, &conditioning, &(SvdSampleParams) {
        .steps = 1, .motion_bucket_id = -1, .min_guidance_scale = -1,
        .max_guidance_scale = -1 }, NULL, NULL, &latents, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_calls, <=, n + 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/compile/side-by-side", test_side_by_side);
  g_test_add_func ("/compile/each-once", test_each_once);
  g_test_add_func ("/compile/cancel", test_cancel);
  g_test_add_func ("/compile/beside-loading", test_beside_loading);
  return g_test_run ();
}
