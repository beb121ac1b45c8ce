/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* SPIR-V that the build has embedded, sorted by name. */
typedef struct {
  const char *name;
  const guint32 *code;
  gsize size;                   /* bytes */
} KilnShader;

extern const KilnShader kiln_shaders[];
extern const guint kiln_n_shaders;
extern const char kiln_shaders_hash[];  /* changes with any of them */
