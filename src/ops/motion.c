/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion.h"

gboolean
kiln_motion_check_pictures (const KilnShape *first, const KilnShape *second,
    GError **error)
{
  if (first->type == KILN_F32 && first->frames == 1 && first->channels == 4
      && second->type == KILN_F32 && second->frames == 1
      && second->channels == 4 && first->height == second->height
      && first->width == second->width && kiln_shape_rows (first) > 0
      && kiln_shape_rows (first) <= G_MAXINT32)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "these are not two fp32 pictures of four channels and one size");
  return FALSE;
}

gboolean
kiln_motion_check_field (const KilnShape *field, guint32 frames,
    GError **error)
{
  if (field->type == KILN_F32 && field->frames == frames
      && field->channels == 4 && kiln_shape_rows (field) > 0
      && kiln_shape_rows (field) <= G_MAXINT32)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "this is no fp32 field of %u frames and four channels", frames);
  return FALSE;
}

gboolean
kiln_motion_check_number (const KilnShape *number, GError **error)
{
  if (number->type == KILN_F32 && number->channels == 1
      && kiln_shape_rows (number) == 1)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "the time is not one fp32 number");
  return FALSE;
}

KilnBinding
kiln_motion_bind (const KilnView *view, guint32 *base)
{
  return kiln_view_window (view, 0, kiln_shape_rows (&view->shape), base);
}

KilnBand
kiln_motion_band (KilnDevice *device, const KilnShape *picture, guint32 unit)
{
  const KilnDeviceInfo *info = kiln_device_get_info (device);
  guint64 line = picture->width * kiln_shape_row_bytes (picture);
  guint64 most = (info->max_storage_range - info->storage_alignment) / line;
  guint64 lines = MAX (most / 2 - most / 2 % unit, unit);

  if (most >= picture->height)
    return (KilnBand) {
      (picture->height + unit - 1) / unit * unit, picture->height
    };
  return (KilnBand) { lines, most > lines ? (most - lines) / 2 : 0 };
}

void
kiln_motion_bind_pictures (KilnDispatch *dispatch, const KilnView *pictures,
    const KilnBand *band, guint32 line, KilnPictureWindow *window)
{
  const KilnShape *shape = &pictures[0].shape;
  guint64 end = (guint64) line + band->lines + band->reach;

  window->width = shape->width;
  window->height = shape->height;
  window->first_line = line > band->reach ? line - band->reach : 0;
  window->lines = MIN (end, shape->height) - window->first_line;
  dispatch->bindings[0] = kiln_view_window (&pictures[0],
      (guint64) window->first_line * shape->width,
      (guint64) window->lines * shape->width, &window->first_base);
  dispatch->bindings[1] = kiln_view_window (&pictures[1],
      (guint64) window->first_line * shape->width,
      (guint64) window->lines * shape->width, &window->second_base);
}
