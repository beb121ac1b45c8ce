/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "../../src/weights/safetensors.h"

#include <string.h>
#include <sys/resource.h>

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

/* Headers of 100 MB, the most there may be, filled with one thing. What
 * reading them takes is measured in a process each. */
typedef struct {
  const char *name;
  const char *begin, *end;      /* of the header */
  const char *filling;          /* again and again, with its number in it */
  gsize n_data;
  const char *part;             /* of the message; NULL: there is none */
  guint most;                   /* MB */
} LargeHeader;

/* Sixteen at a time. */
#define LETTERS(letter) letter letter letter letter letter letter letter \
    letter letter letter letter letter letter letter letter letter

static const LargeHeader large_headers[] = {
  {"blanks", "{", "}", NULL, 0, NULL, 4},
  {"brackets", "{\"a\":", "}", LETTERS ("["), 0, "no object", 4},
  {"nested", "{\"a\":{\"x\":", "}}", LETTERS ("["), 0, "too deep", 4},
  {"name", "{\"", "\":0}", LETTERS ("a"), 0, "more than 16 MiB", 40},
  {"metadata", "{\"__metadata__\":{", "\"\":\"\"}}", "\"%u\":\"\",", 0,
      "more than 262144 entries", 40},
  {"tensors", "{", "\"\":0}", "\"%0300u\":{\"dtype\":\"I8\",\"shape\":[1],"
        "\"data_offsets\":[0,1]},", 1, "more than 262144 tensors", 160},
};

/* Made in place: a copy would hide the peak of reading it. */
static GBytes *
make_large (const LargeHeader *large)
{
  const gsize end = 8 + KILN_SAFETENSORS_MAX_HEADER - strlen (large->end);
  guint64 length = GUINT64_TO_LE ((guint64) KILN_SAFETENSORS_MAX_HEADER);
  GString *file = g_string_sized_new (8 + KILN_SAFETENSORS_MAX_HEADER);

  g_string_append_len (file, (char *) &length, 8);
  g_string_append (file, large->begin);
  for (guint i = 0; large->filling && file->len < end - 400; i++)
    g_string_append_printf (file, large->filling, i);
  while (file->len < end)
    g_string_append_c (file, ' ');
  g_string_append (file, large->end);
  for (gsize i = 0; i < large->n_data; i++)
    g_string_append_c (file, 0);
  return g_string_free_to_bytes (file);
}

static guint64
get_peak (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (guint64) usage.ru_maxrss << 10;
}

static void
read_large_header (gconstpointer data)
{
  const LargeHeader *large = data;
  g_autoptr (GBytes) bytes = make_large (large);
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnSafetensors) file = NULL;
  guint64 before = get_peak (), grown;

  file = kiln_safetensors_new_from_bytes (bytes, "x", &error);
  grown = get_peak () - before;
  g_printerr ("%s: %" G_GUINT64_FORMAT " kB more\n", large->name, grown >> 10);
  if (large->part)
    assert_model_error (&error, large->part);
  else
    g_assert_no_error (error);
  g_assert_cmpuint (grown, <=, (guint64) large->most << 20);
}

static void
test_large_header (gconstpointer data)
{
  if (g_test_subprocess ()) {
    read_large_header (data);
    return;
  }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*more*");
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
  for (guint i = 0; i < G_N_ELEMENTS (large_headers); i++) {
    g_autofree char *path = g_strconcat ("/safetensors/large-header/",
        large_headers[i].name, NULL);

    g_test_add_data_func (path, &large_headers[i], test_large_header);
  }
  g_test_add_func ("/safetensors/mapped", test_mapped);
  return g_test_run ();
}
