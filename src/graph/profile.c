/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "profile.h"

#include <string.h>

typedef struct {
  const char *label, *variant;
  guint64 nanoseconds;
  double flops;
  guint count;
} Row;

static gint
by_label (gconstpointer a, gconstpointer b)
{
  const Row *x = a, *y = b;
  int order = strcmp (x->label, y->label);

  return order != 0 ? order : g_strcmp0 (x->variant, y->variant);
}

static gint
by_time (gconstpointer a, gconstpointer b)
{
  const Row *x = a, *y = b;

  return x->nanoseconds < y->nanoseconds ? 1
      : x->nanoseconds > y->nanoseconds ? -1 : 0;
}

static GArray *
sum_rows (const KilnTiming *timings, guint n)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Row));
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (Row));

  for (guint i = 0; i < n; i++) {
    Row row = {
      timings[i].label, timings[i].variant, timings[i].nanoseconds,
      timings[i].flops, 1
    };

    g_array_append_val (all, row);
  }
  g_array_sort (all, by_label);
  for (guint i = 0; i < n; i++) {
    const Row *row = &g_array_index (all, Row, i);
    Row *last = rows->len ? &g_array_index (rows, Row, rows->len - 1) : NULL;

    if (last == NULL || by_label (last, row) != 0) {
      g_array_append_val (rows, *row);
      continue;
    }
    last->nanoseconds += row->nanoseconds;
    last->flops += row->flops;
    last->count++;
  }
  g_array_sort (rows, by_time);
  return rows;
}

void
kiln_profile_print (KilnCommands *commands)
{
  guint n;
  const KilnTiming *timings = kiln_commands_get_timings (commands, &n);
  g_autoptr (GArray) rows = NULL;

  if (n == 0)
    return;
  rows = sum_rows (timings, n);
  for (guint i = 0; i < rows->len; i++) {
    const Row *row = &g_array_index (rows, Row, i);

    g_printerr ("%10.3f ms %8.2f GFLOP/s %4u× %s%s%s\n",
        row->nanoseconds / 1e6, row->flops / MAX (row->nanoseconds, 1),
        row->count, row->label, row->variant ? ", " : "",
        row->variant ? row->variant : "");
  }
}
