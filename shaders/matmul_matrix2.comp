/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Matrix product on cooperative matrices of a whole workgroup, which the
 * driver brings to and from memory by descriptions of tensors: halves
 * multiplied, sums in fp32. A workgroup makes ROWS × COLUMNS of the result,
 * of a convolution a block of positions of one frame: what a tap needs of x
 * is the block moved, and zeros where it leaves the frame. */
#version 450
#extension GL_GOOGLE_include_directive : require
#include "matmul.glsl"

layout (constant_id = 8) const uint DEPTH = 64;
layout (constant_id = 9) const uint BLOCK_WIDTH = 32;

const uint BLOCK_HEIGHT = ROWS / BLOCK_WIDTH;

/* With GEGLU a panel's hidden columns and its gates are apart. */
const uint PARTS = ACTIVATION == ACT_GEGLU ? 2 : 1;
const uint WIDTH = COLUMNS / PARTS;
const uint OWN = 8 / PARTS;     /* columns of a panel in a part */

#ifdef EMULATED
#include "emulated_matrix2.glsl"
#else
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_NV_cooperative_matrix2 : require

#define A_MATRIX coopmat<float16_t, gl_ScopeWorkgroup, ROWS, DEPTH, \
    gl_MatrixUseA>
#define B_MATRIX coopmat<float16_t, gl_ScopeWorkgroup, DEPTH, WIDTH, \
    gl_MatrixUseB>
#define SUMS coopmat<float, gl_ScopeWorkgroup, ROWS, WIDTH, \
    gl_MatrixUseAccumulator>
#define TENSOR tensorLayoutNV<3, gl_CooperativeMatrixClampModeConstantNV>
#define TENSOR_OF(D0, D1, D2) setTensorLayoutDimensionNV ( \
    createTensorLayoutNV (3, gl_CooperativeMatrixClampModeConstantNV), \
    D0, D1, D2)
#define LOAD_A(M, BUFFER, AT, TENSOR) \
  coopMatLoadTensorNV (M, BUFFER, AT, TENSOR)
/* The tensor's first two dimensions go down and across. */
#define LOAD_B(M, BUFFER, AT, TENSOR) coopMatLoadTensorNV (M, BUFFER, AT, \
    TENSOR, createTensorViewNV (3, false, 1, 0, 2))
#define STORE(M, BUFFER, AT, TENSOR) coopMatStoreTensorNV ( \
    coopmat<float16_t, gl_ScopeWorkgroup, ROWS, WIDTH, \
    gl_MatrixUseAccumulator> (M), BUFFER, AT, TENSOR)
#define ZEROS SUMS (0.0)
#endif

SUMS sums[PARTS];
uint first_column;              /* of the result, of this tile */
uint block_y, block_x;          /* where the block begins in its frame */
uint top, bottom;               /* lines of that frame in this dispatch */
uint width;                     /* of them */
uint frame_row;                 /* of the dispatch: where the frame begins */

/* Which block is the i-th of the dispatch; false: nothing of it is. */
bool find_block (uint i)
{
#ifdef KIND_LINEAR
  block_y = top = frame_row = 0;
  bottom = 1;
  width = n_rows;
  block_x = i * ROWS;
  return block_x < n_rows;
#else
  uint across = (y_width + BLOCK_WIDTH - 1) / BLOCK_WIDTH;
  uint down = (y_height + BLOCK_HEIGHT - 1) / BLOCK_HEIGHT;
  uint first = first_row / y_width, end = first + n_rows / y_width;
  uint start = (first / y_height + i / (across * down)) * y_height;

  block_y = i / across % down * BLOCK_HEIGHT;
  block_x = i % across * BLOCK_WIDTH;
  top = max (first, start) - start;
  bottom = min (end, start + y_height) - start;
  width = y_width;
  frame_row = start * y_width - first_row;
  return start < end && block_y < bottom && block_y + BLOCK_HEIGHT > top;
#endif
}

/* The positions of x that a tap meets, as a tensor that begins at vector
 * `at`, and where in it the block's first one lies. */
struct Tap { uint at; TENSOR met; ivec2 corner; };

Tap find_tap (uint i)
{
#ifdef KIND_LINEAR
  return Tap (x_base, TENSOR_OF (1, n_rows, 4 * x_stride),
      ivec2 (block_x, 0));
#else
  /* Lines of the frame in x that the dispatch's lines need: no others are
   * bound. */
  int least = int (top * stride) - pad;
  int most = int ((bottom - 1) * stride + kernel - 1) - pad;
  int begin = clamp (least, 0, int (x_height) - 1);
  int end = clamp (most, 0, int (x_height) - 1) + 1;
  uint frame = (frame_row + first_row) / (y_height * y_width);
  uint row = (frame * x_height + begin) * x_width - first_position;

  /* Every stride-th line and column from `phase` on, from the block's first
   * position plus `moved` on. */
  ivec2 place = ivec2 (i % kernel, i / kernel) - pad - ivec2 (0, begin);
  int s = int (stride);
  ivec2 moved = (place - (s - 1) * ivec2 (lessThan (place, ivec2 (0)))) / s;
  ivec2 phase = place - moved * s;
  ivec2 size = (ivec2 (x_width, end - begin) - phase + s - 1) / s;
  TENSOR met = TENSOR_OF (size.y, size.x, 4 * x_stride);

  met = setTensorLayoutStrideNV (met, stride * x_width * 4 * x_stride,
      stride * 4 * x_stride, 1);
  row += phase.y * x_width + phase.x;
  return Tap (x_base + row * x_stride, met,
      ivec2 (block_x, block_y) + moved);
#endif
}

uint n_taps ()
{
#ifdef KIND_LINEAR
  return 1;
#else
  return kernel * kernel;
#endif
}

void multiply (uint panel)
{
  uint depth = 4 * x_stride;
  TENSOR weights = TENSOR_OF (n_panels, n_taps () * depth, 8);

  for (uint i = 0; i < n_taps (); i++) {
    Tap tap = find_tap (i);
    for (uint c = 0; c < depth; c += DEPTH) {
      A_MATRIX a;
      LOAD_A (a, x, tap.at, sliceTensorLayoutNV (tap.met, tap.corner.y,
          BLOCK_HEIGHT, tap.corner.x, BLOCK_WIDTH, int (c), DEPTH));
      [[unroll]] for (uint part = 0; part < PARTS; part++) {
        B_MATRIX b;
        LOAD_B (b, weight, weight_base, sliceTensorLayoutNV (weights,
            int (panel), COLUMNS / 8, int (i * depth + c), DEPTH,
            int (part * OWN), OWN));
        sums[part] = coopMatMulAdd (a, b, sums[part]);
      }
    }
  }
}

/* Everything after the product, of one element and its gate. */
float finish_element (const in uint row, const in uint column,
    const in float sum, const in float gate_sum)
{
  uint line = block_y + row / BLOCK_WIDTH;
  uint place = block_x + row % BLOCK_WIDTH;
  uint at = (first_column + column) / 4, i = column % 4;
  if (line < top || line >= bottom || place >= width || at >= y_stride)
    return 0.0;                 /* not stored */

  uint its = frame_row + line * width + place;
  float value = sum, gate = gate_sum;
  if (ACTIVATION == ACT_GEGLU) {
    if (has_bias != 0) {
      value += bias[2 * at][i];
      gate += bias[2 * at + 1][i];
    }
    value *= scale * gelu (vec4 (gate)).x;
    return complete (its, at, vec4 (value))[i];
  }
  if (has_bias != 0)
    value += bias[at][i];
  return complete (its, at,
      scale * activated (its, at, vec4 (value), y_stride))[i];
}

void store ()
{
  uint row = frame_row + top * width;   /* the first one that is bound: 0, or
                                           where the frame begins */
  TENSOR all = TENSOR_OF (bottom - top, width, 4 * y_stride);

  STORE (sums[0], y, y_base + row * y_stride, sliceTensorLayoutNV (all,
      int (block_y) - int (top), BLOCK_HEIGHT, int (block_x), BLOCK_WIDTH,
      int (first_column), WIDTH));
}

void main ()
{
  uint across = (8 * n_panels + COLUMNS - 1) / COLUMNS;
  uint tile = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint panel = tile % across * (COLUMNS / 8);
  if (!find_block (tile / across))
    return;

  [[unroll]] for (uint part = 0; part < PARTS; part++)
    sums[part] = ZEROS;
  multiply (panel);
  first_column = (first_panel + panel) * OWN;
  coopMatPerElementNV (sums[0], sums[0], finish_element, sums[PARTS - 1]);
  store ();
}
