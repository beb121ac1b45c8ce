/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "variant.h"
#include "../device/choices.h"

#include <math.h>
#include <string.h>

guint32
kiln_variant_group_size (const KilnVariant *self, KilnDevice *device)
{
  if (self->subgroups > 0)
    return self->subgroups * kiln_device_get_info (device)->subgroup_size;
  return self->group_size;
}

guint32
kiln_variant_shared_bytes (const KilnVariant *self, KilnDevice *device)
{
  if (self->find_shared_bytes != NULL)
    return self->find_shared_bytes (self, kiln_device_get_info (device));
  return self->shared_bytes;
}

gboolean
kiln_variant_supports (const KilnVariant *self, KilnDevice *device,
    KilnType type)
{
  const KilnDeviceInfo *info = kiln_device_get_info (device);

  return (self->types & 1u << type) != 0
      && (self->needs & ~info->features) == 0
      && kiln_variant_group_size (self, device) <= info->max_group_size
      && kiln_variant_shared_bytes (self, device) <= info->max_shared_bytes
      /* A software device wants what was written for one. */
      && ((self->needs ^ info->features) & KILN_FEATURE_SOFTWARE) == 0;
}

/* Whether its name is one of KILN_KERNELS, which commas separate. */
static gboolean
is_wanted (const KilnVariant *self, KilnDevice *device)
{
  const char *kernels = kiln_device_get_info (device)->kernels;
  g_auto (GStrv) names = g_strsplit (kernels, ",", -1);

  return g_strv_contains ((const char *const *) names, self->name);
}

static double
cost_of (const KilnVariant *self, const KilnOpClass *klass,
    KilnDevice *device, KilnType type, const KilnWork *work)
{
  return kiln_variant_supports (self, device, type)
      ? klass->cost (self, device, work) : HUGE_VAL;
}

gboolean
kiln_variant_is_candidate (const KilnVariant *self, const KilnOpClass *klass,
    KilnDevice *device, KilnType type, const KilnWork *work)
{
  return !self->on_request
      && !isinf (cost_of (self, klass, device, type, work));
}

char *
kiln_work_to_key (const KilnWork *work, KilnType type)
{
  GString *key = g_string_new (kiln_shader_variant (work->family, type));
  guint64 rows = 1;

  while (rows < work->rows)
    rows *= 2;
  g_string_append_printf (key, " %" G_GUINT64_FORMAT "x%" G_GUINT64_FORMAT,
      rows, work->columns);
  if (work->depth > 0)
    g_string_append_printf (key, "x%" G_GUINT64_FORMAT, work->depth);
  return g_string_free (key, FALSE);
}

/* NULL: nothing was, or what was is not there any more. */
static const KilnVariant *
find_measured (const KilnOpClass *klass, KilnDevice *device, KilnType type,
    const KilnWork *work)
{
  g_autofree char *key = kiln_work_to_key (work, type);
  const char *name = kiln_device_get_choice (device, key);

  for (const KilnVariant *self = klass->variants; name && self->name; self++)
    if (strcmp (self->name, name) == 0
        && kiln_variant_is_candidate (self, klass, device, type, work))
      return self;
  return NULL;
}

const KilnVariant *
kiln_variant_choose (const KilnOpClass *klass, KilnDevice *device,
    KilnType type, const KilnWork *work)
{
  const KilnVariant *best = NULL, *measured;
  double least = HUGE_VAL;
  gboolean wanted = FALSE;

  for (const KilnVariant *self = klass->variants; self->name != NULL; self++) {
    gboolean is = is_wanted (self, device);
    double its = cost_of (self, klass, device, type, work);

    if (isinf (its) || ((self->on_request || self->only_measured) && !is)
        || wanted > is || (wanted == is && its >= least))
      continue;
    best = self;
    least = its;
    wanted = is;
  }
  measured = wanted ? NULL : find_measured (klass, device, type, work);
  return measured != NULL ? measured : best;
}

void
kiln_variant_set_shader (const KilnVariant *self, KilnDevice *device,
    const char *family, KilnType type, KilnDispatch *dispatch)
{
  g_autofree char *name = g_strconcat (family, "_", self->shader, NULL);

  dispatch->variant = self->name;
  dispatch->shader = kiln_shader_variant (name, type);
  dispatch->group_size = kiln_variant_group_size (self, device);
  if (self->subgroups > 0)
    dispatch->subgroup_size = kiln_device_get_info (device)->subgroup_size;
}

void
kiln_variant_set_tiles (const KilnVariant *self, guint64 tiles,
    KilnDispatch *dispatch)
{
  dispatch->invocations = tiles * MAX (dispatch->group_size, 1);
}
