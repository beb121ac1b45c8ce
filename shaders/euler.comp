/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One Euler step (Karras et al. 2022, algorithm 2 without churn) from a
 * v-prediction, in the order of operations of diffusers'
 * EulerDiscreteScheduler.step, with classifier-free guidance a frame. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout (constant_id = 1) const bool GUIDED = false;

layout (binding = 0) readonly buffer Sample { vec4 samples[]; };
layout (binding = 1) readonly buffer Conditional { vec4 conditional[]; };
layout (binding = 2) readonly buffer Unconditional { vec4 unconditional[]; };
layout (binding = 3) readonly buffer Guidance { float guidance[]; };
layout (binding = 4) readonly buffer Sigmas { float sigmas[]; };
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
  float sigma = sigmas[0], next = sigmas[1];
  vec4 x = samples[samples_base + i];
  vec4 v = conditional[conditional_base + i];
  if (GUIDED) {
    vec4 u = unconditional[unconditional_base + i];
    v = u + guidance[frame] * (v - u);
  }
  float square = sigma * sigma + 1.0;
  vec4 denoised = v * (-sigma / sqrt (square)) + x / square;
  /* At sigma 0 there is no noise left to remove. */
  vec4 slope = sigma > 0.0 ? (x - denoised) / sigma : vec4 (0);
  y[y_base + i] = x + slope * (next - sigma);
}
