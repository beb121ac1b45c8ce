/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Luma pictures as quads: position (x, y) of frame f holds the luma of
 * (x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1), so one load is enough for
 * bilinear sampling and for a gradient. */
#ifndef QUADS_GLSL
#define QUADS_GLSL

/* Luma at a place inside a frame of `size` pixels that begins at `first`. */
#define QUAD_AT(NAME, FIRST, SIZE, PLACE) \
  quad_luma (LOAD (NAME, (FIRST) + uint (int (floor ((PLACE).y)) * (SIZE).x \
          + int (floor ((PLACE).x)))), fract (PLACE))

float quad_luma (vec4 quad, vec2 part)
{
  vec2 rows = mix (quad.xz, quad.yw, part.x);
  return mix (rows.x, rows.y, part.y);
}

#endif
