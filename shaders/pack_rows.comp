/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "source.glsl"

/* Checkpoint rows [rows, channels] to a tensor with padded channels; a
 * vector is one row. GEGLU: halves interleaved as the matrix's panels. */

layout (constant_id = 2) const bool GEGLU = false;

layout (binding = 1) writeonly buffer Packed { VEC packed_rows[]; };

layout (push_constant) uniform Push {
  uint source_base, channels, n_vectors, vectors_a_row, packed_base;
};

uint channel_of (uint i)
{
  if (!GEGLU)
    return i;
  uint n = i / 8 * 4 + i % 4;
  if (n >= channels / 2)
    return channels;
  return i % 8 < 4 ? n : channels / 2 + n;
}

void main ()
{
  uint index = invocation_index ();
  if (index >= n_vectors)
    return;
  uint row = index / vectors_a_row;
  vec4 v = vec4 (0);
  [[unroll]] for (uint j = 0; j < 4; j++) {
    uint channel = channel_of (index % vectors_a_row * 4 + j);
    if (channel < channels)
      v[j] = source_element (source_base + row * channels + channel);
  }
  packed_rows[packed_base + index] = pack (v);
}
