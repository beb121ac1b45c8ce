/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bench.h"

G_BEGIN_DECLS

/* The verbs of one device and what they hand on to each other. */
typedef struct {
  SvdEncoder *encoder;
  SvdSampler *sampler;
  SvdDecoder *decoder;
  guint8 *pixels;
  SvdConditioning conditioning;
  SvdLatents latents;
} BenchClip;

void bench_clip_clear (BenchClip *clip);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BenchClip, bench_clip_clear)

/* Loads a stage's weights. */
gboolean bench_clip_load (const Bench *bench, BenchClip *clip, guint stage,
    GError **error);

/* Encodes, samples one step, or decodes as many frames as are decoded
 * together, of what the stage before left. */
gboolean bench_clip_run_stage (const Bench *bench, BenchClip *clip,
    guint stage, GError **error);

/* Samples in so many steps what was encoded. */
gboolean bench_clip_sample (const Bench *bench, BenchClip *clip, guint steps,
    GError **error);

/* From the picture to the last frame. */
gboolean bench_clip_run (const Bench *bench, BenchClip *clip, GError **error);

G_END_DECLS
