/* SPDX-License-Identifier: LGPL-2.1-or-later */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "matmul_rows.glsl"

/* Matrix product with computed addresses for graphics cards: a workgroup
 * makes ROWS × COLUMNS of the result, an invocation 8 rows of one panel of 8.
 * DEPTH factors at a time lie in shared memory, while the next ones are on
 * their way to registers. docs/kernels.md has the figures.
 *
 * With ARITHMETIC_F16 halves are multiplied, two at once, and RUN products
 * are added as halves before the sum goes on in fp32. */

layout (constant_id = 8) const uint DEPTH = 16;

#ifdef ARITHMETIC_F16
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define STAGED f16vec4
#define RUN 8
f16vec4 staged (uvec2 v)
{
  return f16vec4 (unpackFloat2x16 (v.x), unpackFloat2x16 (v.y));
}
#else
#define STAGED vec4
vec4 staged (VEC v) { return unpack (v); }
#endif

const uint PANELS = COLUMNS / 8;
const uint INVOCATIONS = ROWS / 8 * PANELS;
const uint QUADS = DEPTH / 4;

/* Vectors that an invocation copies of a step. */
const uint A_LOADS = ROWS * QUADS / INVOCATIONS;
const uint B_LOADS = COLUMNS * QUADS / INVOCATIONS;

/* One vector more a line, so that lines do not begin in the same bank. A line
 * of a is a row of the tile; one of b four columns of each panel. */
const uint A_LINE = QUADS + 1;
const uint B_LINE = PANELS + 1;

shared STAGED a_lines[ROWS * A_LINE];
shared STAGED b_lines[2 * DEPTH * B_LINE];

Row rows[A_LOADS];
uint starts[A_LOADS];           /* of the tap's run in x */
uint tap, quad;                 /* that this invocation loads next */
VEC a_next[A_LOADS], b_next[B_LOADS];
uint panels[B_LOADS];           /* where those begin in the weight */
vec4 sums[8][2];

/* Rows and panels past the last repeat it: their results are not kept. */
void begin (uint first, uint panel)
{
  tap = 0;
  quad = gl_LocalInvocationIndex % QUADS;
  [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
    uint row = (i * INVOCATIONS + gl_LocalInvocationIndex) / QUADS;
    rows[i] = row_of (min (first + row, n_rows - 1));
    starts[i] = start_of (rows[i], 0);
  }
  [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
    uint at = (i * INVOCATIONS + gl_LocalInvocationIndex) / (2 * DEPTH);
    panels[i] = weight_base + min (panel + at, n_panels - 1)
        * panel_rows () * 2;
  }
}

void find_tap ()
{
  if (quad < x_stride)
    return;
  for (; quad >= x_stride; quad -= x_stride)
    tap++;
  if (tap < n_taps ())
    [[unroll]] for (uint i = 0; i < A_LOADS; i++)
      starts[i] = start_of (rows[i], tap);
}

void fetch (uint step, uint depth)
{
  find_tap ();
  [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
    a_next[i] = VEC (0);
    if (tap < n_taps () && starts[i] != NOWHERE)
      a_next[i] = load_x (tap, starts[i] + quad);
  }
  quad += QUADS;
  /* A panel's two vectors of every factor follow each other. */
  [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
    uint at = i * INVOCATIONS + gl_LocalInvocationIndex;
    uint row = step * DEPTH + at / 2 % DEPTH;
    b_next[i] = VEC (0);
    if (row < depth)
      b_next[i] = weight[panels[i] + weight_row (row) * 2 + at % 2];
  }
}

void share ()
{
  [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
    uint at = i * INVOCATIONS + gl_LocalInvocationIndex;
    a_lines[at / QUADS * A_LINE + at % QUADS] = staged (a_next[i]);
  }
  [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
    uint at = i * INVOCATIONS + gl_LocalInvocationIndex;
    b_lines[at % (2 * DEPTH) * B_LINE + at / (2 * DEPTH)] = staged (b_next[i]);
  }
}

#ifdef ARITHMETIC_F16

void multiply (uint row, uint panel)
{
  [[dont_unroll]] for (uint first = 0; first < QUADS; first += RUN / 4) {
    f16vec4 run[8][2];
    [[unroll]] for (uint i = 0; i < 8; i++)
      run[i][0] = run[i][1] = f16vec4 (0);
    [[unroll]] for (uint q = first; q < first + RUN / 4; q++) {
      f16vec4 b[8];
      [[unroll]] for (uint k = 0; k < 8; k++)
        b[k] = b_lines[(q * 8 + k) * B_LINE + panel];
      [[unroll]] for (uint i = 0; i < 8; i++) {
        f16vec4 a = a_lines[(row + i) * A_LINE + q];
        [[unroll]] for (uint k = 0; k < 8; k++)
          run[i][k % 2] = fma (f16vec4 (a[k / 2]), b[k], run[i][k % 2]);
      }
    }
    [[unroll]] for (uint i = 0; i < 8; i++)
      [[unroll]] for (uint h = 0; h < 2; h++)
        sums[i][h] += vec4 (run[i][h]);
  }
}

#else

void multiply (uint row, uint panel)
{
  [[dont_unroll]] for (uint q = 0; q < QUADS; q++) {
    vec4 b[8];
    [[unroll]] for (uint k = 0; k < 8; k++)
      b[k] = b_lines[(q * 8 + k) * B_LINE + panel];
    [[unroll]] for (uint i = 0; i < 8; i++) {
      vec4 a = a_lines[(row + i) * A_LINE + q];
      [[unroll]] for (uint k = 0; k < 8; k++)
        sums[i][k % 2] = fma (vec4 (a[k / 2]), b[k], sums[i][k % 2]);
    }
  }
}

#endif

void begin_sums (uint panel)
{
  [[unroll]] for (uint h = 0; h < 2; h++) {
    vec4 start = vec4 (0);
    if (has_bias != 0 && panel < n_panels)
      start = LOAD_F32 (bias, (first_panel + panel) * 2 + h);
    [[unroll]] for (uint i = 0; i < 8; i++)
      sums[i][h] = start;
  }
}

/* All columns of a few rows of tiles follow each other, so that what they
 * read stays in the cache. */
const uint BAND = 8;

uvec2 tile_place (uint index, uvec2 tiles)
{
  uint band = index / (BAND * tiles.x) * BAND;
  uint high = min (BAND, tiles.y - band);
  uint at = index - band * tiles.x;
  return uvec2 (at / high, band + at % high);
}

void main ()
{
  uint index = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uvec2 tiles = uvec2 ((n_panels + PANELS - 1) / PANELS,
      (n_rows + ROWS - 1) / ROWS);
  if (index >= tiles.x * tiles.y)
    return;
  uvec2 place = tile_place (index, tiles);
  uint panel = gl_LocalInvocationIndex % PANELS;
  uint row = gl_LocalInvocationIndex / PANELS * 8;
  uint depth = n_taps () * x_stride * 4;

  begin (place.y * ROWS, place.x * PANELS);
  begin_sums (place.x * PANELS + panel);
  fetch (0, depth);
  for (uint step = 0; step * DEPTH < depth; step++) {
    barrier ();
    share ();
    barrier ();
    fetch (step + 1, depth);
    multiply (row, panel);
  }
  [[unroll]] for (uint i = 0; i < 8; i++)
    if (place.y * ROWS + row + i < n_rows && place.x * PANELS + panel < n_panels)
      finish_panel (place.y * ROWS + row + i,
          first_panel + place.x * PANELS + panel, sums[i][0], sums[i][1]);
}
