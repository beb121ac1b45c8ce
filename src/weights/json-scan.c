/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The grammar is RFC 8259's. */

#include "json-scan.h"

#include <string.h>

static gboolean
fail (KilnJson *json, const char *fault)
{
  if (!json->fault) {
    json->fault = fault;
    json->fault_offset = json->at - json->text;
  }
  return FALSE;
}

void
kiln_json_init (KilnJson *json, const char *text, gsize length)
{
  const char *valid_end;

  if (length == 0)              /* an empty mapping is NULL */
    text = "";
  json->text = json->at = text;
  json->end = text + length;
  json->fault = NULL;
  json->fault_offset = 0;
  json->fresh = FALSE;
  if (!g_utf8_validate_len (text, length, &valid_end)) {
    json->at = valid_end;
    fail (json, "text that is not UTF-8");
  }
}

static void
skip_space (KilnJson *json)
{
  while (json->at < json->end && (*json->at == ' ' || *json->at == '\n'
          || *json->at == '\r' || *json->at == '\t'))
    json->at++;
}

/* The next character that is no white space; 0 at the end. */
static char
peek (KilnJson *json)
{
  skip_space (json);
  return json->at < json->end ? *json->at : 0;
}

static gboolean
accept (KilnJson *json, char wanted)
{
  if (json->fault || peek (json) != wanted)
    return FALSE;
  json->at++;
  return TRUE;
}

gboolean
kiln_json_open (KilnJson *json, char bracket)
{
  if (!accept (json, bracket))
    return fail (json, bracket == '{' ? "no object where one belongs"
        : "no array where one belongs");
  json->fresh = TRUE;
  return TRUE;
}

gboolean
kiln_json_next (KilnJson *json, char bracket)
{
  gboolean first = json->fresh;

  json->fresh = FALSE;
  if (accept (json, bracket))
    return FALSE;
  if (!first && !accept (json, ','))
    return fail (json, "no comma between members");
  return !json->fault;
}

static gboolean
read_hex4 (KilnJson *json, guint *value)
{
  *value = 0;
  for (guint i = 0; i < 4; i++) {
    int digit = json->at < json->end ? g_ascii_xdigit_value (*json->at) : -1;

    if (digit < 0)
      return fail (json, "a bad \\u escape");
    *value = *value << 4 | (guint) digit;
    json->at++;
  }
  return TRUE;
}

/* What stands behind "\u"; characters outside the first plane are two
 * escapes, a high and a low surrogate. */
static gboolean
read_unicode_escape (KilnJson *json, gunichar *character)
{
  guint high, low;

  if (!read_hex4 (json, &high))
    return FALSE;
  *character = high;
  if (high == 0)
    return fail (json, "a NUL in a string");
  if (high < 0xD800 || high > 0xDFFF)
    return TRUE;
  if (high > 0xDBFF || json->end - json->at < 2 || json->at[0] != '\\'
      || json->at[1] != 'u')
    return fail (json, "half a surrogate pair");
  json->at += 2;
  if (!read_hex4 (json, &low))
    return FALSE;
  if (low < 0xDC00 || low > 0xDFFF)
    return fail (json, "half a surrogate pair");
  *character = 0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00));
  return TRUE;
}

static gboolean
read_escape (KilnJson *json, gunichar *character)
{
  static const char letters[] = "\"\\/bfnrt";
  static const char meanings[] = "\"\\/\b\f\n\r\t";
  const char *letter;
  char c = json->at < json->end ? *json->at : 0;

  if (c == 'u') {
    json->at++;
    return read_unicode_escape (json, character);
  }
  letter = c ? strchr (letters, c) : NULL;
  if (!letter)
    return fail (json, "an unknown escape");
  *character = meanings[letter - letters];
  json->at++;
  return TRUE;
}

/* string may be NULL: then it is only checked. */
static gboolean
read_string (KilnJson *json, GString *string)
{
  if (string)
    g_string_truncate (string, 0);
  if (!accept (json, '"'))
    return fail (json, "no string where one belongs");
  for (;;) {
    const char *run = json->at;
    gunichar character;

    while (json->at < json->end && *json->at != '"' && *json->at != '\\'
        && (guchar) * json->at >= 0x20)
      json->at++;
    if (string && string->len + (json->at - run) > KILN_JSON_MAX_STRING)
      return fail (json, "a string of more than 16 MiB");
    if (string)
      g_string_append_len (string, run, json->at - run);
    if (json->at == json->end)
      return fail (json, "a string without end");
    if ((guchar) * json->at < 0x20)
      return fail (json, "a control character in a string");
    if (*json->at++ == '"')
      return TRUE;
    if (!read_escape (json, &character))
      return FALSE;
    if (string)
      g_string_append_unichar (string, character);
  }
}

gboolean
kiln_json_string (KilnJson *json, GString *string)
{
  return read_string (json, string);
}

gboolean
kiln_json_key (KilnJson *json, GString *key)
{
  if (!read_string (json, key))
    return FALSE;
  return accept (json, ':') || fail (json, "no colon behind a name");
}

gboolean
kiln_json_uint64 (KilnJson *json, guint64 *value)
{
  const char *digits;

  if (json->fault)
    return FALSE;
  peek (json);
  digits = json->at;
  *value = 0;
  while (json->at < json->end && g_ascii_isdigit (*json->at)) {
    guint64 digit = *json->at - '0';

    if (!g_uint64_checked_mul (value, *value, 10)
        || !g_uint64_checked_add (value, *value, digit))
      return fail (json, "a number past 64 bits");
    json->at++;
  }
  if (json->at == digits)
    return fail (json, "no whole number where one belongs");
  if (*digits == '0' && json->at - digits > 1)
    return fail (json, "a number with a leading zero");
  if (json->at < json->end && strchr (".eE", *json->at))
    return fail (json, "a fraction where a whole number belongs");
  return TRUE;
}

static gboolean
skip_digits (KilnJson *json)
{
  const char *digits = json->at;

  while (json->at < json->end && g_ascii_isdigit (*json->at))
    json->at++;
  return json->at > digits || fail (json, "a malformed number");
}

static gboolean
at_one_of (KilnJson *json, const char *characters)
{
  return json->at < json->end && *json->at && strchr (characters, *json->at);
}

static gboolean
skip_number (KilnJson *json)
{
  const char *digits;

  if (at_one_of (json, "-"))
    json->at++;
  digits = json->at;
  if (!skip_digits (json))
    return FALSE;
  if (*digits == '0' && json->at - digits > 1)
    return fail (json, "a number with a leading zero");
  if (at_one_of (json, ".")) {
    json->at++;
    if (!skip_digits (json))
      return FALSE;
  }
  if (at_one_of (json, "eE")) {
    json->at++;
    if (at_one_of (json, "+-"))
      json->at++;
    return skip_digits (json);
  }
  return TRUE;
}

static gboolean
skip_word (KilnJson *json, const char *word)
{
  gsize length = strlen (word);

  if ((gsize) (json->end - json->at) < length
      || memcmp (json->at, word, length) != 0)
    return fail (json, "an unknown word");
  json->at += length;
  return TRUE;
}

static gboolean skip_value (KilnJson *json, guint depth);

static gboolean
skip_container (KilnJson *json, char open, char close, guint depth)
{
  if (depth >= KILN_JSON_MAX_DEPTH)
    return fail (json, "too deep a nesting");
  kiln_json_open (json, open);
  while (kiln_json_next (json, close)) {
    if (open == '{' && !kiln_json_key (json, NULL))
      return FALSE;
    if (!skip_value (json, depth + 1))
      return FALSE;
  }
  return !json->fault;
}

static gboolean
skip_value (KilnJson *json, guint depth)
{
  if (json->fault)
    return FALSE;
  switch (peek (json)) {
    case '{':
      return skip_container (json, '{', '}', depth);
    case '[':
      return skip_container (json, '[', ']', depth);
    case '"':
      return read_string (json, NULL);
    case 't':
      return skip_word (json, "true");
    case 'f':
      return skip_word (json, "false");
    case 'n':
      return skip_word (json, "null");
    default:
      return skip_number (json);
  }
}

gboolean
kiln_json_skip (KilnJson *json)
{
  return skip_value (json, 0);
}

gboolean
kiln_json_end (KilnJson *json)
{
  if (!json->fault && (peek (json) || json->at < json->end))
    fail (json, "something behind the end");
  return !json->fault;
}
