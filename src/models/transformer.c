/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transformer.h"
#include "resnet.h"

KilnTensor *
svd_timestep_embedding (KilnGraph *graph, const KilnScope *scope,
    KilnTensor *x, guint32 hidden, guint32 outputs)
{
  KilnScope linear_1 = kiln_scope (scope, "linear_1");
  KilnScope linear_2 = kiln_scope (scope, "linear_2");
  KilnTensor *h = kiln_linear (graph, &linear_1, x, hidden, &(KilnEpilogue) {
        .activation = KILN_ACT_SILU });

  return kiln_linear (graph, &linear_2, h, outputs, NULL);
}

/* diffusers' FeedForward with GEGLU, up to its last layer's epilogue. */
static KilnTensor *
feed_forward (KilnGraph *graph, const KilnScope *block, const char *name,
    KilnTensor *normed, const KilnEpilogue *epilogue)
{
  guint32 width = kiln_tensor_shape (normed)->channels;
  KilnScope in = kiln_scope (block, "%s.net.0.proj", name);
  KilnScope out = kiln_scope (block, "%s.net.2", name);
  KilnTensor *h = kiln_linear (graph, &in, normed, 4 * width,
      &(KilnEpilogue) { .activation = KILN_ACT_GEGLU });

  return kiln_linear (graph, &out, h, width, epilogue);
}

static KilnTensor *
layer_norm (KilnGraph *graph, const KilnScope *block, const char *name,
    KilnTensor *x, const SvdTransformer *transformer)
{
  KilnScope scope = kiln_scope (block, "%s", name);

  return kiln_layer_norm (graph, &scope, x, transformer->layer_norm_eps);
}

/* attn2 of the one token: a constant vector. */
static KilnTensor *
cross_attention (KilnGraph *graph, const KilnScope *block,
    KilnTensor *context, guint32 width)
{
  KilnScope to_v = kiln_scope (block, "attn2.to_v");
  KilnScope to_out = kiln_scope (block, "attn2.to_out.0");
  KilnTensor *v = kiln_linear (graph, &to_v, context, width, NULL);

  return kiln_linear (graph, &to_out, v, width, NULL);
}

/* x + attn1 (norm1 (x)) + attn2 (context) */
static KilnTensor *
attend (KilnGraph *graph, const KilnScope *block, KilnTensor *x,
    KilnTensor *context, gboolean temporal, const SvdTransformer *transformer)
{
  static const char *const names[] = { "to_q", "to_k", "to_v" };
  guint32 width = kiln_tensor_shape (x)->channels;
  KilnScope attn1 = kiln_scope (block, "attn1");
  KilnScope to_out = kiln_scope (block, "attn1.to_out.0");
  KilnTensor *h = layer_norm (graph, block, "norm1", x, transformer);

  h = kiln_linear_stacked (graph, &attn1, names, 3, h, width);
  h = kiln_attention (graph, h, &(KilnAttention) {
        .heads = transformer->heads, .temporal = temporal });
  return kiln_linear (graph, &to_out, h, width, &(KilnEpilogue) {
        .residual = x,
        .row = cross_attention (graph, block, context, width) });
}

/* diffusers' BasicTransformerBlock */
static KilnTensor *
spatial_block (KilnGraph *graph, const KilnScope *block, KilnTensor *x,
    KilnTensor *context, const SvdTransformer *transformer)
{
  KilnTensor *h;

  x = attend (graph, block, x, context, FALSE, transformer);
  h = layer_norm (graph, block, "norm3", x, transformer);
  return feed_forward (graph, block, "ff", h, &(KilnEpilogue) {
        .residual = x });
}

/* diffusers' TemporalBasicTransformerBlock of x + position, blended with x:
 * share · x + (1 − share) · block. */
static KilnTensor *
temporal_block (KilnGraph *graph, const KilnScope *block, KilnTensor *x,
    KilnTensor *position, KilnTensor *context, float share,
    const SvdTransformer *transformer)
{
  KilnTensor *mixed = kiln_add (graph, x, position);
  KilnTensor *h = layer_norm (graph, block, "norm_in", mixed, transformer);

  mixed = feed_forward (graph, block, "ff_in", h, &(KilnEpilogue) {
        .residual = mixed });
  mixed = attend (graph, block, mixed, context, TRUE, transformer);
  h = layer_norm (graph, block, "norm3", mixed, transformer);
  return feed_forward (graph, block, "ff", h, &(KilnEpilogue) {
        .scale = 1 - share,
        .residual = mixed, .residual_scale = 1 - share,
        .residual2 = x, .residual2_scale = share });
}

KilnTensor *
svd_transformer (KilnGraph *graph, const KilnScope *scope, KilnTensor *x,
    KilnTensor *context, KilnTensor *frames,
    const SvdTransformer *transformer)
{
  guint32 width = kiln_tensor_shape (x)->channels;
  KilnScope norm = kiln_scope (scope, "norm");
  KilnScope proj_in = kiln_scope (scope, "proj_in");
  KilnScope proj_out = kiln_scope (scope, "proj_out");
  KilnScope time_pos_embed = kiln_scope (scope, "time_pos_embed");
  float share = svd_mix_share (graph, scope);
  KilnTensor *position = kiln_sinusoid (graph, frames, width, FALSE);
  KilnTensor *h;

  position = svd_timestep_embedding (graph, &time_pos_embed, position,
      4 * width, width);
  h = kiln_group_norm (graph, &norm, x, &(KilnGroupNorm) {
        .groups = transformer->norm_groups, .eps = transformer->norm_eps });
  h = kiln_linear (graph, &proj_in, h, width, NULL);
  for (guint i = 0; i < transformer->layers; i++) {
    KilnScope spatial = kiln_scope (scope, "transformer_blocks.%u", i);
    KilnScope temporal =
        kiln_scope (scope, "temporal_transformer_blocks.%u", i);

    h = spatial_block (graph, &spatial, h, context, transformer);
    h = temporal_block (graph, &temporal, h, position, context, share,
        transformer);
  }
  return kiln_linear (graph, &proj_out, h, width, &(KilnEpilogue) {
        .residual = x });
}
