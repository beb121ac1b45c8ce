/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layer norm over the channels of a row: one subgroup, of any size, takes a
 * row, neighbours neighbouring vectors. A workgroup takes ROWS of them. The
 * row is read three times, twice from the cache: the squares are of distances
 * from the mean, so that a large mean costs no accuracy. */
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "common.glsl"

layout (constant_id = 1) const uint ROWS = 4;

INPUT (0, x);
INPUT_F32 (1, gamma);
INPUT_F32 (2, beta);
layout (binding = 3) writeonly buffer Y { VEC y[]; };

layout (push_constant) uniform Push {
  uint x_base, gamma_base, beta_base, y_base;
  uint channels, vectors, rows;
  float eps;
};

/* The vector's distances from the mean; 0 where channels are padding. */
vec4 distances (uint from, uint v, float mean)
{
  bvec4 there = lessThan (v * 4 + uvec4 (0, 1, 2, 3), uvec4 (channels));
  return mix (vec4 (0), LOAD (x, from + v) - mean, there);
}

void normalize_row (uint row)
{
  uint from = x_base + row * vectors, to = y_base + row * vectors;
  uint lane = gl_SubgroupInvocationID, lanes = gl_SubgroupSize;

  float sum = 0.0;
  for (uint v = lane; v < vectors; v += lanes)
    sum += dot (LOAD (x, from + v), vec4 (1));
  float mean = subgroupAdd (sum) / float (channels);

  float squares = 0.0;
  for (uint v = lane; v < vectors; v += lanes) {
    vec4 d = distances (from, v, mean);
    squares += dot (d, d);
  }
  float factor = 1.0 / sqrt (subgroupAdd (squares) / float (channels) + eps);

  /* gamma and beta are zero where channels are padding. */
  for (uint v = lane; v < vectors; v += lanes)
    y[to + v] = pack (distances (from, v, mean) * factor
        * LOAD_F32 (gamma, gamma_base + v) + LOAD_F32 (beta, beta_base + v));
}

void main ()
{
  uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  for (uint i = gl_SubgroupID; i < ROWS; i += gl_NumSubgroups)
    if (group * ROWS + i < rows)
      normalize_row (group * ROWS + i);
}
