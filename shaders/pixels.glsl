/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames of video as bytes: what reading and writing them share. See
 * src/ops/pixels.h; one invocation takes blocks of 8 pixels, which are whole
 * words in every format. */
#ifndef PIXELS_GLSL
#define PIXELS_GLSL

const uint PACKED = 0, YUY2 = 1, PLANAR = 2, SEMIPLANAR = 3;

layout (constant_id = 1) const uint LAYOUT = PACKED;
layout (constant_id = 2) const uint CHANNELS = 4;
layout (constant_id = 3) const bool BLUE_FIRST = false;
layout (constant_id = 4) const bool ALPHA = false;
layout (constant_id = 5) const uint SAMPLE_BYTES = 1;
layout (constant_id = 6) const uint SHIFT = 0;

layout (push_constant) uniform Push {
  uint picture_base;
  uint width, height;           /* of the rows of this dispatch */
  uint blocks;                  /* a row */
  uvec4 plane_base, plane_stride;       /* words */
  float luma_offset, luma_scale, chroma_offset, chroma_scale;
  float kr, kb;
};

/* Luma and colour differences of R, G, B and back: Rec. ITU-R BT.601, 709
 * and 2020 (non-constant luminance) differ in kr and kb alone. */
vec3 to_yuv (vec3 rgb)
{
  float luma = kr * rgb.r + (1.0 - kr - kb) * rgb.g + kb * rgb.b;
  return vec3 (luma, (rgb.b - luma) / (2.0 - 2.0 * kb),
      (rgb.r - luma) / (2.0 - 2.0 * kr));
}

vec3 to_rgb (vec3 yuv)
{
  float red = yuv.x + (2.0 - 2.0 * kr) * yuv.z;
  float blue = yuv.x + (2.0 - 2.0 * kb) * yuv.y;
  return vec3 (red, (yuv.x - kr * red - kb * blue) / (1.0 - kr - kb), blue);
}

#endif
