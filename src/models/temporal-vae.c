/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "temporal-vae.h"
#include "resnet.h"

static SvdResnet
resnet_params (const SvdVaeConfig *config)
{
  return (SvdResnet) {
    .groups = config->norm_num_groups,
    .eps = config->resnet_eps,
    .temporal_eps = config->temporal_eps,
    .mix_is_temporal = TRUE,
  };
}

/* Attention over the positions of a frame, one head as wide as the level. */
static KilnTensor *
attention (KilnGraph *graph, const KilnScope *scope,
    const SvdVaeConfig *config, KilnTensor *x)
{
  static const char *const names[] = { "to_q", "to_k", "to_v" };
  guint32 width = kiln_tensor_shape (x)->channels;
  KilnScope norm = kiln_scope (scope, "group_norm");
  KilnScope to_out = kiln_scope (scope, "to_out.0");
  KilnTensor *h;

  h = kiln_group_norm (graph, &norm, x, &(KilnGroupNorm) {
        .groups = config->norm_num_groups, .eps = config->resnet_eps });
  h = kiln_linear_stacked (graph, scope, names, 3, h, width);
  h = kiln_attention (graph, h, &(KilnAttention) { .heads = 1 });
  return kiln_linear (graph, &to_out, h, width, &(KilnEpilogue) {
        .residual = x });
}

/* ---- Encoder */

static KilnTensor *
encoder_block (KilnGraph *graph, const KilnScope *encoder,
    const SvdVaeConfig *config, guint level, KilnTensor *x)
{
  const SvdResnet params = resnet_params (config);
  KilnScope block = kiln_scope (encoder, "down_blocks.%u", level);
  KilnScope downsampler = kiln_scope (&block, "downsamplers.0.conv");
  guint32 width = config->block_out_channels[level];

  for (guint i = 0; i < config->layers_per_block; i++) {
    KilnScope scope = kiln_scope (&block, "resnets.%u", i);

    x = svd_resnet (graph, &scope, x, NULL, width, &params);
  }
  if (level + 1 == config->n_blocks)
    return x;
  /* Zeros to the right and below only. */
  return kiln_conv2d (graph, &downsampler, x, &(KilnConv) {
        .outputs = width, .kernel = 3, .stride = 2, .pad = 0, .pad_end = 1 },
      NULL);
}

static KilnTensor *
plain_mid_block (KilnGraph *graph, const KilnScope *parent,
    const SvdVaeConfig *config, KilnTensor *x)
{
  const SvdResnet params = resnet_params (config);
  KilnScope first = kiln_scope (parent, "mid_block.resnets.0");
  KilnScope middle = kiln_scope (parent, "mid_block.attentions.0");
  KilnScope last = kiln_scope (parent, "mid_block.resnets.1");
  guint32 width = kiln_tensor_shape (x)->channels;

  x = svd_resnet (graph, &first, x, NULL, width, &params);
  x = attention (graph, &middle, config, x);
  return svd_resnet (graph, &last, x, NULL, width, &params);
}

KilnTensor *
svd_vae_encode (KilnGraph *graph, const KilnScope *scope,
    const SvdVaeConfig *config, KilnTensor *x)
{
  KilnScope encoder = kiln_scope (scope, "encoder");
  KilnScope conv_in = kiln_scope (&encoder, "conv_in");
  KilnScope conv_norm_out = kiln_scope (&encoder, "conv_norm_out");
  KilnScope conv_out = kiln_scope (&encoder, "conv_out");
  KilnScope quant_conv = kiln_scope (scope, "quant_conv");
  guint32 moments = 2 * config->latent_channels;

  x = svd_conv3x3 (graph, &conv_in, x, config->block_out_channels[0], NULL);
  for (guint level = 0; level < config->n_blocks; level++)
    x = encoder_block (graph, &encoder, config, level, x);
  x = plain_mid_block (graph, &encoder, config, x);
  x = svd_norm_silu (graph, &conv_norm_out, x, config->norm_num_groups,
      config->resnet_eps);
  x = svd_conv3x3 (graph, &conv_out, x, moments, NULL);
  return kiln_conv2d (graph, &quant_conv, x, &(KilnConv) {
        .outputs = moments, .kernel = 1 }, NULL);
}

/* ---- Decoder: temporal, or that of images */

static KilnTensor *
decoder_resnet (KilnGraph *graph, const KilnScope *scope,
    const SvdVaeConfig *config, KilnTensor *x, guint32 outputs)
{
  const SvdResnet params = resnet_params (config);

  return config->temporal_decoder
      ? svd_spatio_temporal_resnet (graph, scope, x, NULL, outputs, &params)
      : svd_resnet (graph, scope, x, NULL, outputs, &params);
}

/* One attention after the first of layers_per_block blocks; diffusers runs
 * the block after it and no more, however many there are. */
static KilnTensor *
temporal_mid_block (KilnGraph *graph, const KilnScope *decoder,
    const SvdVaeConfig *config, KilnTensor *x)
{
  KilnScope first = kiln_scope (decoder, "mid_block.resnets.0");
  KilnScope middle = kiln_scope (decoder, "mid_block.attentions.0");
  KilnScope last = kiln_scope (decoder, "mid_block.resnets.1");
  guint32 width = kiln_tensor_shape (x)->channels;

  x = decoder_resnet (graph, &first, config, x, width);
  if (config->layers_per_block == 1)
    return x;
  x = attention (graph, &middle, config, x);
  return decoder_resnet (graph, &last, config, x, width);
}

static KilnTensor *
decoder_block (KilnGraph *graph, const KilnScope *decoder,
    const SvdVaeConfig *config, guint index, KilnTensor *x)
{
  KilnScope block = kiln_scope (decoder, "up_blocks.%u", index);
  KilnScope upsampler = kiln_scope (&block, "upsamplers.0.conv");
  guint level = config->n_blocks - 1 - index;
  guint32 width = config->block_out_channels[level];
  const KilnShape *shape;

  for (guint i = 0; i <= config->layers_per_block; i++) {
    KilnScope scope = kiln_scope (&block, "resnets.%u", i);

    x = decoder_resnet (graph, &scope, config, x, width);
  }
  if (level == 0)
    return x;
  shape = kiln_tensor_shape (x);
  return kiln_conv2d (graph, &upsampler, x, &(KilnConv) {
        .outputs = width, .kernel = 3, .pad = 1, .pad_end = 1,
        .resize_height = 2 * shape->height,
        .resize_width = 2 * shape->width }, NULL);
}

KilnTensor *
svd_vae_decode (KilnGraph *graph, const KilnScope *scope,
    const SvdVaeConfig *config, KilnTensor *z)
{
  KilnScope post_quant_conv = kiln_scope (scope, "post_quant_conv");
  KilnScope decoder = kiln_scope (scope, "decoder");
  KilnScope conv_in = kiln_scope (&decoder, "conv_in");
  KilnScope conv_norm_out = kiln_scope (&decoder, "conv_norm_out");
  KilnScope conv_out = kiln_scope (&decoder, "conv_out");
  KilnScope time_conv_out = kiln_scope (&decoder, "time_conv_out");
  KilnTensor *x = z;

  if (config->post_quant_conv)
    x = kiln_conv2d (graph, &post_quant_conv, x, &(KilnConv) {
          .outputs = config->latent_channels, .kernel = 1 }, NULL);
  x = svd_conv3x3 (graph, &conv_in, x,
      config->block_out_channels[config->n_blocks - 1], NULL);
  x = config->temporal_decoder ? temporal_mid_block (graph, &decoder, config,
      x) : plain_mid_block (graph, &decoder, config, x);
  for (guint i = 0; i < config->n_blocks; i++)
    x = decoder_block (graph, &decoder, config, i, x);
  x = svd_norm_silu (graph, &conv_norm_out, x, config->norm_num_groups,
      config->resnet_eps);
  x = svd_conv3x3 (graph, &conv_out, x, config->out_channels, NULL);
  return config->temporal_decoder ? kiln_conv_temporal (graph, &time_conv_out,
      x, config->out_channels, NULL) : x;
}
