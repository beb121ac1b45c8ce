/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target without a fuzzer: replay FOLDER [N [SEED]]
 *
 * Replays every file of the folder, then N mutations of them: bytes and
 * runs of bytes changed, removed, repeated or taken from another file.
 * The last input before a crash is in the file named by $FUZZ_KEEP. */

#include <stdio.h>

#include "fuzz.h"

#define MAX_BYTES (1 << 16)

static GPtrArray *
read_corpus (const char *folder)
{
  GPtrArray *corpus =
      g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    char *content;
    gsize length;

    if (g_file_get_contents (path, &content, &length, NULL))
      g_ptr_array_add (corpus, g_bytes_new_take (content, length));
  }
  g_clear_pointer (&dir, g_dir_close);
  return corpus;
}

static void
run (const guint8 *data, gsize size)
{
  const char *keep = g_getenv ("FUZZ_KEEP");

  if (keep && *keep)
    g_file_set_contents (keep, (const char *) data, size, NULL);
  LLVMFuzzerTestOneInput (data, size);
}

static guint
random_below (GRand *random, guint limit)
{
  return limit ? g_rand_int (random) % limit : 0;
}

/* Something that a length, a number or a bracket might be. */
static void
change_bytes (GRand *random, GByteArray *input)
{
  static const char digits[] = "0123456789-.eE{}[]\",:\\u ";
  guint at = random_below (random, input->len);

  switch (random_below (random, 3)) {
    case 0:
      input->data[at] ^= 1 << random_below (random, 8);
      break;
    case 1:
      input->data[at] = digits[random_below (random, sizeof digits - 1)];
      break;
    default:
      input->data[at] = random_below (random, 2) ? 0xff
          : random_below (random, 256);
  }
}

/* Replaces a run of input by one of other, which may be input itself. */
static void
splice (GRand *random, GByteArray *input, GBytes *other)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (other, &size);
  guint from = random_below (random, size);
  guint length = random_below (random, MIN (size - from, 64) + 1);
  guint at = random_below (random, input->len + 1);
  guint cut = random_below (random, MIN (input->len - at, 64) + 1);
  GByteArray *result = g_byte_array_sized_new (1);

  g_byte_array_append (result, input->data, at);
  g_byte_array_append (result, data + from, length);
  g_byte_array_append (result, input->data + at + cut,
      input->len - at - cut);
  g_byte_array_set_size (input, 0);
  g_byte_array_append (input, result->data, MIN (result->len, MAX_BYTES));
  g_byte_array_unref (result);
}

static GBytes *
pick (GRand *random, GPtrArray *corpus)
{
  return g_ptr_array_index (corpus, random_below (random, corpus->len));
}

static void
run_mutation (GRand *random, GPtrArray *corpus)
{
  GBytes *seed = pick (random, corpus);
  GByteArray *input = g_byte_array_new ();
  guint n_changes = 1 + random_below (random, 8);

  g_byte_array_append (input, g_bytes_get_data (seed, NULL),
      g_bytes_get_size (seed));
  for (guint i = 0; i < n_changes; i++) {
    if (input->len > 0 && random_below (random, 2))
      change_bytes (random, input);
    else
      splice (random, input, pick (random, corpus));
  }
  run (input->data, input->len);
  g_byte_array_unref (input);
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) corpus = read_corpus (argc > 1 ? argv[1] : ".");
  guint64 n = argc > 2 ? g_ascii_strtoull (argv[2], NULL, 10) : 0;
  g_autoptr (GRand) random =
      g_rand_new_with_seed (argc > 3 ? g_ascii_strtoull (argv[3], NULL, 10)
      : 1);

  for (guint i = 0; i < corpus->len; i++) {
    gsize size;
    const guint8 *data = g_bytes_get_data (corpus->pdata[i], &size);

    run (data, size);
  }
  for (guint64 i = 0; corpus->len && i < n; i++)
    run_mutation (random, corpus);
  printf ("%u files, %" G_GUINT64_FORMAT " mutations\n", corpus->len, n);
  return corpus->len ? 0 : 1;
}
