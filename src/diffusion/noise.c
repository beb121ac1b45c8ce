/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "noise.h"

#include <math.h>

#define MT_WORDS 624
#define MT_SHIFT 397
#define BLOCK 16                /* what torch.randn fills at a time */
#define UNINTERRUPTED (1u << 16)        /* numbers */

struct _KilnNoise {
  guint32 state[MT_WORDS];
  guint used;                   /* words of state that have been drawn */
  gboolean has_spare;           /* of short draws: the pair's second number */
  double spare;
};

KilnNoise *
kiln_noise_new (guint64 seed)
{
  KilnNoise *noise = g_new0 (KilnNoise, 1);

  noise->state[0] = (guint32) seed;
  for (guint32 i = 1; i < MT_WORDS; i++) {
    guint32 previous = noise->state[i - 1];

    noise->state[i] = 1812433253u * (previous ^ previous >> 30) + i;
  }
  noise->used = MT_WORDS;
  return noise;
}

void
kiln_noise_free (KilnNoise *noise)
{
  g_free (noise);
}

static void
twist (KilnNoise *noise)
{
  guint32 *state = noise->state;

  for (guint i = 0; i < MT_WORDS; i++) {
    guint32 next = state[(i + 1) % MT_WORDS];
    guint32 mixed = (state[i] & 0x80000000u) | (next & 0x7fffffffu);

    state[i] = state[(i + MT_SHIFT) % MT_WORDS] ^ mixed >> 1
        ^ (next & 1 ? 0x9908b0dfu : 0);
  }
  noise->used = 0;
}

static guint32
draw_word (KilnNoise *noise)
{
  guint32 word;

  if (noise->used == MT_WORDS)
    twist (noise);
  word = noise->state[noise->used++];
  word ^= word >> 11;
  word ^= word << 7 & 0x9d2c5680u;
  word ^= word << 15 & 0xefc60000u;
  return word ^ word >> 18;
}

static void
skip_words (KilnNoise *noise, gsize n)
{
  while (n > MT_WORDS - noise->used) {
    n -= MT_WORDS - noise->used;
    twist (noise);
  }
  noise->used += n;
}

/* at::uniform_real_distribution<float>: 24 bits, in [0, 1). */
static float
draw_uniform (KilnNoise *noise)
{
  return (draw_word (noise) & 0xffffffu) * 0x1p-24f;
}

/* at::uniform_real_distribution<double>: 53 bits, in [0, 1). */
static double
draw_uniform_double (KilnNoise *noise)
{
  guint64 high = draw_word (noise);
  guint64 bits = high << 32 | draw_word (noise);

  return (bits & ((G_GUINT64_CONSTANT (1) << 53) - 1)) * 0x1p-53;
}

/* at::normal_distribution<double>: two numbers at a time, the second kept
 * in the generator. */
static double
draw_single (KilnNoise *noise)
{
  double u1, u2, radius, theta;

  if (noise->has_spare) {
    noise->has_spare = FALSE;
    return noise->spare;
  }
  u1 = draw_uniform_double (noise);
  u2 = draw_uniform_double (noise);
  radius = sqrt (-2 * log1p (-u2));
  theta = 2 * G_PI * u1;
  noise->has_spare = TRUE;
  noise->spare = radius * sin (theta);
  return radius * cos (theta);
}

/* normal_fill_16: uniforms are made normal in place, the first half giving
 * radii and the second angles. */
static void
transform_block (float *block)
{
  const float two_pi = (float) (2 * G_PI);

  for (guint i = 0; i < BLOCK / 2; i++) {
    float radius = sqrtf (-2 * logf (1 - block[i]));
    float theta = two_pi * block[i + BLOCK / 2];

    block[i] = radius * cosf (theta);
    block[i + BLOCK / 2] = radius * sinf (theta);
  }
}

static void
draw_uniforms (KilnNoise *noise, float *out, gsize n)
{
  for (gsize i = 0; i < n; i++)
    out[i] = draw_uniform (noise);
}

/* n, of whole blocks, some milliseconds at a time. */
static gboolean
draw_blocks (KilnNoise *noise, float *out, gsize n, GCancellable *cancellable,
    GError **error)
{
  for (gsize i = 0; i < n; i += BLOCK) {
    if (i % UNINTERRUPTED == 0
        && g_cancellable_set_error_if_cancelled (cancellable, error))
      return FALSE;
    draw_uniforms (noise, out + i, BLOCK);
    transform_block (out + i);
  }
  return TRUE;
}

gboolean
kiln_noise_draw (KilnNoise *noise, float *out, gsize n,
    GCancellable *cancellable, GError **error)
{
  gsize tail = n % BLOCK;

  if (n < BLOCK) {
    for (gsize i = 0; i < n; i++)
      out[i] = (float) draw_single (noise);
    return TRUE;
  }
  if (!draw_blocks (noise, out, n - tail, cancellable, error))
    return FALSE;
  if (tail != 0) {
    /* Drawn there too, and then drawn again with what fills a block up. */
    skip_words (noise, tail);
    draw_uniforms (noise, out + n - BLOCK, BLOCK);
    transform_block (out + n - BLOCK);
  }
  return TRUE;
}

void
kiln_noise_skip (KilnNoise *noise, gsize n)
{
  if (n >= BLOCK) {
    skip_words (noise, n);
    if (n % BLOCK != 0)
      skip_words (noise, BLOCK);
    return;
  }
  for (gsize i = 0; i < n; i++)
    draw_single (noise);
}
