/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One Euler step (Karras et al. 2022, algorithm 2 without churn) from a
 * v-prediction, in the order of operations of diffusers'
 * EulerDiscreteScheduler.step, with classifier-free guidance a frame. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout (constant_id = 1) const bool GUIDED = false;

INPUT (0, samples);
INPUT (1, conditional);
INPUT (2, unconditional);
INPUT (3, guidance);
INPUT (4, sigmas);
layout (binding = 5) writeonly buffer Y { vec4 y[]; };

layout (push_constant) uniform Push {
  uint samples_base, conditional_base, unconditional_base, y_base;
  uint frame;                   /* the dispatch covers vectors of one frame */
  uint n;
};

void main ()
{
  uint i = invocation_index ();
  if (i >= n)
    return;
  float sigma = LOAD (sigmas, 0).x, next = LOAD (sigmas, 0).y;
  vec4 x = LOAD (samples, samples_base + i);
  vec4 v = LOAD (conditional, conditional_base + i);
  if (GUIDED) {
    vec4 u = LOAD (unconditional, unconditional_base + i);
    v = u + LOAD (guidance, frame / 4)[frame % 4] * (v - u);
  }
  float square = sigma * sigma + 1.0;
  vec4 denoised = v * (-sigma / sqrt (square)) + x / square;
  /* At sigma 0 there is no noise left to remove. */
  vec4 slope = sigma > 0.0 ? (x - denoised) / sigma : vec4 (0);
  y[y_base + i] = x + slope * (next - sigma);
}
