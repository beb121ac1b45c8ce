/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "../../src/weights/ncnn-weights.h"

#include <string.h>

#include "support.h"

#define SMALL "7767517\n" \
    "6 7\n" \
    "Input            in0   0 1 in0\n" \
    "MemoryData       beta  0 1 beta 0=1 1=1 2=3\n" \
    "Convolution      conv  1 1 in0 a 0=3 1=1 11=2 3=2 4=1 5=1 6=18 9=2 " \
    "-23310=1,2.000000e-01\r\n" \
    "Split            split 1 2 a a0 a1\n" \
    "BinaryOp         mul   2 1 a0 beta b 0=2\n" \
    "PReLU            p     1 1 a1 out 0=1\n\n"

static KilnNcnnNet *
parse (const char *text, GError **error)
{
  return kiln_ncnn_net_parse (text, strlen (text), "x.param", error);
}

static void
test_net (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnNcnnNet) net = parse (SMALL, &error);
  const KilnNcnnLayer *layer;
  guint blob;

  g_assert_no_error (error);
  g_assert_cmpuint (kiln_ncnn_net_get_n_layers (net), ==, 6);
  g_assert_cmpuint (kiln_ncnn_net_get_n_blobs (net), ==, 7);
  layer = kiln_ncnn_net_get_layer (net, 2);
  g_assert_cmpstr (layer->type, ==, "Convolution");
  g_assert_cmpstr (layer->name, ==, "conv");
  g_assert_cmpuint (layer->n_inputs, ==, 1);
  g_assert_cmpuint (layer->inputs[0], ==, 0);
  g_assert_cmpfloat (kiln_ncnn_layer_get_number (layer, 6, 0), ==, 18);
  g_assert_cmpfloat (kiln_ncnn_layer_get_number (layer, 7, 1), ==, 1);
  g_assert_true (kiln_ncnn_layer_get_param (layer, 10)->is_array);
  g_assert_cmpuint (kiln_ncnn_layer_get_param (layer, 10)->n, ==, 1);
  g_assert_cmpfloat (kiln_ncnn_layer_get_number (layer, 10, 0), ==, 0.2);
  g_assert_true (kiln_ncnn_net_find_blob (net, "out", &blob));
  g_assert_cmpuint (blob, ==, 6);
  g_assert_false (kiln_ncnn_net_find_blob (net, "nothing", &blob));
}

static const struct {
  const char *text;
  const char *part;             /* of the message */
} hostile_nets[] = {
  {"", "not whole"},
  {"7767516\n1 1\nInput a 0 1 a\n", "no ncnn network"},
  {"7767517\n", "a count"},
  {"7767517\n0 0\n", "announced"},
  {"7767517\n1\n", "count"},
  {"7767517\n-1 1\n", "count"},
  {"7767517\n99999999 1\n", "count"},
  {"7767517\n1 x\n", "count"},
  {"7767517\n2 1\nInput a 0 1 a\n", "1 and 1 are there"},
  {"7767517\n1 2\nInput a 0 1 a\n", "1 and 1 are there"},
  {"7767517\n1 1\nInput a 0 1 a\nInput b 0 1 b\n", "more layers"},
  {"7767517\n1 1\nInput\n", "lacks its type or name"},
  {"7767517\n1 1\nInput a 0\n", "line 3: a count"},
  {"7767517\n1 1\nInput a 0 99999 a\n", "line 3: a count"},
  {"7767517\n1 1\nInput a 0 2 a\n", "line 3: an output is missing"},
  {"7767517\n1 1\nReLU a 1 1 a a\n", "no layer before"},
  {"7767517\n1 1\nReLU a 1 1 in0 a\nInput b 0 1 in0", "no layer before"},
  {"7767517\n2 2\nInput a 0 1 a\nInput b 0 1 a\n", "another layer makes it"},
  {"7767517\n2 2\nInput a 0 1 a\nInput a 0 1 b\n", "the same name"},
  {"7767517\n1 1\nInput a 0 1 a =1\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a 0\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a 0=\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a 0=1x\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a 0=nan\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a 0=1e999\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a 0=0x10\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a 32=1\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a -1=1\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a -23332=1,1\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a -23300=0\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a -23300=2,1\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a -23300=1,1,\n", "key=number"},
  {"7767517\n1 1\nInput a 0 1 a 1=1 1=2\n", "twice"},
  {"7767517\n1 1\nInput a 0 1 a 1=1 -23301=1,2\n", "twice"},
};

static void
test_hostile_nets (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (hostile_nets); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (parse (hostile_nets[i].text, &error));
    assert_model_error (&error, hostile_nets[i].part);
  }
}

static void
test_no_text (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kiln_ncnn_net_parse ("7767517\0", 8, "x.param", &error));
  assert_model_error (&error, "no text");
  g_assert_null (kiln_ncnn_net_open ("/no/such/flownet.param", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

/* --- weights --- */

/* What SMALL has: 3 of beta, tag, 18 weights, 3 of bias, a slope. */
#define F16_WORDS (3 + 1 + 9 + 3 + 1)
#define F32_WORDS (3 + 1 + 18 + 3 + 1)

/* Words that count up, but for the tag. */
static GBytes *
make_weights (guint n_words, guint32 tag)
{
  g_autofree guint32 *words = g_new (guint32, n_words);

  for (guint i = 0; i < n_words; i++)
    words[i] = GUINT32_TO_LE (i == 3 ? tag : i);
  return g_bytes_new (words, n_words * sizeof *words);
}

static KilnNcnnWeights *
make_source (const char *text, GBytes *bytes, GError **error)
{
  g_autoptr (KilnNcnnNet) net = parse (text, error);

  g_assert_nonnull (net);
  return kiln_ncnn_weights_new_from_bytes (net, bytes, "x.bin", error);
}

static KilnWeightInfo
find (KilnNcnnWeights *weights, const char *name)
{
  KilnWeightSource *source = kiln_ncnn_weights_as_source (weights);
  KilnWeightInfo info;

  g_assert_true (source->find (source, name, &info));
  return info;
}

static void
check_weights (guint n_words, guint32 tag, KilnSourceType type,
    gsize weight_bytes)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = make_weights (n_words, tag);
  g_autoptr (KilnNcnnWeights) weights = make_source (SMALL, bytes, &error);
  KilnWeightSource *source;
  KilnWeightInfo info;

  g_assert_no_error (error);
  info = find (weights, "conv.weight");
  g_assert_cmpint (info.type, ==, type);
  g_assert_cmpuint (info.n_dims, ==, 4);
  g_assert_cmpuint (info.shape[0], ==, 3);
  g_assert_cmpuint (info.shape[1], ==, 3);
  g_assert_cmpuint (info.shape[2], ==, 2);
  g_assert_cmpuint (info.shape[3], ==, 1);
  g_assert_cmpuint (info.size, ==, weight_bytes);
  g_assert_cmpuint (info.data[0], ==, 4);
  info = find (weights, "beta.data");
  g_assert_cmpuint (info.shape[0], ==, 3);
  g_assert_cmpuint (info.data[0], ==, 0);
  info = find (weights, "conv.bias");
  g_assert_cmpint (info.type, ==, KILN_SOURCE_F32);
  g_assert_cmpuint (info.data[0], ==, 4 + weight_bytes / 4);
  info = find (weights, "p.slope");
  g_assert_cmpuint (info.data[0], ==, n_words - 1);
  source = kiln_ncnn_weights_as_source (weights);
  g_assert_false (source->find (source, "mul.weight", &info));
  g_assert_cmpstr (source->describe (source), ==, "x.bin");
}

static void
test_weights (void)
{
  check_weights (F16_WORDS, 0x01306B47, KILN_SOURCE_F16, 36);
  check_weights (F32_WORDS, 0, KILN_SOURCE_F32, 72);
}

/* Five halves take three words. */
static void
test_odd_count (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = make_weights (3 + 1 + 3, 0x01306B47);
  g_autoptr (KilnNcnnWeights) weights = make_source ("7767517\n3 3\n"
      "Input in0 0 1 in0\nMemoryData d 0 1 d 0=3\n"
      "Convolution c 1 1 in0 out 0=5 1=1 6=5\n", bytes, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (find (weights, "c.weight").size, ==, 10);
}

static void
test_sizes (void)
{
  for (guint n = 0; n < F16_WORDS + 3; n++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) bytes = make_weights (n, 0x01306B47);
    g_autoptr (KilnNcnnWeights) weights = make_source (SMALL, bytes, &error);

    g_assert_true ((weights != NULL) == (n == F16_WORDS));
    if (n != F16_WORDS)
      assert_model_error (&error, n < F16_WORDS ? "the file ends before"
          : "do not belong together");
  }
}

static const struct {
  const char *layer;
  const char *part;
} hostile_layers[] = {
  {"Convolution c 1 1 in0 out 1=3 6=9", "a size"},
  {"Convolution c 1 1 in0 out 0=1 1=3", "a size"},
  {"Convolution c 1 1 in0 out 0=1 1=0 6=9", "a size"},
  {"Convolution c 1 1 in0 out 0=1 1=1.5 6=9", "a size"},
  {"Convolution c 1 1 in0 out 0=-1 1=1 6=9", "a size"},
  {"Convolution c 1 1 in0 out 0=1 1=3 6=1e12", "a size"},
  {"Convolution c 1 1 in0 out 0=1 1=3 6=10", "no whole number of kernels"},
  {"Convolution c 1 1 in0 out 0=2 1=3 6=9", "no whole number of kernels"},
  {"Convolution c 1 1 in0 out 0=1 1=2147483647 6=9", "no whole number"},
  {"Deconvolution c 1 1 in0 out 0=1 1=1 6=2147483647", "truncated"},
  {"Convolution c 1 1 in0 out 0=1 1=1 6=1", "neither fp32 nor fp16"},
  {"PReLU c 1 1 in0 out", "a size"},
  {"PReLU c 1 1 in0 out 0=0", "a size"},
  {"MemoryData c 0 1 out 0=2147483647 1=2147483647 2=2147483647",
      "past 64 bits"},
  {"MemoryData c 0 1 out 0=100", "truncated"},
};

static void
test_hostile_layers (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (hostile_layers); i++) {
    g_autofree char *text = g_strdup_printf ("7767517\n3 3\n"
        "Input in0 0 1 in0\nMemoryData d 0 1 d 0=3\n%s\n",
        hostile_layers[i].layer);
    const guint32 tag = i == 10 ? 7 : 0;
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) bytes = make_weights (20, tag);

    g_assert_null (make_source (text, bytes, &error));
    g_assert_nonnull (strstr (error->message, "'c'"));
    assert_model_error (&error, hostile_layers[i].part);
  }
}

static void
test_files (void)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *param = g_build_filename (folder, "flownet.param", NULL);
  g_autofree char *bin = g_build_filename (folder, "flownet.bin", NULL);
  g_autoptr (GBytes) bytes = make_weights (F16_WORDS, 0x01306B47);
  g_autoptr (KilnNcnnNet) net = NULL;
  g_autoptr (KilnNcnnWeights) weights = NULL;
  g_autoptr (GError) error = NULL;

  write_file (folder, "flownet.param", SMALL);
  net = kiln_ncnn_net_open (param, &error);
  g_assert_no_error (error);
  g_assert_null (kiln_ncnn_weights_open (net, bin, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_clear_error (&error);
  write_bytes (folder, "flownet.bin", bytes);
  weights = kiln_ncnn_weights_open (net, bin, &error);
  g_assert_no_error (error);
  remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ncnn/net", test_net);
  g_test_add_func ("/ncnn/hostile-nets", test_hostile_nets);
  g_test_add_func ("/ncnn/no-text", test_no_text);
  g_test_add_func ("/ncnn/weights", test_weights);
  g_test_add_func ("/ncnn/odd-count", test_odd_count);
  g_test_add_func ("/ncnn/sizes", test_sizes);
  g_test_add_func ("/ncnn/hostile-layers", test_hostile_layers);
  g_test_add_func ("/ncnn/files", test_files);
  return g_test_run ();
}
