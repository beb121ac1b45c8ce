/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same for what can be done with cooperative matrices in registers. */
#version 450
#extension GL_KHR_cooperative_matrix : require
#extension GL_NV_cooperative_matrix2 : require

void main ()
{
}
