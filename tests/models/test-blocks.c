/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the modules inside the networks return, against diffusers: where a
 * network is off, this says from which block on.
 *
 * Models are functions that leave nothing behind but a graph, so a module
 * is found by its last layer's weight: the operation that reads
 * "PATH.conv2.weight" makes what the module PATH returns. */
#include <string.h>

#include "measure.h"
#include "networks.h"
#include "../../src/graph/private.h"

#define AT_MOST_F32 3e-5
#define AT_MOST_F16 8e-3

typedef struct {
  const char *checkpoint;
  KilnType type;
} Variant;

/* A module with its golden. */
typedef struct {
  const KilnSafetensorsEntry *golden;
  const char *path;
  KilnTensor *tensor;
} Module;

static KilnDevice *device;

/* ---- Finding modules */

static gboolean
reads_weight (const KilnNode *node, const char *name)
{
  g_autofree char *part = g_strdup_printf (" %s ", name);

  for (guint i = 0; i < node->n_inputs; i++)
    if (node->inputs[i] != NULL && node->inputs[i]->weight != NULL
        && strstr (node->inputs[i]->weight->key, part) != NULL)
      return TRUE;
  return FALSE;
}

static KilnTensor *
find_layer (KilnGraph *graph, const char *path, const char *layer)
{
  g_autofree char *name = g_strconcat (path, layer, NULL);

  for (guint i = 0; i < graph->nodes->len; i++) {
    const KilnNode *node = graph->nodes->pdata[i];

    if (reads_weight (node, name))
      return node->output;
  }
  return NULL;
}

/* Last layers of all kinds of modules; where several are there, the first
 * in this list is the later one. */
static KilnTensor *
find_module (KilnGraph *graph, const char *path)
{
  static const char *const layers[] = {
    ".downsamplers.0.conv.weight",
    ".upsamplers.0.conv.weight",
    ".attentions.2.proj_out.weight",
    ".attentions.1.proj_out.weight",
    ".resnets.2.temporal_res_block.conv2.weight",
    ".resnets.2.conv2.weight",
    ".resnets.1.temporal_res_block.conv2.weight",
    ".resnets.1.conv2.weight",
    ".attentions.0.proj_out.weight",
    ".resnets.0.temporal_res_block.conv2.weight",
    ".resnets.0.conv2.weight",
    ".temporal_res_block.conv2.weight",
    ".conv2.weight",
    ".conv.weight",
    ".proj_out.weight",
    ".ff.net.2.weight",
    ".mlp.fc2.weight",
    ".to_out.0.weight",
    ".linear_2.weight",
    ".position_embedding.weight",
    ".weight",
  };

  for (guint i = 0; i < G_N_ELEMENTS (layers); i++) {
    KilnTensor *tensor = find_layer (graph, path, layers[i]);

    if (tensor != NULL)
      return tensor;
  }
  return NULL;
}

/* Modules' arguments, and modules whose own result exists nowhere: later
 * additions, blends and activations are done in the same operation. */
static gboolean
is_not_there (const char *path)
{
  static const char *const ends[] = {
    "attn1", "ff", "ff_in", "mlp", "self_attn", "proj_out",
    "temporal_res_block", "conv_norm_out", "emb", "pixel_values",
    "image_embeds",
  };
  const char *dot = strrchr (path, '.');

  if (strchr (path, '/') != NULL)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    if (g_str_equal (dot ? dot + 1 : path, ends[i]))
      return TRUE;
  /* The temporal block by itself, "….temporal_transformer_blocks.N". */
  path = strstr (path, ".temporal_transformer_blocks.");
  return path != NULL && strchr (path + 1, '.') == strrchr (path, '.');
}

/* ---- Comparing */

/* Where diffusers repeats a vector for all positions, we have it once. */
static double
difference (Net *net, const Module *module)
{
  gsize n_rows, channels, n_expected, expected_channels;
  g_autofree float *rows =
      net_read_rows (net, module->path, &n_rows, &channels);
  g_autofree float *expected =
      golden_rows (module->golden, &n_expected, &expected_channels);
  g_autofree float *repeated = g_new (float, n_expected * channels);

  g_assert_cmpuint (channels, ==, expected_channels);
  g_assert_cmpuint (n_expected % n_rows, ==, 0);
  g_assert_true (n_rows == n_expected || n_rows == 1);
  for (gsize i = 0; i < n_expected; i++)
    memcpy (repeated + i * channels, rows + i % n_rows * channels,
        channels * sizeof *rows);
  return relative_l2 (repeated, expected, n_expected * channels);
}

static void
find_modules (const Checkpoint *checkpoint, KilnGraph *graph,
    const char *prefix, GArray *modules)
{
  KilnSafetensors *tensors = golden_get_tensors (checkpoint->golden);

  for (guint i = 0; i < kiln_safetensors_get_n_tensors (tensors); i++) {
    Module module = { kiln_safetensors_get_nth (tensors, i) };
    const char *slash = strchr (module.golden->name, '/');

    if (!g_str_has_prefix (module.golden->name, prefix)
        || is_not_there (slash + 1))
      continue;
    module.path = slash + 1;
    module.tensor = find_module (graph, module.path);
    if (module.tensor == NULL) {
      g_test_message ("No operation makes what %s returns", module.path);
      g_test_fail ();
    } else {
      g_array_append_val (modules, module);
    }
  }
}

static gint
by_order (gconstpointer a, gconstpointer b)
{
  return ((const Module *) a)->tensor->node - ((const Module *) b)->tensor->node;
}

/* All modules whose golden's name starts with prefix. (transfer full) net */
static void
compare_modules (const Checkpoint *checkpoint, Net *built,
    const char *prefix, guint at_least)
{
  g_autoptr (Net) net = built;
  g_autoptr (GArray) modules = g_array_new (FALSE, FALSE, sizeof (Module));
  double at_most = checkpoint->type == KILN_F16 ? AT_MOST_F16 : AT_MOST_F32;
  double worst = 0;
  g_autofree char *stage = g_strdup_printf ("%s, worst block", prefix);

  find_modules (checkpoint, net->graph, prefix, modules);
  g_assert_cmpuint (modules->len, >=, at_least);
  g_array_sort (modules, by_order);
  for (guint i = 0; i < modules->len; i++) {
    Module *module = &g_array_index (modules, Module, i);

    net_output (net, module->path, module->tensor);
  }
  net_run (net);
  for (guint i = 0; i < modules->len; i++) {
    const Module *module = &g_array_index (modules, Module, i);
    double error = difference (net, module);

    g_test_message ("%-60s %.1e", module->path, error);
    worst = error <= worst ? worst : error;
  }
  measure_error (stage, checkpoint->column, worst, at_most);
}

static void
test_unet (gconstpointer data)
{
  const Variant *variant = data;
  g_auto (Checkpoint) checkpoint = { 0 };

  checkpoint_init (&checkpoint, variant->checkpoint, device, variant->type);
  compare_modules (&checkpoint, build_golden_unet (&checkpoint, 0), "unet/",
      25);
}

static void
test_vae (gconstpointer data)
{
  const Variant *variant = data;
  g_auto (Checkpoint) checkpoint = { 0 };

  checkpoint_init (&checkpoint, variant->checkpoint, device, variant->type);
  compare_modules (&checkpoint, build_golden_vae_encoder (&checkpoint),
      "vae/encoder.", 10);
  compare_modules (&checkpoint, build_golden_vae_decoder (&checkpoint),
      "vae/decoder.", 10);
}

static void
test_clip (gconstpointer data)
{
  const Variant *variant = data;
  g_auto (Checkpoint) checkpoint = { 0 };

  checkpoint_init (&checkpoint, variant->checkpoint, device, variant->type);
  compare_modules (&checkpoint, build_golden_clip (&checkpoint), "clip/", 6);
}

static void
add (const char *what, const Variant *variant, GTestDataFunc func)
{
  g_autofree char *path = g_strdup_printf ("/blocks/%s/%s/%s",
      variant->checkpoint, variant->type == KILN_F16 ? "f16" : "f32", what);

  g_test_add_data_func (path, variant, func);
}

int
main (int argc, char **argv)
{
  static const Variant variants[] = {
    { "alpha", KILN_F32 }, { "beta", KILN_F32 }, { "gamma", KILN_F32 },
    { "alpha", KILN_F16 }, { "beta", KILN_F16 }, { "gamma", KILN_F16 },
  };
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kiln_device_open (NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++) {
    add ("clip", &variants[i], test_clip);
    add ("vae", &variants[i], test_vae);
    add ("unet", &variants[i], test_unet);
  }
  result = g_test_run ();
  measure_print_table ();
  kiln_device_unref (device);
  return result;
}
