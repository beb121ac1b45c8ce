/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"
#include "ops/compare.h"
#include "ops/pixels.h"

#include <math.h>

/* ---- Ranges and matrices of Rec. ITU-R BT.601, 709 and 2020 */

static double
unit (const KilnPixels *p)
{
  return p->sample_bytes == 2 ? 4 : 1;
}

static double
most (const KilnPixels *p)
{
  return p->sample_bytes == 2 ? 1023 : 255;
}

static double
luma_offset (const KilnPixels *p)
{
  return p->full_range ? 0 : 16 * unit (p);
}

static double
luma_scale (const KilnPixels *p)
{
  return p->full_range ? most (p) : 219 * unit (p);
}

static double
chroma_scale (const KilnPixels *p)
{
  return p->full_range ? most (p) : 224 * unit (p);
}

static gboolean
halves_rows (const KilnPixels *p)
{
  return p->layout == KILN_PIXELS_PLANAR
      || p->layout == KILN_PIXELS_SEMIPLANAR;
}

/* ---- Reading */

static guint
sample (const KilnPixels *p, const CheckInput *bytes, guint plane,
    guint32 row, guint32 i)
{
  KilnPixelPlane where = kiln_pixels_plane (p, plane);
  const float *data =
      bytes->data + 4 * (where.offset + (guint64) row * where.stride);

  if (p->sample_bytes == 1)
    return data[i];
  return ((guint) data[2 * i] | (guint) data[2 * i + 1] << 8) >> p->shift;
}

static void
read_yuv (const KilnPixels *p, const CheckInput *bytes, guint32 x, guint32 y,
    double yuv[3])
{
  guint v[3];

  switch (p->layout) {
    case KILN_PIXELS_YUY2:
      v[0] = sample (p, bytes, 0, y, 2 * x);
      v[1] = sample (p, bytes, 0, y, x / 2 * 4 + 1);
      v[2] = sample (p, bytes, 0, y, x / 2 * 4 + 3);
      break;
    case KILN_PIXELS_SEMIPLANAR:
      v[0] = sample (p, bytes, 0, y, x);
      v[1] = sample (p, bytes, 1, y / 2, x / 2 * 2);
      v[2] = sample (p, bytes, 1, y / 2, x / 2 * 2 + 1);
      break;
    default:
      v[0] = sample (p, bytes, 0, y, x);
      v[1] = sample (p, bytes, 1, y / 2, x / 2);
      v[2] = sample (p, bytes, 2, y / 2, x / 2);
      break;
  }
  yuv[0] = (v[0] - luma_offset (p)) / luma_scale (p);
  for (guint c = 1; c < 3; c++)
    yuv[c] = (v[c] - 128 * unit (p)) / chroma_scale (p);
}

static void
read_packed (const KilnPixels *p, const CheckInput *bytes, guint32 x,
    guint32 y, double rgba[4])
{
  guint32 at = x * p->channels;

  for (guint c = 0; c < 3; c++)
    rgba[c] = (sample (p, bytes, 0, y, at + (p->blue_first ? 2 - c : c))
        - luma_offset (p)) / luma_scale (p);
  if (p->alpha)
    rgba[3] = sample (p, bytes, 0, y, at + 3) / 255.0;
}

REFERENCE (reference_pixels_read)
{
  const KilnPixels *p = params;
  double kg = 1 - p->kr - p->kb;

  for (guint i = 0; i < n_rows; i++) {
    guint32 x = rows[i] % p->width, y = rows[i] / p->width;
    double *rgba = values + 4 * i, yuv[3];

    rgba[3] = 1;
    if (p->layout == KILN_PIXELS_PACKED) {
      read_packed (p, inputs, x, y, rgba);
      continue;
    }
    read_yuv (p, inputs, x, y, yuv);
    rgba[0] = yuv[0] + 2 * (1 - p->kr) * yuv[2];
    rgba[2] = yuv[0] + 2 * (1 - p->kb) * yuv[1];
    rgba[1] = (yuv[0] - p->kr * rgba[0] - p->kb * rgba[2]) / kg;
  }
}

/* ---- Writing */

static double
channel (const KilnPixels *p, const CheckInput *picture, guint32 x, guint32 y,
    guint c)
{
  return check_at (picture, (guint64) MIN (y, p->height - 1) * p->width
      + MIN (x, p->width - 1), c);
}

/* Luma (0) or a colour difference of one position. */
static double
yuv_channel (const KilnPixels *p, const CheckInput *picture, guint32 x,
    guint32 y, guint c)
{
  double red = channel (p, picture, x, y, 0);
  double blue = channel (p, picture, x, y, 2);
  double luma = p->kr * red + p->kb * blue
      + (1 - p->kr - p->kb) * channel (p, picture, x, y, 1);

  return c == 0 ? luma : c == 1 ? (blue - luma) / (2 * (1 - p->kb))
      : (red - luma) / (2 * (1 - p->kr));
}

static guint
quantize (const KilnPixels *p, double value)
{
  return CLAMP (floor (value + 0.5), 0, most (p));
}

static guint
write_luma (const KilnPixels *p, const CheckInput *picture, guint32 x,
    guint32 y)
{
  return quantize (p, yuv_channel (p, picture, x, y, 0) * luma_scale (p)
      + luma_offset (p));
}

/* x and y in chroma samples. */
static guint
write_chroma (const KilnPixels *p, const CheckInput *picture, guint32 x,
    guint32 y, guint c)
{
  guint rows = halves_rows (p) ? 2 : 1;
  double sum = 0;

  for (guint r = 0; r < rows; r++)
    for (guint k = 0; k < 2; k++)
      sum += yuv_channel (p, picture, 2 * x + k, rows * y + r, c);
  return quantize (p, sum / (2 * rows) * chroma_scale (p) + 128 * unit (p));
}

static guint
write_packed (const KilnPixels *p, const CheckInput *picture, guint32 i,
    guint32 y)
{
  guint32 x = i / p->channels, c = i % p->channels;

  if (c == 3)
    return p->alpha ? quantize (p, channel (p, picture, x, y, 3) * 255) : 255;
  return quantize (p, channel (p, picture, x, y,
          p->blue_first ? 2 - c : c) * luma_scale (p) + luma_offset (p));
}

/* The i-th sample of a plane's row. */
static guint
write_sample (const KilnPixels *p, const CheckInput *picture, guint plane,
    guint32 i, guint32 y)
{
  if (p->layout == KILN_PIXELS_PACKED)
    return write_packed (p, picture, i, y);
  if (p->layout == KILN_PIXELS_YUY2)
    return i % 2 == 0 ? write_luma (p, picture, i / 2, y)
        : write_chroma (p, picture, i / 4, y, i % 4 == 1 ? 1 : 2);
  if (plane == 0)
    return write_luma (p, picture, i, y);
  if (p->layout == KILN_PIXELS_SEMIPLANAR)
    return write_chroma (p, picture, i / 2, y, 1 + i % 2);
  return write_chroma (p, picture, i, y, plane);
}

REFERENCE (reference_pixels_write)
{
  const KilnPixels *p = params;

  for (guint i = 0; i < n_rows; i++) {
    guint plane = kiln_pixels_n_planes (p) - 1;
    KilnPixelPlane where = kiln_pixels_plane (p, plane);
    guint64 word;

    while (rows[i] < where.offset)
      where = kiln_pixels_plane (p, --plane);
    word = rows[i] - where.offset;
    for (guint b = 0; b < 4; b++) {
      guint32 at = word % where.stride * 4 + b;
      guint value = write_sample (p, inputs, plane, at / p->sample_bytes,
          word / where.stride);

      if (p->sample_bytes == 2)
        value = value << p->shift >> at % 2 * 8 & 255;
      values[4 * i + b] = value;
    }
  }
}

/* ---- Comparing */

REFERENCE (reference_compare)
{
  static const double luma[] = { 0.2126, 0.7152, 0.0722, 0 };
  static const double share[] = { 1 / 3.0, 1 / 3.0, 1 / 3.0, 1 };
  const KilnCompare *compare = params;
  const KilnShape *shape = &inputs[0].shape;

  for (guint i = 0; i < n_rows; i++) {
    guint32 left = rows[i] % output->width * compare->cell;
    guint32 top = rows[i] / output->width * compare->cell;
    guint32 right = MIN (left + compare->cell, shape->width);
    guint32 bottom = MIN (top + compare->cell, shape->height);
    double *sums = values + 3 * i, n = (right - left) * (bottom - top);

    for (guint32 y = top; y < bottom; y++)
      for (guint32 x = left; x < right; x++)
        for (guint c = 0; c < 4; c++) {
          guint64 row = (guint64) y * shape->width + x;
          double a = check_at (&inputs[0], row, c);
          double b = check_at (&inputs[1], row, c);

          sums[0] += luma[c] * a / n;
          sums[1] += luma[c] * b / n;
          sums[2] += share[c] * fabs (a - b) / n;
        }
  }
}
