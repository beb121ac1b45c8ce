/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

/* IEEE 754 half precision without branches, so that compilers make vectors
 * of loops over these. They need no setting of the processor for subnormal
 * numbers, since no fp32 number in between is one. */

static inline guint32
kiln_bits_of_float (float value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  return bits;
}

static inline float
kiln_float_of_bits (guint32 bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

/* The bits of the fp32 number. */
static inline guint32
kiln_half_widen (guint16 half)
{
  guint32 size = (half & 0x7fffu) << 13;
  guint32 sign = (half & 0x8000u) << 16;
  /* Exponents count from 127 instead of 15. A subnormal one has no leading
   * 1: it gets the one of 2^-14, which is subtracted again. */
  guint32 normal = size + (112u << 23);
  guint32 subnormal = kiln_bits_of_float (
      kiln_float_of_bits (size + (113u << 23)) - 0x1p-14f);
  guint32 infinite = size + (224u << 23);
  guint32 bits = size < 1u << 23 ? subnormal : normal;

  return sign | (size >= 31u << 23 ? infinite : bits);
}

/* Of the bits of an fp32 number, to the nearest, ties to even. */
static inline guint16
kiln_half_narrow (guint32 bits)
{
  guint32 size = bits & 0x7fffffffu, sign = bits >> 16 & 0x8000u;
  guint32 rounded = size + 0xfff + (size >> 13 & 1);
  guint32 normal = (rounded - (112u << 23)) >> 13;
  /* The sum's last place is 2^-24, which is a subnormal half's: the sum
   * itself rounds. */
  guint32 subnormal = kiln_bits_of_float (kiln_float_of_bits (size) + 0.5f)
      - kiln_bits_of_float (0.5f);
  guint32 special = size > 0x7f800000u ? 0x7e00 : 0x7c00;
  guint32 half = size < 113u << 23 ? subnormal : normal;

  return sign | (size >= 143u << 23 ? special : half);
}

G_END_DECLS
