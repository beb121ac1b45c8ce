/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether this compiles is whether the compiler knows cooperative matrices:
 * see meson.build. */
#version 450
#extension GL_KHR_cooperative_matrix : require

void main ()
{
}
