/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fault.h"

#include "../device/error.h"

gboolean
kiln_model_fault (GError **error, const char *path, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, KILN_ERROR, KILN_ERROR_MODEL, "%s: %s", path, text);
  return FALSE;
}
