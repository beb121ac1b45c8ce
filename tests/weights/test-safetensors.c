/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "../../src/weights/safetensors.h"

#include <string.h>

#include "../../src/device/error.h"
#include "support.h"

static KilnSafetensors *
open_header (const char *header, gsize n_data, GError **error)
{
  g_autoptr (GBytes) bytes = make_safetensors (header, n_data);

  return kiln_safetensors_new_from_bytes (bytes, "x.safetensors", error);
}

static void
test_good (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnSafetensors) file = open_header (
      " {\"__metadata__\":{\"format\":\"pt\",\"who\":\"\\u00e9\"},"
      "\"last\":{\"data_offsets\":[12,16],\"shape\":[1,2],\"dtype\":\"BF16\"},"
      "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
      "\"middle\":{\"dtype\":\"F16\",\"shape\":[2,1,2],"
      "\"data_offsets\":[4,12],\"extra\":[{\"a\":null}]}}    ", 16, &error);
  const KilnSafetensorsEntry *entry;

  g_assert_no_error (error);
  g_assert_cmpuint (kiln_safetensors_get_n_tensors (file), ==, 3);
  g_assert_cmpstr (kiln_safetensors_get_nth (file, 0)->name, ==, "scalar");
  g_assert_cmpstr (kiln_safetensors_get_nth (file, 2)->name, ==, "last");
  entry = kiln_safetensors_find (file, "middle");
  g_assert_true (entry->usable);
  g_assert_cmpint (entry->info.type, ==, KILN_SOURCE_F16);
  g_assert_cmpuint (entry->info.n_dims, ==, 3);
  g_assert_cmpuint (entry->info.shape[2], ==, 2);
  g_assert_cmpuint (entry->info.size, ==, 8);
  g_assert_cmpuint (entry->info.data[0], ==, 4);
  g_assert_false (entry->info.transposed);
  entry = kiln_safetensors_find (file, "scalar");
  g_assert_cmpuint (entry->info.n_dims, ==, 0);
  g_assert_cmpint (entry->info.type, ==, KILN_SOURCE_F32);
  g_assert_cmpint (kiln_safetensors_find (file, "last")->info.type, ==,
      KILN_SOURCE_BF16);
  g_assert_null (kiln_safetensors_find (file, "__metadata__"));
  g_assert_cmpstr (kiln_safetensors_get_metadata (file, "who"), ==,
      "\xc3\xa9");
  g_assert_null (kiln_safetensors_get_metadata (file, "nobody"));
}

static void
test_other_types (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnSafetensors) file = open_header (
      "{\"ids\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]},"
      "\"new\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[16,18]}}",
      18, &error);

  g_assert_no_error (error);
  g_assert_false (kiln_safetensors_find (file, "ids")->usable);
  g_assert_cmpstr (kiln_safetensors_find (file, "new")->dtype, ==, "F4");
}

static void
test_empty (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnSafetensors) file = open_header ("{}", 0, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (kiln_safetensors_get_n_tensors (file), ==, 0);
}

#define TENSOR(name, dtype, shape, offsets) \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape \
  ",\"data_offsets\":" offsets "}"

static const struct {
  const char *header;
  gsize n_data;
  const char *part;             /* of the message */
} hostile[] = {
  {"", 0, "not valid"},
  {"[]", 0, "no object"},
  {"{", 0, "not valid"},
  {"{}x", 0, "something behind the end"},
  {"{\"a\":1}", 0, "no object"},
  {"{\"a\":{}}", 0, "lacks its dtype"},
  {"{\"a\":{\"dtype\":\"F32\"}}", 0, "lacks its shape"},
  {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 0, "lacks its data_offsets"},
  {"{\"a\":{\"dtype\":3}}", 0, "no string"},
  {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0, "two 'dtype'"},
  {"{\"__metadata__\":{\"a\":1}}", 0, "no string"},
  {"{\"__metadata__\":[]}", 0, "no object"},
  {"{" TENSOR ("a", "F32", "{}", "[0,4]") "}", 4, "no array"},
  {"{" TENSOR ("a", "F32", "[-1]", "[0,4]") "}", 4, "whole number"},
  {"{" TENSOR ("a", "F32", "[1.5]", "[0,4]") "}", 4, "fraction"},
  {"{" TENSOR ("a", "F32", "[1,1,1,1,1,1,1]", "[0,4]") "}", 4,
      "more than 6 dimensions"},
  {"{" TENSOR ("a", "F32", "[18446744073709551615,2]", "[0,4]") "}", 4,
      "impossible shape"},
  {"{" TENSOR ("a", "F32", "[4294967296,4294967296]", "[0,4]") "}", 4,
      "impossible shape"},
  {"{" TENSOR ("a", "F32", "[18446744073709551616]", "[0,4]") "}", 4,
      "past 64 bits"},
  {"{" TENSOR ("a", "F32", "[0]", "[0,0]") "}", 0, "no elements"},
  {"{" TENSOR ("a", "F32", "[3,0]", "[0,0]") "}", 0, "no elements"},
  {"{" TENSOR ("a", "F32", "[2]", "[0,4]") "}", 4,
      "takes 8 bytes by its type and shape, but 4"},
  {"{" TENSOR ("a", "F16", "[1]", "[0,4]") "}", 4, "takes 2 bytes"},
  {"{" TENSOR ("a", "I64", "[1]", "[0,4]") "}", 4, "takes 8 bytes"},
  {"{" TENSOR ("a", "F32", "[1]", "[4,0]") "}", 4, "before it begins"},
  {"{" TENSOR ("a", "F32", "[2]", "[0,8]") "}", 4, "truncated"},
  {"{" TENSOR ("a", "F32", "[1]", "[18446744073709551612,18446744073709551615]")
        "}", 4, "truncated"},
  {"{" TENSOR ("a", "F32", "[1]", "[0]") "}", 4, "must be two numbers"},
  {"{" TENSOR ("a", "F32", "[1]", "[]") "}", 4, "must be two numbers"},
  {"{" TENSOR ("a", "F32", "[1]", "[0,4,8]") "}", 4, "must be two numbers"},
  {"{" TENSOR ("a", "F32", "[1]", "[0 4]") "}", 4, "no comma"},
  {"{" TENSOR ("a", "F32", "[1]", "4") "}", 4, "no array"},
  {"{" TENSOR ("a", "F32", "[1]", "[0,4]") ","
        TENSOR ("a", "F32", "[1]", "[4,8]") "}", 8, "there twice"},
  {"{" TENSOR ("a", "F32", "[2]", "[0,8]") ","
        TENSOR ("b", "F32", "[1]", "[4,8]") "}", 8, "'a' and 'b' overlap"},
  {"{" TENSOR ("a", "F32", "[1]", "[0,4]") ","
        TENSOR ("b", "F32", "[1]", "[0,4]") "}", 4, "overlap"},
  {"{" TENSOR ("a", "F32", "[1]", "[4,8]") "}", 8, "hole before tensor 'a'"},
  {"{" TENSOR ("a", "F32", "[1]", "[0,4]") "}", 9, "5 bytes behind"},
  {"{" TENSOR ("a\\u0000b", "F32", "[1]", "[0,4]") "}", 4, "NUL"},
};

static void
test_hostile (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (hostile); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (KilnSafetensors) file = open_header (hostile[i].header,
        hostile[i].n_data, &error);

    if (file)
      g_error ("accepted: %s", hostile[i].header);
    g_assert_true (g_str_has_prefix (error->message, "x.safetensors: "));
    assert_model_error (&error, hostile[i].part);
  }
}

static void
assert_bytes_refused (const void *bytes, gsize size, const char *part)
{
  g_autoptr (GBytes) content = g_bytes_new (bytes, size);
  g_autoptr (GError) error = NULL;

  g_assert_null (kiln_safetensors_new_from_bytes (content, "x", &error));
  assert_model_error (&error, part);
}

static void
test_header_length (void)
{
  static const guint8 longer[] = { 3, 0, 0, 0, 0, 0, 0, 0, '{', '}' };
  static const guint8 limit[] = { 1, 0xe1, 0xf5, 5, 0, 0, 0, 0, '{', '}' };
  static const guint8 huge[] = { 255, 255, 255, 255, 255, 255, 255, 255 };

  assert_bytes_refused ("", 0, "too few");
  assert_bytes_refused (longer, 7, "too few");
  assert_bytes_refused (longer, sizeof longer, "truncated");
  assert_bytes_refused (limit, sizeof limit, "past the limit");
  assert_bytes_refused (huge, sizeof huge, "past the limit");
}

static void
test_other_files (void)
{
  static const char lfs[] = "version https://git-lfs.github.com/spec/v1\n"
      "oid sha256:00\nsize 4\n";

  assert_bytes_refused (lfs, strlen (lfs), "git lfs pull");
  assert_bytes_refused ("PK\3\4pickle..", 12, "pickle");
}

/* Every cut of a good file is an error and no more. */
static void
test_truncation (void)
{
  g_autoptr (GBytes) whole = make_safetensors ("{"
      TENSOR ("a", "F32", "[2]", "[0,8]") ","
      TENSOR ("b", "F16", "[2]", "[8,12]") "}", 12);
  gsize size = g_bytes_get_size (whole);

  for (gsize cut = 0; cut < size; cut++) {
    g_autofree guint8 *bytes = g_memdup2 (g_bytes_get_data (whole, NULL),
        size);

    assert_bytes_refused (bytes, cut, "");
  }
}

/* A header at the limit of tensors costs memory for those, not more. */
static void
test_many_tensors (void)
{
  g_autoptr (GString) header = g_string_new ("{");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i <= KILN_SAFETENSORS_MAX_TENSORS; i++)
    g_string_append_printf (header, "%s\"%x\":{\"dtype\":\"F16\",\"shape\":"
        "[],\"data_offsets\":[%u,%u]}", i ? "," : "", i, 2 * i, 2 * i + 2);
  g_string_append_c (header, '}');
  g_assert_null (open_header (header->str,
          2 * KILN_SAFETENSORS_MAX_TENSORS + 2, &error));
  assert_model_error (&error, "more than 262144 tensors");
}

static void
test_mapped (void)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autofree char *missing = g_build_filename (folder, "b", NULL);
  g_autoptr (GBytes) bytes = make_safetensors ("{"
      TENSOR ("a", "F32", "[2]", "[0,8]") "}", 8);
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnSafetensors) file = NULL;

  write_bytes (folder, "a.safetensors", bytes);
  file = kiln_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (kiln_safetensors_get_path (file), ==, path);
  g_assert_cmpuint (kiln_safetensors_find (file, "a")->info.data[7], ==, 7);
  g_assert_null (kiln_safetensors_open (missing, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/safetensors/good", test_good);
  g_test_add_func ("/safetensors/other-types", test_other_types);
  g_test_add_func ("/safetensors/empty", test_empty);
  g_test_add_func ("/safetensors/hostile", test_hostile);
  g_test_add_func ("/safetensors/header-length", test_header_length);
  g_test_add_func ("/safetensors/other-files", test_other_files);
  g_test_add_func ("/safetensors/truncation", test_truncation);
  g_test_add_func ("/safetensors/many-tensors", test_many_tensors);
  g_test_add_func ("/safetensors/mapped", test_mapped);
  return g_test_run ();
}
