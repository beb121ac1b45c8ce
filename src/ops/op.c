/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "op.h"

gsize
kiln_type_size (KilnType type)
{
  switch (type) {
    case KILN_F32:
      return 4;
    case KILN_F16:
      return 2;
    case KILN_U8:
      return 1;
  }
  g_assert_not_reached ();
}

guint64
kiln_shape_row_bytes (const KilnShape *shape)
{
  return kiln_shape_stride (shape) * kiln_type_size (shape->type);
}

guint64
kiln_shape_bytes (const KilnShape *shape)
{
  return kiln_shape_rows (shape) * kiln_shape_row_bytes (shape);
}

char *
kiln_shape_to_string (const KilnShape *shape)
{
  static const char *const types[] = { "fp32", "fp16", "8-bit" };

  return g_strdup_printf ("%u×%u×%u×%u %s", shape->frames, shape->height,
      shape->width, shape->channels, types[shape->type]);
}

static VkFormat
texel_format (KilnType type)
{
  switch (type) {
    case KILN_F32:
      return VK_FORMAT_R32G32B32A32_SFLOAT;
    case KILN_F16:
      return VK_FORMAT_R16G16B16A16_SFLOAT;
    case KILN_U8:
      return VK_FORMAT_R8G8B8A8_UNORM;
  }
  g_assert_not_reached ();
}

KilnBinding
kiln_view_window (const KilnView *view, guint64 first_row, guint64 n_rows,
    guint32 *base)
{
  KilnDevice *device = kiln_buffer_get_device (view->buffer);
  guint64 alignment = kiln_device_get_info (device)->storage_alignment;
  guint64 row = kiln_shape_row_bytes (&view->shape);
  guint64 start = view->offset + first_row * row;
  guint64 aligned = start - start % alignment;

  *base = (start - aligned) / (4 * kiln_type_size (view->shape.type));
  return (KilnBinding) {
    view->buffer, aligned, start + n_rows * row - aligned,
    texel_format (view->shape.type)
  };
}

KilnBinding
kiln_view_lines (const KilnView *view, guint64 first_line, guint64 n_lines,
    guint32 *base)
{
  guint64 width = view->shape.width;

  return kiln_view_window (view, first_line * width, n_lines * width, base);
}

guint64
kiln_rows_per_dispatch (KilnDevice *device, guint64 unit, guint64 halo_rows,
    guint64 max_row_bytes, double flops_per_row)
{
  const KilnDeviceInfo *info = kiln_device_get_info (device);
  guint64 range = info->max_storage_range - info->storage_alignment;
  guint64 rows = range / max_row_bytes;
  double by_work = kiln_device_get_dispatch_flops (device)
      / MAX (flops_per_row, 1);

  rows = rows > 2 * halo_rows ? rows - 2 * halo_rows : 0;
  if (by_work < rows)
    rows = by_work;
  return MAX (rows - rows % unit, unit);
}

const char *
kiln_shader_variant (const char *base, KilnType type)
{
  static const char *const suffixes[] = { "_f32", "_f16", "_u8" };
  g_autofree char *name = g_strconcat (base, suffixes[type], NULL);

  return g_intern_string (name);
}

const char *
kiln_shader_for (KilnDevice *device, const char *base, KilnType type)
{
  g_autofree char *cpu = g_strconcat (base, "_cpu", NULL);

  return kiln_shader_variant (kiln_device_is_cpu (device) ? cpu : base, type);
}

guint32
kiln_texels_for (KilnDevice *device, guint32 inputs)
{
  return kiln_device_is_cpu (device) ? inputs : 0;
}
