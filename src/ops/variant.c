/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "variant.h"

#include <math.h>

guint32
kiln_variant_group_size (const KilnVariant *self, KilnDevice *device)
{
  if (self->subgroups > 0)
    return self->subgroups * kiln_device_get_info (device)->subgroup_size;
  return self->group_size;
}

gboolean
kiln_variant_supports (const KilnVariant *self, KilnDevice *device,
    KilnType type)
{
  const KilnDeviceInfo *info = kiln_device_get_info (device);

  return (self->types & 1u << type) != 0
      && (self->needs & ~info->features) == 0
      && kiln_variant_group_size (self, device) <= info->max_group_size
      && self->shared_bytes <= info->max_shared_bytes
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

const KilnVariant *
kiln_variant_choose (const KilnVariant *table, KilnDevice *device,
    KilnType type, KilnVariantCost cost, gconstpointer shape)
{
  const KilnVariant *best = NULL;
  double least = HUGE_VAL;
  gboolean wanted = FALSE;

  for (const KilnVariant *self = table; self->name != NULL; self++) {
    gboolean is = is_wanted (self, device);
    double its = kiln_variant_supports (self, device, type)
        ? cost (self, device, shape) : HUGE_VAL;

    if (isinf (its) || (self->on_request && !is) || wanted > is
        || (wanted == is && its >= least))
      continue;
    best = self;
    least = its;
    wanted = is;
  }
  return best;
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
