/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As fast as a device copies. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

INPUT (0, x);
layout (binding = 1) writeonly buffer Y { VEC y[]; };

void main ()
{
  uint i = invocation_index ();
  if (i < y.length ())
    y[i] = pack (LOAD (x, i));
}
