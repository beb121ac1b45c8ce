/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "measure.h"

#include <math.h>
#include <string.h>

typedef struct {
  char *stage, *column, *text;
} Cell;

static GArray *cells;           /* Cell */

double
relative_l2 (const float *a, const float *b, gsize n)
{
  double difference = 0, size = 0;

  for (gsize i = 0; i < n; i++) {
    difference += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
    size += (double) b[i] * b[i];
  }
  return sqrt (difference / size);
}

static double
psnr (double squares, gsize n)
{
  return -10 * log10 (squares / n);
}

double
psnr_bytes (const guint8 *a, const guint8 *b, gsize n)
{
  double squares = 0;

  for (gsize i = 0; i < n; i++)
    squares += (a[i] - b[i]) * (a[i] - b[i]);
  return psnr (squares / (255 * 255), n);
}

double
psnr_floats (const float *a, const float *b, gsize n)
{
  double squares = 0;

  for (gsize i = 0; i < n; i++)
    squares += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
  return psnr (squares, n);
}

static void
remember (const char *stage, const char *column, const char *text)
{
  Cell cell = { g_strdup (stage), g_strdup (column), g_strdup (text) };

  if (cells == NULL)
    cells = g_array_new (FALSE, FALSE, sizeof (Cell));
  g_array_append_val (cells, cell);
}

void
measure_error (const char *stage, const char *column, double error,
    double at_most)
{
  g_autofree char *text = g_strdup_printf ("%.1e", error);

  remember (stage, column, text);
  g_test_message ("%s %s: %s, at most %.0e", column, stage, text, at_most);
  if (!(error <= at_most)) {
    g_test_message ("%s is too far off", stage);
    g_test_fail ();
  }
}

void
measure_psnr (const char *stage, const char *column, double value,
    double at_least)
{
  g_autofree char *text = g_strdup_printf ("%.1f dB", value);

  remember (stage, column, text);
  g_test_message ("%s %s: %s, at least %.0f", column, stage, text, at_least);
  if (!(value >= at_least)) {
    g_test_message ("%s is too far off", stage);
    g_test_fail ();
  }
}

/* ---- The table */

static GPtrArray *
distinct (gsize member)
{
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < cells->len; i++) {
    Cell *cell = &g_array_index (cells, Cell, i);
    char *name = G_STRUCT_MEMBER (char *, cell, member);

    if (!g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
      g_ptr_array_add (names, name);
  }
  return names;
}

static const char *
find_cell (const char *stage, const char *column)
{
  for (guint i = 0; i < cells->len; i++) {
    Cell *cell = &g_array_index (cells, Cell, i);

    if (g_str_equal (cell->stage, stage)
        && g_str_equal (cell->column, column))
      return cell->text;
  }
  return "";
}

void
measure_print_table (void)
{
  g_autoptr (GPtrArray) stages = NULL, columns = NULL;

  if (cells == NULL)
    return;
  stages = distinct (G_STRUCT_OFFSET (Cell, stage));
  columns = distinct (G_STRUCT_OFFSET (Cell, column));
  g_print ("# %-34s", "");
  for (guint i = 0; i < columns->len; i++)
    g_print (" %10s", (char *) columns->pdata[i]);
  for (guint j = 0; j < stages->len; j++) {
    g_print ("\n# %-34s", (char *) stages->pdata[j]);
    for (guint i = 0; i < columns->len; i++)
      g_print (" %10s", find_cell (stages->pdata[j], columns->pdata[i]));
  }
  g_print ("\n");
}
