/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "../../src/weights/json-scan.h"

#include <string.h>

static gboolean
accepts_bytes (const char *text, gsize length)
{
  KilnJson json;

  kiln_json_init (&json, text, length);
  kiln_json_skip (&json);
  return kiln_json_end (&json);
}

static gboolean
accepts (const char *text)
{
  return accepts_bytes (text, strlen (text));
}

static void
test_good (void)
{
  static const char *const texts[] = { "{}", "[]", " [ ] ", "null", "true",
    "-0", "0.5e-3", "1E+2", "\"\"", "[1,2 , 3]", "{\"a\":{\"b\":[{}]}}",
    "\"\\u00e9\\ud83d\\ude00 \\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\xc3\xa9\"",
    "{\"a\":1,\"a\":2}", "\t\r\n{}\n"
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (!accepts (texts[i]))
      g_error ("refused: %s", texts[i]);
}

static void
test_bad (void)
{
  static const char *const texts[] = { "", " ", "{", "[", "}", "[}", "{]",
    "[1,]", "[,1]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
    "{1:1}", "[1 2]", "[1", "\"", "\"\\", "\"\\x\"", "\"\\u12\"",
    "\"\\u000\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
    "\"\\udc00\"", "\"\n\"", "01", "-", "+1", ".5", "1.", "1e", "1e+",
    "nul", "True", "NaN", "Infinity", "{} {}", "[]]", "truefalse",
    "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "// x\n{}", "'a'"
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (accepts (texts[i]))
      g_error ("accepted: %s", texts[i]);
  g_assert_false (accepts_bytes ("{}\0", 3));
  g_assert_false (accepts_bytes ("\"a\0b\"", 5));
}

static void
test_depth (void)
{
  g_autoptr (GString) deep = g_string_new (NULL);

  for (guint i = 0; i < KILN_JSON_MAX_DEPTH; i++)
    g_string_append_c (deep, '[');
  for (guint i = 0; i < KILN_JSON_MAX_DEPTH; i++)
    g_string_append_c (deep, ']');
  g_assert_true (accepts (deep->str));
  g_string_prepend_c (deep, '[');
  g_string_append_c (deep, ']');
  g_assert_false (accepts (deep->str));
  g_string_truncate (deep, 0);
  for (guint i = 0; i < 1000000; i++)
    g_string_append_c (deep, '[');
  g_assert_false (accepts (deep->str));
}

static void
test_strings (void)
{
  static const char text[] = "\"a\\u00e9\\ud83d\\ude00\\n\\\"z\"";
  g_autoptr (GString) string = g_string_new ("old");
  KilnJson json;

  kiln_json_init (&json, text, strlen (text));
  g_assert_true (kiln_json_string (&json, string));
  g_assert_cmpstr (string->str, ==, "a\xc3\xa9\xf0\x9f\x98\x80\n\"z");
  g_assert_true (kiln_json_end (&json));
}

static gboolean
read_number (const char *text, guint64 *value)
{
  KilnJson json;

  kiln_json_init (&json, text, strlen (text));
  return kiln_json_uint64 (&json, value) && kiln_json_end (&json);
}

static void
test_numbers (void)
{
  static const char *const bad[] = { "", "-1", "1.0", "1e3", "00", "01",
    "18446744073709551616", "99999999999999999999999", "x", "\"1\"", "null"
  };
  guint64 value;

  g_assert_true (read_number ("0", &value));
  g_assert_cmpuint (value, ==, 0);
  g_assert_true (read_number (" 18446744073709551615 ", &value));
  g_assert_cmpuint (value, ==, G_MAXUINT64);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    if (read_number (bad[i], &value))
      g_error ("accepted: %s", bad[i]);
}

static void
test_fault_stays (void)
{
  g_autoptr (GString) key = g_string_new (NULL);
  KilnJson json;

  kiln_json_init (&json, "{\"a\" 1}", 7);
  g_assert_true (kiln_json_open (&json, '{'));
  g_assert_true (kiln_json_next (&json, '}'));
  g_assert_false (kiln_json_key (&json, key));
  g_assert_cmpstr (json.fault, ==, "no colon behind a name");
  g_assert_cmpuint (json.fault_offset, ==, 5);
  g_assert_false (kiln_json_skip (&json));
  g_assert_false (kiln_json_next (&json, '}'));
  g_assert_false (kiln_json_end (&json));
  g_assert_cmpstr (json.fault, ==, "no colon behind a name");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/good", test_good);
  g_test_add_func ("/json/bad", test_bad);
  g_test_add_func ("/json/depth", test_depth);
  g_test_add_func ("/json/strings", test_strings);
  g_test_add_func ("/json/numbers", test_numbers);
  g_test_add_func ("/json/fault-stays", test_fault_stays);
  return g_test_run ();
}
