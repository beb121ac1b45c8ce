/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Group norm, third pass: from the moments of channels to, for each channel,
 * its group's mean and gamma over the group's deviation. One invocation
 * takes one group of one set. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

INPUT (0, moments);
INPUT (1, gamma);
layout (binding = 2) writeonly buffer Scale { float scale[]; };

layout (push_constant) uniform Push {
  uint moments_base, gamma_base, scale_base;
  uint channels, stride;        /* stride: channels with their padding */
  uint groups, sets;
  float rows_per_set;
  float eps;
};

float moment (uint i) { return LOAD (moments, i / 4)[i % 4]; }

void main ()
{
  uint i = invocation_index ();
  if (i >= sets * groups)
    return;
  uint set = i / groups, group = i % groups;
  uint size = channels / groups, first = group * size;
  uint means = 4 * moments_base + set * 2 * stride + first;
  uint to = 4 * scale_base + set * 2 * stride + first;

  float mean = 0.0;
  for (uint c = 0; c < size; c++)
    mean += moment (means + c);
  mean /= float (size);

  float m2 = 0.0;
  for (uint c = 0; c < size; c++) {
    float delta = moment (means + c) - mean;
    m2 += moment (means + stride + c) + rows_per_set * delta * delta;
  }
  float factor = 1.0 / sqrt (m2 / (rows_per_set * float (size)) + eps);

  for (uint c = 0; c < size; c++) {
    uint channel = first + c;
    scale[to + c] = mean;
    scale[to + stride + c] = factor
        * LOAD (gamma, gamma_base + channel / 4)[channel % 4];
  }
  if (group + 1 < groups)
    return;
  for (uint c = size; first + c < stride; c++) {
    scale[to + c] = 0.0;
    scale[to + stride + c] = 0.0;
  }
}
