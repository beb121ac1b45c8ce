/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clip.h"

#define PICTURE 512

void
bench_clip_clear (BenchClip *clip)
{
  g_clear_pointer (&clip->encoder, svd_encoder_free);
  g_clear_pointer (&clip->sampler, svd_sampler_free);
  g_clear_pointer (&clip->decoder, svd_decoder_free);
  g_clear_pointer (&clip->pixels, g_free);
  svd_conditioning_clear (&clip->conditioning);
  svd_latents_clear (&clip->latents);
}

/* A gradient: what a picture shows does not change how long it takes. */
static guint8 *
make_picture (void)
{
  guint8 *pixels = g_malloc (PICTURE * PICTURE * 4);

  for (guint i = 0; i < PICTURE * PICTURE; i++) {
    pixels[4 * i] = i % PICTURE / 2;
    pixels[4 * i + 1] = i / PICTURE / 2;
    pixels[4 * i + 2] = 128;
    pixels[4 * i + 3] = 255;
  }
  return pixels;
}

/* ---- Each stage: loading it, and one run of it */

gboolean
bench_clip_load (const Bench *bench, BenchClip *clip, guint stage, GError **error)
{
  if (clip->pixels == NULL)
    clip->pixels = make_picture ();
  switch (stage) {
    case BENCH_ENCODE:
      clip->encoder = svd_encoder_new (bench->device, bench->model,
          &bench->options, NULL, NULL, NULL, error);
      return clip->encoder != NULL;
    case BENCH_SAMPLE:
      clip->sampler = svd_sampler_new (bench->device, bench->model,
          &bench->options, NULL, NULL, NULL, error);
      return clip->sampler != NULL;
    case BENCH_DECODE:
      clip->decoder = svd_decoder_new (bench->device, bench->model,
          &bench->options, NULL, NULL, NULL, error);
      return clip->decoder != NULL;
  }
  g_assert_not_reached ();
}

static gboolean
encode (const Bench *bench, BenchClip *clip, GError **error)
{
  const SvdPicture picture = { PICTURE, PICTURE, 4 * PICTURE, clip->pixels };
  const SvdEncodeParams params = {
    bench->size.width, bench->size.height, SVD_FIT_CROP, -1, 0
  };

  svd_conditioning_clear (&clip->conditioning);
  return svd_encoder_encode (clip->encoder, &picture, &params,
      &clip->conditioning, NULL, error);
}

gboolean
bench_clip_sample (const Bench *bench, BenchClip *clip, guint steps,
    GError **error)
{
  const SvdSampleParams params = {
    .num_frames = bench->size.frames,
    .steps = steps,
    .motion_bucket_id = -1,
    .min_guidance_scale = -1,
    .max_guidance_scale = -1,
  };

  svd_latents_clear (&clip->latents);
  return svd_sampler_sample (clip->sampler, &clip->conditioning, &params,
      NULL, NULL, &clip->latents, NULL, error);
}

static gboolean
ignore_frame (guint index, guint width, guint height, const guint8 *pixels,
    gpointer user_data)
{
  return TRUE;
}

static gboolean
decode (const Bench *bench, BenchClip *clip, guint frames, GError **error)
{
  SvdLatents latents = clip->latents;

  latents.frames = frames;
  return svd_decoder_decode (clip->decoder, &latents,
      bench->size.decode_frames, ignore_frame, NULL, NULL, error);
}

gboolean
bench_clip_run_stage (const Bench *bench, BenchClip *clip, guint stage,
    GError **error)
{
  switch (stage) {
    case BENCH_ENCODE:
      return encode (bench, clip, error);
    case BENCH_SAMPLE:
      return bench_clip_sample (bench, clip, 1, error);
    case BENCH_DECODE:
      return decode (bench, clip, bench->size.decode_frames, error);
  }
  g_assert_not_reached ();
}

gboolean
bench_clip_run (const Bench *bench, BenchClip *clip, GError **error)
{
  return encode (bench, clip, error)
      && bench_clip_sample (bench, clip, bench->steps, error)
      && decode (bench, clip, bench->size.frames, error);
}
