/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "source.glsl"

/* Checkpoint bytes to panels (src/ops/pack.h); one invocation packs the
 * half panel of one tap and input channel: a vector of 4 columns. */

layout (constant_id = 2) const bool GEGLU = false;
layout (constant_id = 3) const bool TRANSPOSED = false;
layout (constant_id = 4) const bool WINOGRAD = false;

layout (binding = 1) writeonly buffer Packed { VEC packed_matrix[]; };

layout (push_constant) uniform Push {
  uint source_base;             /* elements before the first */
  uint first_output, n_outputs; /* that this source has */
  uint outputs;                 /* of the whole matrix */
  uint inputs, padded_inputs, taps;
  uint first_panel, n_panels, packed_base;
  uint place;                   /* of WINOGRAD's 36 */
};

/* The output that stands in a panel's column; outputs or more: none. */
uint output_of (uint panel, uint column)
{
  if (!GEGLU)
    return panel * 8 + column;
  uint n = panel * 4 + column % 4;
  if (n >= outputs / 2)
    return outputs;
  return column < 4 ? n : outputs / 2 + n;
}

/* Rows of G, which transforms a kernel of 3 taps to 6 places. */
const float G[6][3] = {
  { 1.0 / 4.0, 0.0, 0.0 },
  { -1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0 },
  { -1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0 },
  { 1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0 },
  { 1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0 },
  { 0.0, 0.0, 1.0 }
};

/* (G · kernel · Gᵀ) at the place. */
float transformed_kernel (uint first)
{
  float sum = 0.0;
  for (uint y = 0; y < 3; y++)
    for (uint x = 0; x < 3; x++)
      sum += G[place / 6][y] * G[place % 6][x]
          * source_element (first + y * 3 + x);
  return sum;
}

float element (uint n, uint k, uint tap)
{
  if (n < first_output || n >= first_output + n_outputs || k >= inputs)
    return 0;
  n -= first_output;
  if (WINOGRAD)
    return transformed_kernel (source_base + (n * inputs + k) * taps);
  return TRANSPOSED ? source_element (source_base + k * n_outputs + n)
      : source_element (source_base + (n * inputs + k) * taps + tap);
}

void main ()
{
  uint index = invocation_index ();
  uint a_panel = (WINOGRAD ? 1 : taps) * padded_inputs * 2;
  if (index >= n_panels * a_panel)
    return;
  uint panel = first_panel + index / a_panel;
  uint tap = index % a_panel / (padded_inputs * 2);
  uint k = index / 2 % padded_inputs;
  uint half_ = index % 2;

  /* Other parts of a stacked matrix are not ours to overwrite. */
  uint n = output_of (panel, half_ * 4);
  uint last = output_of (panel, half_ * 4 + 3);
  bool ours = n < first_output + n_outputs && last >= first_output;
  bool padding = n >= outputs && first_output + n_outputs == outputs;
  if (!ours && !padding)
    return;
  vec4 v;
  [[unroll]] for (uint j = 0; j < 4; j++)
    v[j] = element (output_of (panel, half_ * 4 + j), k, tap);
  packed_matrix[packed_base + index] = pack (v);
}
