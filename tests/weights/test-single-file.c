/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A small checkpoint in the layout of generative-models, written tensor by
 * tensor as that code's modules are nested, and read back under diffusers'
 * names. */

#include <math.h>

#include "../../src/device/error.h"
#include "../../src/weights/model-files.h"
#include "support.h"

#define UNET "model.diffusion_model."
#define CLIP "conditioner.embedders.0.open_clip.model."

typedef struct {
  GString *header;
  gsize size;                   /* of the data so far */
  gboolean temporal;            /* the decoder's kind */
  const char *encoder;          /* prefix of the picture's encoder */
  guint id_width;
  const char *metadata;         /* "__metadata__":{…}, or NULL */
} Checkpoint;

/* A tensor of float16 of up to four extents; zeros end the shape. */
static void
put (Checkpoint *checkpoint, const char *prefix, const char *name, guint a,
    guint b, guint c, guint d)
{
  guint extents[4] = { a, b, c, d };
  g_autoptr (GString) shape = g_string_new (NULL);
  gsize size = 2;

  for (guint i = 0; i < 4 && extents[i]; i++) {
    g_string_append_printf (shape, "%s%u", i ? "," : "", extents[i]);
    size *= extents[i];
  }
  g_string_append_printf (checkpoint->header, "%s\"%s%s\":{\"dtype\":\"F16\","
      "\"shape\":[%s],\"data_offsets\":[%" G_GSIZE_FORMAT ",%" G_GSIZE_FORMAT
      "]}", checkpoint->header->len > 1 ? "," : "", prefix, name, shape->str,
      checkpoint->size, checkpoint->size + size);
  checkpoint->size += size;
}

/* A weight of these extents and its bias. */
static void
put_layer (Checkpoint *checkpoint, const char *prefix, const char *name,
    guint out, guint in, guint taps)
{
  g_autofree char *weight = g_strconcat (name, ".weight", NULL);
  g_autofree char *bias = g_strconcat (name, ".bias", NULL);

  put (checkpoint, prefix, weight, out, in, taps, taps);
  put (checkpoint, prefix, bias, out, 0, 0, 0);
}

static void
put_norm (Checkpoint *checkpoint, const char *prefix, const char *name,
    guint width)
{
  put_layer (checkpoint, prefix, name, width, 0, 0);
}

static void
put_unet_resnet (Checkpoint *checkpoint, const char *place, guint in,
    guint out)
{
  g_autofree char *prefix = g_strconcat (UNET, place, ".", NULL);

  put_norm (checkpoint, prefix, "in_layers.0", in);
  put_layer (checkpoint, prefix, "in_layers.2", out, in, 3);
  put_layer (checkpoint, prefix, "emb_layers.1", out, 256, 0);
  put_norm (checkpoint, prefix, "out_layers.0", out);
  put_layer (checkpoint, prefix, "out_layers.3", out, out, 3);
  if (in != out)
    put_layer (checkpoint, prefix, "skip_connection", out, in, 1);
  put_norm (checkpoint, prefix, "time_stack.in_layers.0", out);
  put (checkpoint, prefix, "time_stack.in_layers.2.weight", out, out, 3, 1);
  put_layer (checkpoint, prefix, "time_stack.emb_layers.1", out, 256, 0);
  put_norm (checkpoint, prefix, "time_stack.out_layers.0", out);
  put (checkpoint, prefix, "time_stack.out_layers.3.weight", out, out, 3, 1);
  put (checkpoint, prefix, "time_mixer.mix_factor", 1, 0, 0, 0);
}

static void
put_transformer (Checkpoint *checkpoint, const char *place, guint width)
{
  g_autofree char *prefix = g_strconcat (UNET, place, ".", NULL);

  put_norm (checkpoint, prefix, "norm", width);
  put_layer (checkpoint, prefix, "proj_in", width, width, 0);
  put_norm (checkpoint, prefix, "transformer_blocks.0.norm1", width);
  put (checkpoint, prefix, "transformer_blocks.0.attn2.to_k.weight", width,
      48, 0, 0);
  put_layer (checkpoint, prefix, "transformer_blocks.0.ff.net.0.proj",
      8 * width, width, 0);
  put_norm (checkpoint, prefix, "time_stack.0.norm_in", width);
  put_layer (checkpoint, prefix, "time_stack.0.ff_in.net.2", width, width, 0);
  put_layer (checkpoint, prefix, "time_pos_embed.0", 4 * width, width, 0);
  put_layer (checkpoint, prefix, "time_pos_embed.2", width, 4 * width, 0);
  put (checkpoint, prefix, "time_mixer.mix_factor", 1, 0, 0, 0);
  put_layer (checkpoint, prefix, "proj_out", width, width, 0);
}

/* Two levels of 64 and 128 channels with one layer; only the first attends,
 * so that the deepest upsampler has no transformer before it. */
static void
put_unet (Checkpoint *checkpoint)
{
  put_layer (checkpoint, UNET, "time_embed.0", 256, 64, 0);
  put_layer (checkpoint, UNET, "time_embed.2", 256, 256, 0);
  put_layer (checkpoint, UNET, "label_emb.0.0", 256, checkpoint->id_width, 0);
  put_layer (checkpoint, UNET, "label_emb.0.2", 256, 256, 0);
  put_layer (checkpoint, UNET, "input_blocks.0.0", 64, 8, 3);
  put_unet_resnet (checkpoint, "input_blocks.1.0", 64, 64);
  put_transformer (checkpoint, "input_blocks.1.1", 64);
  put_layer (checkpoint, UNET, "input_blocks.2.0.op", 64, 64, 3);
  put_unet_resnet (checkpoint, "input_blocks.3.0", 64, 128);
  put_unet_resnet (checkpoint, "middle_block.0", 128, 128);
  put_transformer (checkpoint, "middle_block.1", 128);
  put_unet_resnet (checkpoint, "middle_block.2", 128, 128);
  put_unet_resnet (checkpoint, "output_blocks.0.0", 256, 128);
  put_unet_resnet (checkpoint, "output_blocks.1.0", 192, 128);
  put_layer (checkpoint, UNET, "output_blocks.1.1.conv", 128, 128, 3);
  put_unet_resnet (checkpoint, "output_blocks.2.0", 192, 64);
  put_transformer (checkpoint, "output_blocks.2.1", 64);
  put_unet_resnet (checkpoint, "output_blocks.3.0", 128, 64);
  put_transformer (checkpoint, "output_blocks.3.1", 64);
  put_norm (checkpoint, UNET, "out.0", 64);
  put_layer (checkpoint, UNET, "out.2", 4, 64, 3);
}

static void
put_vae_resnet (Checkpoint *checkpoint, const char *half, const char *place,
    guint in, guint out, gboolean temporal)
{
  g_autofree char *prefix = g_strconcat (half, place, ".", NULL);

  put_norm (checkpoint, prefix, "norm1", in);
  put_layer (checkpoint, prefix, "conv1", out, in, 3);
  put_norm (checkpoint, prefix, "norm2", out);
  put_layer (checkpoint, prefix, "conv2", out, out, 3);
  if (in != out)
    put_layer (checkpoint, prefix, "nin_shortcut", out, in, 1);
  if (!temporal)
    return;
  put_norm (checkpoint, prefix, "time_stack.in_layers.0", out);
  put (checkpoint, prefix, "time_stack.in_layers.2.weight", out, out, 3, 1);
  put (checkpoint, prefix, "mix_factor", 1, 0, 0, 0);
}

static void
put_vae_middle (Checkpoint *checkpoint, const char *half, gboolean temporal)
{
  static const char *const products[] = { "q", "k", "v", "proj_out" };
  g_autofree char *attention = g_strconcat (half, "mid.attn_1.", NULL);

  put_vae_resnet (checkpoint, half, "mid.block_1", 64, 64, temporal);
  put_norm (checkpoint, attention, "norm", 64);
  for (guint i = 0; i < G_N_ELEMENTS (products); i++)
    put_layer (checkpoint, attention, products[i], 64, 64, 1);
  put_vae_resnet (checkpoint, half, "mid.block_2", 64, 64, temporal);
  put_norm (checkpoint, half, "norm_out", 32);
}

/* Two levels of 32 and 64 channels, one layer, four latent channels. */
static void
put_encoder (Checkpoint *checkpoint, const char *prefix)
{
  g_autofree char *half = g_strconcat (prefix, "encoder.", NULL);

  put_layer (checkpoint, half, "conv_in", 32, 3, 3);
  put_vae_resnet (checkpoint, half, "down.0.block.0", 32, 32, FALSE);
  put_layer (checkpoint, half, "down.0.downsample.conv", 32, 32, 3);
  put_vae_resnet (checkpoint, half, "down.1.block.0", 32, 64, FALSE);
  put_vae_middle (checkpoint, half, FALSE);
  put_layer (checkpoint, half, "conv_out", 8, 64, 3);
}

static void
put_decoder (Checkpoint *checkpoint, const char *prefix, gboolean temporal)
{
  g_autofree char *half = g_strconcat (prefix, "decoder.", NULL);

  put_layer (checkpoint, half, "conv_in", 64, 4, 3);
  put_vae_middle (checkpoint, half, temporal);
  put_vae_resnet (checkpoint, half, "up.0.block.0", 64, 32, temporal);
  put_vae_resnet (checkpoint, half, "up.0.block.1", 32, 32, temporal);
  put_vae_resnet (checkpoint, half, "up.1.block.0", 64, 64, temporal);
  put_vae_resnet (checkpoint, half, "up.1.block.1", 64, 64, temporal);
  put_layer (checkpoint, half, "up.1.upsample.conv", 64, 64, 3);
  put_layer (checkpoint, half, "conv_out", 3, 32, 3);
  if (temporal)
    put (checkpoint, half, "conv_out.time_mix_conv.weight", 3, 3, 3, 1);
  else
    put_layer (checkpoint, prefix, "post_quant_conv", 4, 4, 1);
}

/* Both the embedder and the first stage carry a half that is not used. */
static void
put_vae (Checkpoint *checkpoint)
{
  put_encoder (checkpoint, "first_stage_model.");
  put_decoder (checkpoint, "first_stage_model.", checkpoint->temporal);
  put_encoder (checkpoint, checkpoint->encoder);
  put_decoder (checkpoint, checkpoint->encoder, FALSE);
  put_layer (checkpoint, checkpoint->encoder, "quant_conv", 8, 8, 1);
}

/* 80 channels, pictures of 4 × 4 patches of 7 pixels. */
static void
put_clip (Checkpoint *checkpoint)
{
  static const char visual[] = CLIP "visual.";
  static const char block[] = CLIP "visual.transformer.resblocks.0.";

  put (checkpoint, visual, "class_embedding", 80, 0, 0, 0);
  put (checkpoint, visual, "positional_embedding", 17, 80, 0, 0);
  put (checkpoint, visual, "conv1.weight", 80, 3, 7, 7);
  put_norm (checkpoint, visual, "ln_pre", 80);
  put_norm (checkpoint, block, "ln_1", 80);
  put (checkpoint, block, "attn.in_proj_weight", 240, 80, 0, 0);
  put (checkpoint, block, "attn.in_proj_bias", 240, 0, 0, 0);
  put_layer (checkpoint, block, "attn.out_proj", 80, 80, 0);
  put_norm (checkpoint, block, "ln_2", 80);
  put_layer (checkpoint, block, "mlp.c_fc", 160, 80, 0);
  put_layer (checkpoint, block, "mlp.c_proj", 80, 160, 0);
  put_norm (checkpoint, visual, "ln_post", 80);
  put (checkpoint, visual, "proj", 80, 48, 0, 0);
  put (checkpoint, CLIP, "logit_scale", 0, 0, 0, 0);
  put (checkpoint, CLIP, "token_embedding.weight", 9, 5, 0, 0);
}

#define CHECKPOINT { NULL, 0, TRUE, "conditioner.embedders.3.encoder.", 96, \
  NULL }

static SvdModelFiles *
open_checkpoint (Checkpoint *checkpoint, const char *folder,
    const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GBytes) bytes = NULL;

  checkpoint->header = g_string_new ("{");
  if (checkpoint->metadata)
    g_string_append (checkpoint->header, checkpoint->metadata);
  put_unet (checkpoint);
  put_vae (checkpoint);
  put_clip (checkpoint);
  g_string_append_c (checkpoint->header, '}');
  bytes = make_safetensors (checkpoint->header->str, checkpoint->size);
  g_string_free (checkpoint->header, TRUE);
  write_bytes (folder, name, bytes);
  return svd_model_files_open (path, error);
}

static void
check_unet (const SvdUnetConfig *unet)
{
  g_assert_cmpuint (unet->in_channels, ==, 8);
  g_assert_cmpuint (unet->out_channels, ==, 4);
  g_assert_cmpuint (unet->n_blocks, ==, 2);
  g_assert_cmpuint (unet->block_out_channels[1], ==, 128);
  g_assert_true (unet->down_block_cross[0] && !unet->down_block_cross[1]);
  g_assert_true (!unet->up_block_cross[0] && unet->up_block_cross[1]);
  g_assert_cmpuint (unet->layers_per_block[1], ==, 1);
  g_assert_cmpuint (unet->num_attention_heads[0], ==, 1);
  g_assert_cmpuint (unet->num_attention_heads[1], ==, 2);
  g_assert_cmpuint (unet->transformer_layers_per_block[0], ==, 1);
  g_assert_cmpuint (unet->cross_attention_dim[0], ==, 48);
  g_assert_cmpuint (unet->addition_time_embed_dim, ==, 32);
  g_assert_cmpuint (unet->num_frames, ==, 25);
  g_assert_cmpfloat (unet->resnet_eps_down[0], ==, 1e-5);
  g_assert_cmpfloat (unet->resnet_eps_up[1], ==, 1e-5);
  g_assert_cmpfloat (unet->transformer_norm_eps, ==, 1e-6);
}

static void
check_vae (const SvdVaeConfig *vae)
{
  g_assert_cmpuint (vae->n_blocks, ==, 2);
  g_assert_cmpuint (vae->block_out_channels[1], ==, 64);
  g_assert_cmpuint (vae->layers_per_block, ==, 1);
  g_assert_cmpuint (vae->latent_channels, ==, 4);
  g_assert_cmpuint (vae->factor, ==, 2);
  g_assert_cmpfloat (vae->scaling_factor, ==, 0.18215);
  g_assert_true (vae->temporal_decoder && !vae->post_quant_conv);
}

static void
check_clip (const SvdClipConfig *clip)
{
  g_assert_cmpuint (clip->hidden_size, ==, 80);
  g_assert_cmpuint (clip->num_attention_heads, ==, 1);
  g_assert_cmpuint (clip->image_size, ==, 28);
  g_assert_cmpuint (clip->patch_size, ==, 7);
  g_assert_cmpuint (clip->num_hidden_layers, ==, 1);
  g_assert_cmpuint (clip->intermediate_size, ==, 160);
  g_assert_cmpuint (clip->projection_dim, ==, 48);
  g_assert_cmpint (clip->hidden_act, ==, SVD_ACTIVATION_GELU);
}

static void
test_configs (void)
{
  g_autofree char *folder = make_folder ();
  g_autoptr (GError) error = NULL;
  Checkpoint checkpoint = CHECKPOINT;
  g_autoptr (SvdModelFiles) files = open_checkpoint (&checkpoint, folder,
      "svd_xt_1_1.safetensors", &error);

  g_assert_no_error (error);
  check_unet (svd_model_files_get_unet_config (files, NULL));
  check_vae (svd_model_files_get_vae_config (files, NULL));
  check_clip (svd_model_files_get_clip_config (files, NULL));
  g_assert_cmpfloat (svd_model_files_get_scheduler_config (files, NULL)->
      sigma_max, ==, 700);
  remove_folder (folder);
}

/* Names that must be there, and the tensors' extents. */
static const struct {
  SvdPart part;
  const char *name;
  guint extents[4];
} expected[] = {
  {SVD_PART_UNET, "conv_in.weight", {64, 8, 3, 3}},
  {SVD_PART_UNET, "conv_norm_out.bias", {64}},
  {SVD_PART_UNET, "conv_out.weight", {4, 64, 3, 3}},
  {SVD_PART_UNET, "time_embedding.linear_1.weight", {256, 64}},
  {SVD_PART_UNET, "time_embedding.linear_2.bias", {256}},
  {SVD_PART_UNET, "add_embedding.linear_1.weight", {256, 96}},
  {SVD_PART_UNET, "add_embedding.linear_2.weight", {256, 256}},
  {SVD_PART_UNET, "down_blocks.0.resnets.0.spatial_res_block.norm1.weight",
      {64}},
  {SVD_PART_UNET, "down_blocks.0.attentions.0.proj_in.weight", {64, 64}},
  {SVD_PART_UNET, "down_blocks.0.attentions.0.transformer_blocks.0.attn2."
        "to_k.weight", {64, 48}},
  {SVD_PART_UNET, "down_blocks.0.attentions.0.temporal_transformer_blocks.0."
        "norm_in.weight", {64}},
  {SVD_PART_UNET, "down_blocks.0.attentions.0.time_pos_embed.linear_1.weight",
      {256, 64}},
  {SVD_PART_UNET, "down_blocks.0.attentions.0.time_mixer.mix_factor", {1}},
  {SVD_PART_UNET, "down_blocks.0.downsamplers.0.conv.weight", {64, 64, 3, 3}},
  {SVD_PART_UNET, "down_blocks.1.resnets.0.spatial_res_block.conv_shortcut."
        "weight", {128, 64, 1, 1}},
  {SVD_PART_UNET, "down_blocks.1.resnets.0.temporal_res_block.conv2.weight",
      {128, 128, 3, 1}},
  {SVD_PART_UNET, "down_blocks.1.resnets.0.temporal_res_block.time_emb_proj."
        "weight", {128, 256}},
  {SVD_PART_UNET, "mid_block.resnets.0.spatial_res_block.conv1.weight",
      {128, 128, 3, 3}},
  {SVD_PART_UNET, "mid_block.attentions.0.proj_out.weight", {128, 128}},
  {SVD_PART_UNET, "mid_block.resnets.1.time_mixer.mix_factor", {1}},
  {SVD_PART_UNET, "up_blocks.0.resnets.0.spatial_res_block.conv1.weight",
      {128, 256, 3, 3}},
  {SVD_PART_UNET, "up_blocks.0.resnets.1.spatial_res_block.conv1.weight",
      {128, 192, 3, 3}},
  {SVD_PART_UNET, "up_blocks.0.upsamplers.0.conv.weight", {128, 128, 3, 3}},
  {SVD_PART_UNET, "up_blocks.1.resnets.0.spatial_res_block.conv1.weight",
      {64, 192, 3, 3}},
  {SVD_PART_UNET, "up_blocks.1.attentions.1.norm.weight", {64}},
  {SVD_PART_VAE, "encoder.conv_in.weight", {32, 3, 3, 3}},
  {SVD_PART_VAE, "encoder.down_blocks.0.resnets.0.norm1.weight", {32}},
  {SVD_PART_VAE, "encoder.down_blocks.0.downsamplers.0.conv.bias", {32}},
  {SVD_PART_VAE, "encoder.down_blocks.1.resnets.0.conv_shortcut.weight",
      {64, 32, 1, 1}},
  {SVD_PART_VAE, "encoder.mid_block.attentions.0.to_q.weight", {64, 64}},
  {SVD_PART_VAE, "encoder.conv_norm_out.weight", {32}},
  {SVD_PART_VAE, "quant_conv.weight", {8, 8, 1, 1}},
  {SVD_PART_VAE, "decoder.mid_block.attentions.0.group_norm.weight", {64}},
  {SVD_PART_VAE, "decoder.mid_block.attentions.0.to_out.0.weight", {64, 64}},
  {SVD_PART_VAE, "decoder.mid_block.resnets.1.spatial_res_block.conv2.bias",
      {64}},
  {SVD_PART_VAE, "decoder.up_blocks.0.upsamplers.0.conv.weight",
      {64, 64, 3, 3}},
  {SVD_PART_VAE, "decoder.up_blocks.1.resnets.0.spatial_res_block."
        "conv_shortcut.weight", {32, 64, 1, 1}},
  {SVD_PART_VAE, "decoder.up_blocks.1.resnets.1.temporal_res_block.conv1."
        "weight", {32, 32, 3, 1}},
  {SVD_PART_VAE, "decoder.up_blocks.1.resnets.1.time_mixer.mix_factor", {1}},
  {SVD_PART_VAE, "decoder.conv_out.weight", {3, 32, 3, 3}},
  {SVD_PART_VAE, "decoder.time_conv_out.weight", {3, 3, 3, 1}},
  {SVD_PART_IMAGE_ENCODER, "vision_model.embeddings.class_embedding", {80}},
  {SVD_PART_IMAGE_ENCODER, "vision_model.embeddings.position_embedding.weight",
      {17, 80}},
  {SVD_PART_IMAGE_ENCODER, "vision_model.embeddings.patch_embedding.weight",
      {80, 3, 7, 7}},
  {SVD_PART_IMAGE_ENCODER, "vision_model.pre_layrnorm.weight", {80}},
  {SVD_PART_IMAGE_ENCODER, "vision_model.post_layernorm.bias", {80}},
  {SVD_PART_IMAGE_ENCODER, "vision_model.encoder.layers.0.self_attn.v_proj."
        "weight", {80, 80}},
  {SVD_PART_IMAGE_ENCODER, "vision_model.encoder.layers.0.self_attn.q_proj."
        "bias", {80}},
  {SVD_PART_IMAGE_ENCODER, "vision_model.encoder.layers.0.layer_norm2.weight",
      {80}},
  {SVD_PART_IMAGE_ENCODER, "vision_model.encoder.layers.0.mlp.fc1.weight",
      {160, 80}},
  {SVD_PART_IMAGE_ENCODER, "visual_projection.weight", {80, 48}},
};

static void
test_names (void)
{
  g_autofree char *folder = make_folder ();
  g_autoptr (GError) error = NULL;
  Checkpoint checkpoint = CHECKPOINT;
  g_autoptr (SvdModelFiles) files = open_checkpoint (&checkpoint, folder,
      "svd.safetensors", &error);

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    KilnWeightSource *source = svd_model_files_get_source (files,
        expected[i].part, FALSE, &error);
    KilnWeightInfo info;

    g_assert_no_error (error);
    if (!source->find (source, expected[i].name, &info))
      g_error ("there is no %s", expected[i].name);
    for (guint j = 0; j < info.n_dims; j++)
      g_assert_cmpuint (info.shape[j], ==, expected[i].extents[j]);
    g_assert_true (info.n_dims == 4 || expected[i].extents[info.n_dims] == 0);
  }
  remove_folder (folder);
}

static KilnWeightInfo
get (SvdModelFiles *files, const char *name)
{
  KilnWeightSource *source = svd_model_files_get_source (files,
      SVD_PART_IMAGE_ENCODER, FALSE, NULL);
  KilnWeightInfo info;

  g_assert_true (source->find (source, name, &info));
  return info;
}

/* q, k and v lie one behind the other. */
static void
test_changes (void)
{
  static const char layer[] = "vision_model.encoder.layers.0.self_attn.";
  g_autofree char *folder = make_folder ();
  Checkpoint checkpoint = CHECKPOINT;
  g_autoptr (SvdModelFiles) files = open_checkpoint (&checkpoint, folder,
      "svd.safetensors", NULL);
  g_autofree char *q_name = g_strconcat (layer, "q_proj.weight", NULL);
  g_autofree char *k_name = g_strconcat (layer, "k_proj.weight", NULL);
  g_autofree char *v_name = g_strconcat (layer, "v_proj.weight", NULL);
  KilnWeightInfo q = get (files, q_name), k = get (files, k_name);
  KilnWeightInfo v = get (files, v_name);

  g_assert_cmpuint (q.size, ==, 2 * 80 * 80);
  g_assert_true (k.data == q.data + q.size && v.data == k.data + k.size);
  g_assert_true (get (files, "visual_projection.weight").transposed);
  g_assert_false (q.transposed);
  remove_folder (folder);
}

static void
test_image_decoder (void)
{
  g_autofree char *folder = make_folder ();
  g_autoptr (GError) error = NULL;
  Checkpoint checkpoint = CHECKPOINT;
  g_autoptr (SvdModelFiles) files = NULL;
  KilnWeightSource *source;
  KilnWeightInfo info;

  checkpoint.temporal = FALSE;
  files = open_checkpoint (&checkpoint, folder, "svd_image_decoder", &error);
  g_assert_no_error (error);
  g_assert_false (svd_model_files_get_vae_config (files, NULL)->
      temporal_decoder);
  g_assert_true (svd_model_files_get_vae_config (files, NULL)->
      post_quant_conv);
  g_assert_cmpuint (svd_model_files_get_unet_config (files, NULL)->num_frames,
      ==, 14);
  source = svd_model_files_get_source (files, SVD_PART_VAE, FALSE, NULL);
  g_assert_true (source->find (source, "post_quant_conv.weight", &info));
  g_assert_true (source->find (source,
          "decoder.up_blocks.1.resnets.0.conv_shortcut.weight", &info));
  g_assert_false (source->find (source, "decoder.time_conv_out.weight",
          &info));
  remove_folder (folder);
}

/* What the tensors do not tell: the metadata's frames, else the name's, and
 * how generative-models samples that many. 0: not known. */
static void
test_presets (void)
{
  static const struct {
    const char *name, *metadata;
    guint num_frames;
    int steps;
    double min, max;
  } cases[] = {
    {"svd.safetensors", NULL, 14, 25, 1, 2.5},
    {"SVD_image_decoder.safetensors", NULL, 14, 25, 1, 2.5},
    {"svd_xt.safetensors", NULL, 25, 30, 1.5, 3},
    {"svd_xt_image_decoder.safetensors", NULL, 25, 30, 1.5, 3},
    {"stable-video-diffusion-img2vid-xt-1-1.safetensors", NULL, 25, 30, 1.5, 3},
    {"svd.safetensors", "\"__metadata__\":{\"num_frames\":\"25\"}",
        25, 30, 1.5, 3},
    {"svd_xt.safetensors", "\"__metadata__\":{\"num_frames\":\"36\"}",
        36, -1, NAN, NAN},
    {"svd.safetensors", "\"__metadata__\":{\"num_frames\":\"many\"}",
        14, 25, 1, 2.5},
    {"my-own.safetensors", NULL, 0, -1, NAN, NAN},
  };
  g_autofree char *folder = make_folder ();

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Checkpoint checkpoint = CHECKPOINT;
    g_autoptr (GError) error = NULL;
    g_autoptr (SvdModelFiles) files = NULL;
    const SvdRecommended *recommended;

    checkpoint.metadata = cases[i].metadata;
    files = open_checkpoint (&checkpoint, folder, cases[i].name, &error);
    g_assert_no_error (error);
    recommended = svd_model_files_get_recommended (files);
    g_assert_cmpuint (svd_model_files_get_unet_config (files, NULL)->
        num_frames, ==, cases[i].num_frames);
    g_assert_cmpint (recommended->steps, ==, cases[i].steps);
    if (cases[i].steps < 0) {
      g_assert_true (isnan (recommended->min_guidance_scale));
      g_assert_true (isnan (recommended->max_guidance_scale));
      continue;
    }
    g_assert_cmpfloat (recommended->min_guidance_scale, ==, cases[i].min);
    g_assert_cmpfloat (recommended->max_guidance_scale, ==, cases[i].max);
  }
  remove_folder (folder);
}

static void
test_other_models (void)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "x", NULL);
  g_autoptr (GError) error = NULL;
  Checkpoint checkpoint = CHECKPOINT;
  g_autoptr (GBytes) other = make_safetensors ("{\"w\":{\"dtype\":\"F16\","
      "\"shape\":[1],\"data_offsets\":[0,2]}}", 2);
  g_autoptr (GBytes) still = make_safetensors ("{\"" UNET
      "input_blocks.0.0.weight\":{\"dtype\":\"F16\",\"shape\":[1],"
      "\"data_offsets\":[0,2]}}", 2);

  write_bytes (folder, "x", other);
  g_assert_null (svd_model_files_open (path, &error));
  assert_model_error (&error, "looked for model.diffusion_model.");
  write_bytes (folder, "x", still);
  g_assert_null (svd_model_files_open (path, &error));
  assert_model_error (&error, "still pictures");
  checkpoint.encoder = "conditioner.embedders.1.encoder.";
  checkpoint.id_width = 256;
  g_assert_null (open_checkpoint (&checkpoint, folder, "sv3d_u", &error));
  assert_model_error (&error, "SV3D models are not supported");
  checkpoint = (Checkpoint) CHECKPOINT;
  checkpoint.encoder = "elsewhere.";
  g_assert_null (open_checkpoint (&checkpoint, folder, "svd", &error));
  assert_model_error (&error, "nothing that encodes the picture");
  remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/single-file/configs", test_configs);
  g_test_add_func ("/single-file/names", test_names);
  g_test_add_func ("/single-file/changes", test_changes);
  g_test_add_func ("/single-file/image-decoder", test_image_decoder);
  g_test_add_func ("/single-file/presets", test_presets);
  g_test_add_func ("/single-file/other-models", test_other_models);
  return g_test_run ();
}
