/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "infer.h"

#include "fault.h"

#define MAX_EXTENT (1 << 20)

static const KilnSafetensorsEntry *
find (KilnInference *inference, const char *name)
{
  g_autofree char *full = g_strconcat (inference->prefix, name, NULL);

  return kiln_safetensors_find (inference->file, full);
}

gboolean
kiln_infer_has (KilnInference *inference, const char *format, ...)
{
  g_autofree char *name = NULL;
  va_list args;

  va_start (args, format);
  name = g_strdup_vprintf (format, args);
  va_end (args);
  return find (inference, name) != NULL;
}

guint
kiln_infer_count (KilnInference *inference, guint max, const char *rest,
    const char *format, ...)
{
  g_autofree char *before = NULL;
  guint n;
  va_list args;

  va_start (args, format);
  before = g_strdup_vprintf (format, args);
  va_end (args);
  for (n = 0; n < max; n++)
    if (!kiln_infer_has (inference, "%s%u%s", before, n, rest))
      break;
  return n;
}

guint
kiln_infer_extent (KilnInference *inference, guint axis, const char *format,
    ...)
{
  const KilnSafetensorsEntry *entry;
  g_autofree char *name = NULL;
  va_list args;

  if (inference->fault)
    return 1;
  va_start (args, format);
  name = g_strdup_vprintf (format, args);
  va_end (args);
  entry = find (inference, name);
  if (entry && axis < entry->info.n_dims
      && entry->info.shape[axis] <= MAX_EXTENT)
    return (guint) entry->info.shape[axis];
  if (!entry)
    kiln_infer_fail (inference, "tensor '%s%s' is missing: this is no "
        "complete Stable Video Diffusion checkpoint", inference->prefix,
        name);
  else
    kiln_infer_fail (inference, "tensor '%s' has an unexpected shape",
        entry->name);
  return 1;
}

void
kiln_infer_fail (KilnInference *inference, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (inference->fault)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  kiln_model_fault (&inference->fault,
      kiln_safetensors_get_path (inference->file), "%s", text);
}

gboolean
kiln_infer_finish (KilnInference *inference, GError **error)
{
  if (!inference->fault)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&inference->fault));
  return FALSE;
}
