/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stage.h"

#include <math.h>

/* Bytes a unit, by its name in any case; 0: no unit. */
static double
unit_bytes (const char *name)
{
  static const struct
  {
    const char *name;
    double bytes;
  } units[] = {
    { "", 1 }, { "B", 1 },
    { "kB", 1e3 }, { "MB", 1e6 }, { "GB", 1e9 },
    { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_ascii_strcasecmp (name, units[i].name) == 0)
      return units[i].bytes;
  return 0;
}

static gboolean
refuse (const char *text, GError **error)
{
  g_set_error (error, SVD_ERROR, SVD_ERROR_ARGUMENT,
      "The memory budget is \"%s\"; it can be a size such as 4GB, 3500MB or "
      "2GiB, or a share of the device's memory such as 50%%", text);
  return FALSE;
}

static gboolean
parse_share (const char *text, double percent, SvdDevice *device,
    guint64 *bytes, GError **error)
{
  if (percent > 100)
    return refuse (text, error);
  if (device == NULL) {
    g_set_error (error, SVD_ERROR, SVD_ERROR_ARGUMENT,
        "The memory budget is \"%s\", and there is no device of which that "
        "could be a share; give a size such as 4GB", text);
    return FALSE;
  }
  *bytes = percent / 100
      * kiln_device_get_info (svd_device_get_kiln (device))->memory_total;
  return TRUE;
}

gboolean
svd_memory_budget_parse (const char *text, SvdDevice *device,
    guint64 *bytes, GError **error)
{
  char *end = NULL;
  double number, unit;

  *bytes = 0;
  if (text == NULL || *text == '\0')
    return TRUE;
  number = g_ascii_isdigit (*text) ? g_ascii_strtod (text, &end) : 0;
  if (!(number > 0))
    return refuse (text, error);
  while (*end == ' ')
    end++;
  if (g_str_equal (end, "%"))
    return parse_share (text, number, device, bytes, error);
  unit = unit_bytes (end);
  if (!(number * unit >= 1 && number * unit < G_MAXINT64))
    return refuse (text, error);
  *bytes = number * unit;
  return TRUE;
}
