/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "made-up-weights.h"

#define FIRST_POOL (1u << 20)

/* Biases that the published networks do not have. */
static gboolean
is_there (const char *name)
{
  static const char *const without[] = {
    "attn1.to_q.bias", "attn1.to_k.bias", "attn1.to_v.bias",
    "attn2.to_q.bias", "attn2.to_k.bias", "attn2.to_v.bias",
    "patch_embedding.bias", "visual_projection.bias",
  };

  for (guint i = 0; i < G_N_ELEMENTS (without); i++)
    if (g_str_has_suffix (name, without[i]))
      return FALSE;
  return TRUE;
}

/* ---- Blank ones */

static gboolean
find_blank (KilnWeightSource *source, const char *name, KilnWeightInfo *info)
{
  return is_there (name);
}

static const char *
describe_blank (KilnWeightSource *source)
{
  return "no checkpoint";
}

KilnWeightSource svd_blank_weights = {
  .is_blank = TRUE,
  .find = find_blank,
  .describe = describe_blank,
};

/* ---- Random ones */

/* Numbers that all tensors of a kind share; a larger tensor gets a new pool
 * and leaves the old one to those that point into it. */
typedef struct {
  guint16 exponent, random_bits;
  gsize n;
  GPtrArray *blocks;
} Pool;

enum { WEIGHTS, SCALES, N_POOLS };

typedef struct {
  KilnWeightSource source;
  GMutex lock;
  Pool pools[N_POOLS];
} RandomWeights;

/* Marsaglia's xorshift: https://doi.org/10.18637/jss.v008.i14 */
static guint32
next_random (guint32 *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static void
grow (Pool *pool, gsize n)
{
  guint32 state = 2463534242u;
  guint16 *halves;

  pool->n = MAX (pool->n, FIRST_POOL);
  while (pool->n < n)
    pool->n *= 2;
  halves = g_new (guint16, pool->n);
  for (gsize i = 0; i < pool->n; i++)
    halves[i] = pool->exponent
        | (next_random (&state) >> 16 & pool->random_bits);
  g_ptr_array_add (pool->blocks, halves);
}

static const guint8 *
get_numbers (Pool *pool, gsize n)
{
  if (n > pool->n)
    grow (pool, n);
  return pool->blocks->pdata[pool->blocks->len - 1];
}

/* A vector called weight scales what a norm gives. */
static gboolean
is_scale (const char *name, const KilnWeightInfo *info)
{
  return info->n_dims == 1 && g_str_has_suffix (name, ".weight");
}

static gboolean
find_random (KilnWeightSource *source, const char *name, KilnWeightInfo *info)
{
  RandomWeights *self = (RandomWeights *) source;
  Pool *pool = &self->pools[is_scale (name, info) ? SCALES : WEIGHTS];
  gsize n = 1;

  if (!is_there (name))
    return FALSE;
  for (guint i = 0; i < info->n_dims; i++)
    n *= info->shape[i];
  g_mutex_lock (&self->lock);
  info->data = get_numbers (pool, n);
  g_mutex_unlock (&self->lock);
  info->type = KILN_SOURCE_F16;
  info->size = n * sizeof (guint16);
  return TRUE;
}

static const char *
describe_random (KilnWeightSource *source)
{
  return "random weights";
}

KilnWeightSource *
svd_random_weights_new (void)
{
  RandomWeights *self = g_new0 (RandomWeights, 1);

  self->source.find = find_random;
  self->source.describe = describe_random;
  g_mutex_init (&self->lock);
  /* ±2⁻⁶ to ±2⁻⁵: sums of some 2000 products keep their size, as the sums
   * of SVD's layers do, of 320 to 23040. */
  self->pools[WEIGHTS] = (Pool) { 9 << 10, 0x83ff };
  self->pools[SCALES] = (Pool) { 15 << 10, 0 };
  for (guint i = 0; i < N_POOLS; i++)
    self->pools[i].blocks = g_ptr_array_new_with_free_func (g_free);
  return &self->source;
}

void
svd_random_weights_free (KilnWeightSource *source)
{
  RandomWeights *self = (RandomWeights *) source;

  for (guint i = 0; i < N_POOLS; i++)
    g_ptr_array_unref (self->pools[i].blocks);
  g_mutex_clear (&self->lock);
  g_free (self);
}
