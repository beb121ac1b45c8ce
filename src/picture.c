/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture.h"

#include <string.h>

void
svd_fitted_clear (SvdFitted *fitted)
{
  g_clear_pointer (&fitted->pixels, g_free);
}

/* The part of the picture that is kept and where it goes. */
typedef struct {
  guint from_x, from_y, to_x, to_y, width, height;
} Placement;

static guint
scaled (guint size, guint numerator, guint denominator)
{
  guint64 result = ((guint64) size * numerator + denominator / 2)
      / denominator;

  return CLAMP (result, 1, G_MAXUINT);
}

/* The largest size of the wanted aspect ratio inside the picture, or the
 * smallest around it. */
static void
target_size (const SvdPicture *picture, SvdFit fit, guint width, guint height,
    guint *target_width, guint *target_height)
{
  gboolean too_wide = (guint64) picture->width * height
      > (guint64) picture->height * width;

  *target_width = picture->width;
  *target_height = picture->height;
  if (fit == SVD_FIT_STRETCH)
    return;
  if (too_wide == (fit == SVD_FIT_CROP))
    *target_width = scaled (picture->height, width, height);
  else
    *target_height = scaled (picture->width, height, width);
}

static Placement
place (const SvdPicture *picture, guint width, guint height)
{
  Placement p = {
    .width = MIN (picture->width, width),
    .height = MIN (picture->height, height),
  };

  p.from_x = (picture->width - p.width) / 2;
  p.from_y = (picture->height - p.height) / 2;
  p.to_x = (width - p.width) / 2;
  p.to_y = (height - p.height) / 2;
  return p;
}

static void
copy_row (const guint8 *from, guint8 *to, guint n)
{
  for (guint i = 0; i < n; i++) {
    memcpy (to + 4 * i, from + 4 * i, 3);
    to[4 * i + 3] = 0;
  }
}

gboolean
svd_picture_fit (const SvdPicture *picture, SvdFit fit, guint width,
    guint height, SvdFitted *fitted, GError **error)
{
  Placement p;
  gsize row;

  if (picture->width == 0 || picture->height == 0
      || picture->pixels == NULL) {
    g_set_error (error, SVD_ERROR, SVD_ERROR_SHAPE,
        "The picture is empty (%ux%u); give one of at least 1x1 pixel",
        picture->width, picture->height);
    return FALSE;
  }
  target_size (picture, fit, width, height, &fitted->width, &fitted->height);
  row = (gsize) fitted->width * 4;
  fitted->pixels = g_try_malloc0_n (fitted->height, row);
  if (fitted->pixels == NULL) {
    g_set_error (error, SVD_ERROR, SVD_ERROR_OUT_OF_MEMORY,
        "Not enough memory for a picture of %ux%u; scale it down first",
        fitted->width, fitted->height);
    return FALSE;
  }
  p = place (picture, fitted->width, fitted->height);
  for (guint y = 0; y < p.height; y++)
    copy_row (picture->pixels + (p.from_y + y) * picture->stride
        + (gsize) p.from_x * 4,
        fitted->pixels + (p.to_y + y) * row + (gsize) p.to_x * 4, p.width);
  return TRUE;
}
