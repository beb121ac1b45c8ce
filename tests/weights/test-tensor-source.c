/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "../../src/weights/tensor-source.h"

#include <glib/gstdio.h>
#include <string.h>
#ifdef G_OS_UNIX
#include <unistd.h>
#endif

#include "../../src/device/error.h"
#include "support.h"

/* A file with one F16 tensor of four elements. */
static void
write_tensor (const char *folder, const char *file, const char *tensor)
{
  g_autofree char *header = g_strdup_printf ("{\"%s\":{\"dtype\":\"F16\","
      "\"shape\":[2,2],\"data_offsets\":[0,8]}}", tensor);
  g_autoptr (GBytes) bytes = make_safetensors (header, 8);

  write_bytes (folder, file, bytes);
}

static void
assert_holds (KilnTensorSource *source, const char *name)
{
  KilnWeightSource *weights = kiln_tensor_source_as_weights (source);
  KilnWeightInfo info;

  g_assert_true (weights->find (weights, name, &info));
  g_assert_cmpint (info.type, ==, KILN_SOURCE_F16);
  g_assert_cmpuint (info.n_dims, ==, 2);
  g_assert_cmpuint (info.size, ==, 8);
  g_assert_cmpuint (info.data[5], ==, 5);
}

static void
test_one_file (void)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnTensorSource) source = NULL;
  KilnWeightSource *weights;
  KilnWeightInfo info;

  write_tensor (folder, "a.safetensors", "w");
  source = kiln_tensor_source_open_file (path, &error);
  g_assert_no_error (error);
  assert_holds (source, "w");
  weights = kiln_tensor_source_as_weights (source);
  g_assert_cmpstr (weights->describe (weights), ==, path);
  g_assert_false (weights->find (weights, "v", &info));
  g_assert_null (weights->get_unusable_type (weights, "v"));
  g_assert_null (weights->get_unusable_type (weights, "w"));
  g_assert_cmpuint (kiln_tensor_source_get_n_tensors (source), ==, 1);
  g_assert_cmpuint (kiln_tensor_source_get_n_elements (source), ==, 4);
  g_assert_cmpuint (kiln_tensor_source_get_n_bytes (source), ==, 8);
  remove_folder (folder);
}

static void
test_unusable_type (void)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a", NULL);
  g_autoptr (GBytes) bytes = make_safetensors ("{\"ids\":{\"dtype\":\"I64\","
      "\"shape\":[1],\"data_offsets\":[0,8]}}", 8);
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnTensorSource) source = NULL;
  KilnWeightSource *weights;
  KilnWeightInfo info;

  write_bytes (folder, "a", bytes);
  source = kiln_tensor_source_open_file (path, &error);
  g_assert_no_error (error);
  weights = kiln_tensor_source_as_weights (source);
  g_assert_false (weights->find (weights, "ids", &info));
  g_assert_cmpstr (weights->get_unusable_type (weights, "ids"), ==, "I64");
  g_assert_cmpuint (kiln_tensor_source_get_n_elements (source), ==, 0);
  remove_folder (folder);
}

/* Names that the source gives to parts of a file's tensors. */
static void
test_added (void)
{
  g_autoptr (GBytes) bytes = make_safetensors ("{\"qkv\":{\"dtype\":\"F16\","
      "\"shape\":[4],\"data_offsets\":[0,8]}}", 8);
  g_autoptr (KilnSafetensors) file =
      kiln_safetensors_new_from_bytes (bytes, "x", NULL);
  const KilnSafetensorsEntry *entry = kiln_safetensors_find (file, "qkv");
  g_autoptr (KilnTensorSource) source = kiln_tensor_source_new ("x");
  KilnWeightInfo part = entry->info, found;
  KilnWeightSource *weights;

  part.shape[0] = 2;
  part.data += 4;
  part.size = 4;
  g_assert_true (kiln_tensor_source_add (source, "k", file, entry, &part));
  g_assert_false (kiln_tensor_source_add (source, "k", file, entry, NULL));
  g_assert_true (kiln_tensor_source_add (source, "all", file, entry, NULL));
  g_clear_pointer (&file, kiln_safetensors_unref);
  weights = kiln_tensor_source_as_weights (source);
  g_assert_true (weights->find (weights, "k", &found));
  g_assert_cmpuint (found.data[0], ==, 4);
  g_assert_cmpuint (kiln_tensor_source_get_n_elements (source), ==, 6);
}

/* --- shards --- */

static KilnTensorSource *
open_index (const char *folder, const char *index, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "i.json", NULL);

  write_file (folder, "i.json", index);
  return kiln_tensor_source_open_index (path, error);
}

static void
test_shards (void)
{
  g_autofree char *folder = make_folder ();
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnTensorSource) source = NULL;

  write_tensor (folder, "m-1-of-2.safetensors", "a");
  write_tensor (folder, "m-2-of-2.safetensors", "b");
  source = open_index (folder, "{\"metadata\":{\"total_size\":16},"
      "\"weight_map\":{\"b\":\"m-2-of-2.safetensors\","
      "\"a\":\"m-1-of-2.safetensors\"}}", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (kiln_tensor_source_get_n_tensors (source), ==, 2);
  assert_holds (source, "a");
  assert_holds (source, "b");
  remove_folder (folder);
}

static void
test_bad_indexes (void)
{
  static const struct {
    const char *index, *part;
  } bad[] = {
    {"", "no valid shard index"},
    {"[]", "no valid shard index"},
    {"{}", "missing or empty"},
    {"{\"weight_map\":{}}", "missing or empty"},
    {"{\"weight_map\":[]}", "no object"},
    {"{\"weight_map\":{\"a\":1}}", "no string"},
    {"{\"weight_map\":{\"a\":\"a.safetensors\"}", "no comma"},
    {"{\"weight_map\":{\"x\":\"a.safetensors\"}}", "not in its shard"},
    {"{\"weight_map\":{\"a\":\"a.safetensors\",\"a\":\"a.safetensors\"}}",
        "listed twice"},
    {"{\"weight_map\":{\"a\":\"../a.safetensors\"}}", "no name of a file"},
    {"{\"weight_map\":{\"a\":\"/a.safetensors\"}}", "no name of a file"},
    {"{\"weight_map\":{\"a\":\"x\\\\a.safetensors\"}}", "no name of a file"},
    {"{\"weight_map\":{\"a\":\"..\"}}", "no name of a file"},
    {"{\"weight_map\":{\"a\":\"\"}}", "no name of a file"},
    {"{\"weight_map\":{\"a\":\"short.safetensors\"}}", "shard is missing"},
  };
  g_autofree char *folder = make_folder ();
  g_autoptr (GError) error = NULL;

  write_tensor (folder, "a.safetensors", "a");
  write_file (folder, "short.safetensors", "1234567");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    if (open_index (folder, bad[i].index, &error))
      g_error ("accepted: %s", bad[i].index);
    assert_model_error (&error, bad[i].part);
  }
  g_assert_null (open_index (folder,
          "{\"weight_map\":{\"a\":\"gone.safetensors\"}}", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_assert_nonnull (strstr (error->message, "shard is missing"));
  remove_folder (folder);
}

/* --- folders --- */

static void
test_folder_names (void)
{
  static const char *const names[] = {
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.safetensors",
    "model.fp16.safetensors",
  };
  static const char *const indexes[] = {
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.safetensors.index.fp16.json",
    "model.safetensors.index.json",
  };

  for (guint i = 0; i < G_N_ELEMENTS (names) + G_N_ELEMENTS (indexes); i++) {
    g_autofree char *folder = make_folder ();
    g_autoptr (GError) error = NULL;
    g_autoptr (KilnTensorSource) source = NULL;

    if (i < G_N_ELEMENTS (names)) {
      write_tensor (folder, names[i], "w");
    } else {
      write_tensor (folder, "part.safetensors", "w");
      write_file (folder, indexes[i - G_N_ELEMENTS (names)],
          "{\"weight_map\":{\"w\":\"part.safetensors\"}}");
    }
    source = kiln_tensor_source_open_folder (folder, FALSE, &error);
    g_assert_no_error (error);
    assert_holds (source, "w");
    remove_folder (folder);
  }
}

static void
assert_folder_holds (const char *folder, gboolean prefer_fp16,
    const char *tensor)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnTensorSource) source =
      kiln_tensor_source_open_folder (folder, prefer_fp16, &error);

  g_assert_no_error (error);
  assert_holds (source, tensor);
}

/* What is asked for where it is there, else the other. */
static void
test_variants (void)
{
  g_autofree char *folder = make_folder ();

  g_assert_false (kiln_tensor_source_has_weights (folder));
  write_tensor (folder, "model.fp16.safetensors", "half");
  assert_folder_holds (folder, FALSE, "half");
  assert_folder_holds (folder, TRUE, "half");
  write_tensor (folder, "part.safetensors", "full");
  write_file (folder, "model.safetensors.index.json",
      "{\"weight_map\":{\"full\":\"part.safetensors\"}}");
  assert_folder_holds (folder, FALSE, "full");
  assert_folder_holds (folder, TRUE, "half");
  g_assert_true (kiln_tensor_source_has_weights (folder));
  remove_folder (folder);
}

static void
assert_folder_refused (const char *folder, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kiln_tensor_source_open_folder (folder, FALSE, &error));
  assert_model_error (&error, part);
}

static void
test_folder_without_weights (void)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *missing = g_build_filename (folder, "none", NULL);

  assert_folder_refused (folder, "looked for diffusion_pytorch_model");
  assert_folder_refused (missing, "looked for diffusion_pytorch_model");
  write_file (folder, "config.json", "{}");
  write_file (folder, "diffusion_pytorch_model.bin", "x");
  assert_folder_refused (folder, "only 'diffusion_pytorch_model.bin'");
  remove_folder (folder);
}

/* The Hugging Face cache is links into a folder of blobs. */
static void
test_links (void)
{
#ifdef G_OS_UNIX
  g_autofree char *folder = make_folder ();
  g_autofree char *link = g_build_filename (folder, "unet",
      "diffusion_pytorch_model.safetensors", NULL);
  g_autofree char *unet = g_build_filename (folder, "unet", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnTensorSource) source = NULL;

  write_file (folder, "unet/config.json", "{}");
  g_assert_cmpint (symlink ("../blob", link), ==, 0);
  assert_folder_refused (unet, "download is incomplete");
  write_tensor (folder, "blob", "w");
  source = kiln_tensor_source_open_folder (unet, FALSE, &error);
  g_assert_no_error (error);
  assert_holds (source, "w");
  remove_folder (folder);
#endif
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor-source/one-file", test_one_file);
  g_test_add_func ("/tensor-source/unusable-type", test_unusable_type);
  g_test_add_func ("/tensor-source/added", test_added);
  g_test_add_func ("/tensor-source/shards", test_shards);
  g_test_add_func ("/tensor-source/bad-indexes", test_bad_indexes);
  g_test_add_func ("/tensor-source/folder-names", test_folder_names);
  g_test_add_func ("/tensor-source/variants", test_variants);
  g_test_add_func ("/tensor-source/folder-without-weights",
      test_folder_without_weights);
  g_test_add_func ("/tensor-source/links", test_links);
  return g_test_run ();
}
