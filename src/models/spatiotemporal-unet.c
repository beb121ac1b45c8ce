/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spatiotemporal-unet.h"
#include "resnet.h"
#include "transformer.h"

#define MAX_SKIPS (SVD_MAX_LEVELS * (SVD_MAX_LAYERS + 1) + 1)

/* What all blocks share while the network is built. */
typedef struct {
  KilnGraph *graph;
  const SvdUnetConfig *config;
  const SvdUnetInputs *inputs;
  KilnTensor *temb;             /* SiLU (time + added embedding) */
  KilnTensor *skips[MAX_SKIPS];
  guint n_skips;
} Unet;

static void
push_skip (Unet *unet, KilnTensor *x)
{
  unet->skips[unet->n_skips++] = x;
}

/* SiLU (time_embedding (timestep) + add_embedding (ids)) */
static KilnTensor *
embed_time (Unet *unet, const KilnScope *scope)
{
  KilnGraph *graph = unet->graph;
  const SvdUnetConfig *config = unet->config;
  guint32 width = config->block_out_channels[0], embedding = 4 * width;
  KilnScope time_embedding = kiln_scope (scope, "time_embedding");
  KilnScope add_embedding = kiln_scope (scope, "add_embedding");
  KilnTensor *time = kiln_sinusoid (graph, unet->inputs->timestep, width,
      TRUE);
  KilnTensor *ids = kiln_sinusoid (graph, unet->inputs->added_time_ids,
      config->addition_time_embed_dim, TRUE);

  time = svd_timestep_embedding (graph, &time_embedding, time, embedding,
      embedding);
  ids = svd_timestep_embedding (graph, &add_embedding, ids, embedding,
      embedding);
  return kiln_affine (graph, time, ids, NULL, &(KilnAffine) {
        .a_scale = 1, .b_scale = 1, .activation = KILN_ACT_SILU,
        .type = kiln_graph_precision (graph) });
}

static KilnTensor *
resnet (Unet *unet, const KilnScope *block, guint index, KilnTensor *x,
    guint level, double eps)
{
  const SvdUnetConfig *config = unet->config;
  KilnScope scope = kiln_scope (block, "resnets.%u", index);
  const SvdResnet params = {
    .groups = config->norm_num_groups, .eps = eps, .temporal_eps = eps
  };

  return svd_spatio_temporal_resnet (unet->graph, &scope, x, unet->temb,
      config->block_out_channels[level], &params);
}

static KilnTensor *
transformer (Unet *unet, const KilnScope *block, guint index, KilnTensor *x,
    guint level)
{
  const SvdUnetConfig *config = unet->config;
  KilnScope scope = kiln_scope (block, "attentions.%u", index);
  const SvdTransformer params = {
    .heads = config->num_attention_heads[level],
    .layers = config->transformer_layers_per_block[level],
    .norm_groups = config->norm_num_groups,
    .norm_eps = config->transformer_norm_eps,
    .layer_norm_eps = config->layer_norm_eps,
  };

  return svd_transformer (unet->graph, &scope, x, unet->inputs->context,
      unet->inputs->frames, &params);
}

static KilnTensor *
down_block (Unet *unet, const KilnScope *scope, guint level, KilnTensor *x)
{
  const SvdUnetConfig *config = unet->config;
  KilnScope block = kiln_scope (scope, "down_blocks.%u", level);
  KilnScope downsampler = kiln_scope (&block, "downsamplers.0.conv");

  for (guint i = 0; i < config->layers_per_block[level]; i++) {
    x = resnet (unet, &block, i, x, level, config->resnet_eps_down[level]);
    if (config->down_block_cross[level])
      x = transformer (unet, &block, i, x, level);
    push_skip (unet, x);
  }
  if (level + 1 == config->n_blocks)
    return x;
  x = kiln_conv2d (unet->graph, &downsampler, x, &(KilnConv) {
        .outputs = config->block_out_channels[level], .kernel = 3,
        .stride = 2, .pad = 1, .pad_end = 1 }, NULL);
  push_skip (unet, x);
  return x;
}

static KilnTensor *
mid_block (Unet *unet, const KilnScope *scope, KilnTensor *x)
{
  const SvdUnetConfig *config = unet->config;
  KilnScope block = kiln_scope (scope, "mid_block");
  guint level = config->n_blocks - 1;

  x = resnet (unet, &block, 0, x, level, config->resnet_eps_mid);
  x = transformer (unet, &block, 0, x, level);
  return resnet (unet, &block, 1, x, level, config->resnet_eps_mid);
}

/* Nearest-neighbour upsampling to the size of the next skip, which is twice
 * this one's, or one less where the size was odd on the way down. */
static KilnTensor *
upsample (Unet *unet, const KilnScope *block, KilnTensor *x, guint level)
{
  KilnScope scope = kiln_scope (block, "upsamplers.0.conv");
  const KilnShape *skip = kiln_tensor_shape (unet->skips[unet->n_skips - 1]);

  return kiln_conv2d (unet->graph, &scope, x, &(KilnConv) {
        .outputs = unet->config->block_out_channels[level], .kernel = 3,
        .pad = 1, .pad_end = 1, .resize_height = skip->height,
        .resize_width = skip->width }, NULL);
}

static KilnTensor *
up_block (Unet *unet, const KilnScope *scope, guint index, KilnTensor *x)
{
  const SvdUnetConfig *config = unet->config;
  KilnScope block = kiln_scope (scope, "up_blocks.%u", index);
  guint level = config->n_blocks - 1 - index;

  for (guint i = 0; i <= config->layers_per_block[level]; i++) {
    x = kiln_concat (unet->graph, x, unet->skips[--unet->n_skips]);
    x = resnet (unet, &block, i, x, level, config->resnet_eps_up[index]);
    if (config->up_block_cross[index])
      x = transformer (unet, &block, i, x, level);
  }
  return level > 0 ? upsample (unet, &block, x, level) : x;
}

KilnTensor *
svd_unet (KilnGraph *graph, const KilnScope *scope,
    const SvdUnetConfig *config, const SvdUnetInputs *inputs)
{
  Unet unet = { .graph = graph, .config = config, .inputs = inputs };
  KilnScope conv_in = kiln_scope (scope, "conv_in");
  KilnScope conv_norm_out = kiln_scope (scope, "conv_norm_out");
  KilnScope conv_out = kiln_scope (scope, "conv_out");
  KilnTensor *x;

  unet.temb = embed_time (&unet, scope);
  x = svd_conv3x3 (graph, &conv_in, inputs->sample,
      config->block_out_channels[0], NULL);
  push_skip (&unet, x);
  for (guint level = 0; level < config->n_blocks; level++)
    x = down_block (&unet, scope, level, x);
  x = mid_block (&unet, scope, x);
  for (guint i = 0; i < config->n_blocks; i++)
    x = up_block (&unet, scope, i, x);
  x = svd_norm_silu (graph, &conv_norm_out, x, config->norm_num_groups,
      config->conv_norm_out_eps);
  return svd_conv3x3 (graph, &conv_out, x, config->out_channels, NULL);
}
