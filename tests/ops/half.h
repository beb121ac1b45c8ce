/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* IEEE 754 half precision, rounding to nearest even. */
guint16 half_from_float (float value);
float half_to_float (guint16 half);
