/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clip-vision.h"

/* A class token and one token a patch, each with its position added. */
static KilnTensor *
embed (KilnGraph *graph, const KilnScope *scope, const SvdClipConfig *config,
    KilnTensor *pixels)
{
  KilnScope patch_embedding = kiln_scope (scope, "patch_embedding");
  guint side = config->image_size / config->patch_size;
  KilnPack rows = {
    .packing = KILN_PACK_ROWS,
    .type = kiln_graph_precision (graph),
    .inputs = config->hidden_size,
    .outputs = 1,
  };
  KilnTensor *tokens[2], *positions;

  tokens[0] = kiln_graph_weight (graph, scope,
      (const char *[]) { "class_embedding" }, 1, &rows);
  tokens[1] = kiln_conv2d (graph, &patch_embedding, pixels, &(KilnConv) {
        .outputs = config->hidden_size, .kernel = config->patch_size,
        .stride = config->patch_size }, NULL);
  rows.outputs = side * side + 1;
  positions = kiln_graph_weight (graph, scope,
      (const char *[]) { "position_embedding.weight" }, 1, &rows);
  return kiln_add (graph, kiln_join (graph, tokens[0], tokens[1]), positions);
}

static KilnTensor *
encoder_layer (KilnGraph *graph, const KilnScope *scope,
    const SvdClipConfig *config, KilnTensor *x)
{
  static const char *const names[] = { "q_proj", "k_proj", "v_proj" };
  KilnScope layer_norm1 = kiln_scope (scope, "layer_norm1");
  KilnScope self_attn = kiln_scope (scope, "self_attn");
  KilnScope out_proj = kiln_scope (scope, "self_attn.out_proj");
  KilnScope layer_norm2 = kiln_scope (scope, "layer_norm2");
  KilnScope fc1 = kiln_scope (scope, "mlp.fc1");
  KilnScope fc2 = kiln_scope (scope, "mlp.fc2");
  KilnTensor *h;

  h = kiln_layer_norm (graph, &layer_norm1, x, config->layer_norm_eps);
  h = kiln_linear_stacked (graph, &self_attn, names, 3, h,
      config->hidden_size);
  h = kiln_attention (graph, h, &(KilnAttention) {
        .heads = config->num_attention_heads });
  x = kiln_linear (graph, &out_proj, h, config->hidden_size, &(KilnEpilogue) {
        .residual = x });
  h = kiln_layer_norm (graph, &layer_norm2, x, config->layer_norm_eps);
  h = kiln_linear (graph, &fc1, h, config->intermediate_size,
      &(KilnEpilogue) {
        .activation = config->hidden_act == SVD_ACTIVATION_QUICK_GELU
            ? KILN_ACT_QUICK_GELU : KILN_ACT_GELU });
  return kiln_linear (graph, &fc2, h, config->hidden_size, &(KilnEpilogue) {
        .residual = x });
}

KilnTensor *
svd_clip_vision (KilnGraph *graph, const KilnScope *scope,
    const SvdClipConfig *config, KilnTensor *pixels)
{
  KilnScope model = kiln_scope (scope, "vision_model");
  KilnScope embeddings = kiln_scope (&model, "embeddings");
  KilnScope pre_layrnorm = kiln_scope (&model, "pre_layrnorm");      /* sic */
  KilnScope post_layernorm = kiln_scope (&model, "post_layernorm");
  KilnScope projection = kiln_scope (scope, "visual_projection");
  KilnTensor *x = embed (graph, &embeddings, config, pixels);

  x = kiln_layer_norm (graph, &pre_layrnorm, x, config->layer_norm_eps);
  for (guint i = 0; i < config->num_hidden_layers; i++) {
    KilnScope layer = kiln_scope (&model, "encoder.layers.%u", i);

    x = encoder_layer (graph, &layer, config, x);
  }
  x = kiln_first (graph, x, 1);
  x = kiln_layer_norm (graph, &post_layernorm, x, config->layer_norm_eps);
  return kiln_linear (graph, &projection, x, config->projection_dim, NULL);
}
