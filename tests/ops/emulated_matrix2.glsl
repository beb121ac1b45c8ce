/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What matmul_matrix2.comp takes of GLSL_NV_cooperative_matrix2, in plain
 * loops: addresses as section 8 of the extension says, step by step, so that
 * any device can check what the kernel asks of a driver. Factors are shared;
 * of sums an invocation has some vectors of a row. */
#extension GL_EXT_control_flow_attributes : require

const uint INVOCATIONS = 16;    /* of a workgroup */
const uint VECTORS = ROWS * WIDTH / 4 / INVOCATIONS;

shared float a_matrix[ROWS * DEPTH];
shared float b_matrix[DEPTH * WIDTH];

#define A_MATRIX uint
#define B_MATRIX uint
#define SUMS Sums

struct Sums { vec4 own[8]; };   /* VECTORS at most: 32 × 16 of the result */

/* The i-th of this invocation's vectors: its row, and vector of that. */
uvec2 place_of (uint i)
{
  uint at = i * INVOCATIONS + gl_LocalInvocationIndex;
  return uvec2 (at / (WIDTH / 4), at % (WIDTH / 4));
}

#define ZEROS zeros ()

Sums zeros ()
{
  Sums sums;
  [[dont_unroll]] for (uint i = 0; i < VECTORS; i++)
    sums.own[i] = vec4 (0);
  return sums;
}

Sums coopMatMulAdd (uint a, uint b, Sums sums)
{
  [[dont_unroll]] for (uint i = 0; i < VECTORS; i++) {
    uvec2 place = place_of (i);
    [[dont_unroll]] for (uint k = 0; k < DEPTH; k++)
      for (uint j = 0; j < 4; j++)
        sums.own[i][j] += a_matrix[place.x * DEPTH + k]
            * b_matrix[k * WIDTH + 4 * place.y + j];
  }
  return sums;
}

#define coopMatPerElementNV(TO, FROM, FUNCTION, OTHER) \
  [[dont_unroll]] for (uint i = 0; i < VECTORS; i++) \
    [[dont_unroll]] for (uint j = 0; j < 4; j++) \
      TO.own[i][j] = FUNCTION (place_of (i).x, 4 * place_of (i).y + j, \
          FROM.own[i][j], OTHER.own[i][j])

/* ---- Addresses */

struct Tensor { uint dimension[3], stride[3], span[3]; int offset[3]; };

#define TENSOR Tensor
#define TENSOR_OF(D0, D1, D2) tensor_of (uint[] (D0, D1, D2))

Tensor tensor_of (uint dimension[3])
{
  return Tensor (dimension,
      uint[] (dimension[1] * dimension[2], dimension[2], 1), dimension,
      int[] (0, 0, 0));
}

Tensor setTensorLayoutStrideNV (Tensor t, uint s0, uint s1, uint s2)
{
  t.stride = uint[] (s0, s1, s2);
  return t;
}

Tensor sliceTensorLayoutNV (Tensor t, int offset0, uint span0, int offset1,
    uint span1, int offset2, uint span2)
{
  t.offset = int[] (t.offset[0] + offset0, t.offset[1] + offset1,
      t.offset[2] + offset2);
  t.span = uint[] (span0, span1, span2);
  return t;
}

const uint OUTSIDE = ~0u;       /* clamped to the constant, or not stored */

/* Of an element of the slice, linearToSpanCoord and so on. */
uint tensor_element (Tensor t, uint index)
{
  uint element = 0;
  for (int i = 2; i >= 0; i--) {
    int c = int (index % t.span[i]) + t.offset[i];
    index /= t.span[i];
    if (c < 0 || uint (c) >= t.dimension[i])
      return OUTSIDE;
    element += c * t.stride[i];
  }
  return element;
}

/* linearToViewCoord and viewCoordToLinear of a view without dimensions that
 * permutes them by 1, 0, 2. */
uint viewed (Tensor t, uint index)
{
  const uint permutation[3] = uint[] (1, 0, 2);
  uint coord[3];
  for (int i = 2; i >= 0; i--) {
    coord[permutation[i]] = index % t.span[permutation[i]];
    index /= t.span[permutation[i]];
  }
  return (coord[0] * t.span[1] + coord[1]) * t.span[2] + coord[2];
}

/* A tensor begins at a multiple of 16 bytes of its buffer, and no element is
 * past its end: otherwise what is stored becomes NaN. */
float wrong = 0.0;

#define CHECK(BUFFER, AT, E) \
  if (AT % 2 != 0 || AT >= BUFFER.length () || (E != OUTSIDE \
          && AT + E / 4 >= BUFFER.length ())) \
    wrong = uintBitsToFloat (~0u)

/* The arguments are evaluated before any name here hides one of theirs. */
#define FETCH(M, SIZE, BUFFER, AT, T, INDEX) \
  { \
    Tensor t = T; \
    uint begin = AT; \
    barrier (); \
    for (uint i = gl_LocalInvocationIndex; i < SIZE; i += INVOCATIONS) { \
      uint e = tensor_element (t, INDEX); \
      CHECK (BUFFER, begin, e); \
      M[i] = e == OUTSIDE ? 0.0 : unpack (BUFFER[begin + e / 4])[e % 4]; \
    } \
    barrier (); \
  }

#define LOAD_A(M, BUFFER, AT, T) \
  FETCH (a_matrix, ROWS * DEPTH, BUFFER, AT, T, i)
#define LOAD_B(M, BUFFER, AT, T) \
  FETCH (b_matrix, DEPTH * WIDTH, BUFFER, AT, T, viewed (t, i))

/* A vector at a time, whose elements lie side by side. */
#define STORE(M, BUFFER, AT, T) \
  { \
    Tensor t = T; \
    uint begin = AT; \
    [[dont_unroll]] for (uint i = 0; i < VECTORS; i++) { \
      uint e = tensor_element (t, \
          place_of (i).x * WIDTH + 4 * place_of (i).y); \
      CHECK (BUFFER, begin, e); \
      if (e != OUTSIDE) \
        BUFFER[begin + e / 4] = pack (M.own[i] + wrong); \
    } \
  }
