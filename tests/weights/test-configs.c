/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <math.h>

#include "../../src/device/error.h"
#include "../../src/weights/svd-config.h"
#include "configs.h"
#include "support.h"

/* read_x (config, json, error): svd_x_config_read from a string */
#define DEFINE_READ(name, Type, function)                                   \
static gboolean                                                             \
name (Type *config, const char *json, GError **error)                       \
{                                                                           \
  g_autoptr (KilnConfigReader) reader =                                     \
      kiln_config_reader_new (json, -1, "config.json", error);              \
                                                                            \
  return reader && function (config, reader, error);                        \
}

DEFINE_READ (read_clip, SvdClipConfig, svd_clip_config_read)
DEFINE_READ (read_vae, SvdVaeConfig, svd_vae_config_read)
DEFINE_READ (read_unet, SvdUnetConfig, svd_unet_config_read)
DEFINE_READ (read_scheduler, SvdSchedulerConfig, svd_scheduler_config_read)
DEFINE_READ (read_preprocessor, SvdPreprocessorConfig,
    svd_preprocessor_config_read)
DEFINE_READ (read_recommended, SvdRecommended, svd_recommended_read)

/* Each faulty text and a part of what is said about it. */
typedef struct {
  const char *json, *part;
} Fault;

#define CHECK_FAULTS(read, Type, faults)                                    \
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {                       \
    g_autoptr (GError) error = NULL;                                        \
    Type config;                                                            \
                                                                            \
    if (read (&config, faults[i].json, &error))                             \
      g_error ("accepted: %s", faults[i].json);                             \
    g_assert_true (g_str_has_prefix (error->message, "config.json: "));     \
    assert_model_error (&error, faults[i].part);                            \
  }

/* --- the reader --- */

static void
test_reader (void)
{
  static const Fault bad[] = {
    {"", "not valid JSON"}, {"{", "not valid JSON"}, {"[]", "not a JSON"},
    {"3", "not a JSON"}, {"{\"a\":NaN}", "not valid JSON"},
    {"{\"a\":[1,]}", "not valid JSON"},
  };
  g_autoptr (GString) deep = g_string_new ("{\"a\":");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_assert_null (kiln_config_reader_new (bad[i].json, -1, "x", &error));
    assert_model_error (&error, bad[i].part);
  }
  for (guint i = 0; i < 1000000; i++)
    g_string_append_c (deep, '[');
  g_assert_null (kiln_config_reader_new (deep->str, deep->len, "x", &error));
  assert_model_error (&error, "too deep");
  g_string_set_size (deep, KILN_CONFIG_MAX_BYTES + 1);
  g_assert_null (kiln_config_reader_new (deep->str, deep->len, "x", &error));
  assert_model_error (&error, "too many");
}

/* --- CLIP --- */

static void
test_clip (void)
{
  g_autoptr (GError) error = NULL;
  SvdClipConfig config;

  g_assert_true (read_clip (&config, SVD_CLIP_JSON, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (config.hidden_size, ==, 1280);
  g_assert_cmpuint (config.intermediate_size, ==, 5120);
  g_assert_cmpuint (config.num_hidden_layers, ==, 32);
  g_assert_cmpuint (config.num_attention_heads, ==, 16);
  g_assert_cmpuint (config.image_size, ==, 224);
  g_assert_cmpuint (config.patch_size, ==, 14);
  g_assert_cmpuint (config.projection_dim, ==, 1024);
  g_assert_cmpfloat (config.layer_norm_eps, ==, 1e-5);
  g_assert_cmpint (config.hidden_act, ==, SVD_ACTIVATION_GELU);
}

static void
test_clip_defaults (void)
{
  SvdClipConfig config;

  g_assert_true (read_clip (&config, "{}", NULL));
  g_assert_cmpuint (config.hidden_size, ==, 768);
  g_assert_cmpuint (config.patch_size, ==, 32);
  g_assert_cmpint (config.hidden_act, ==, SVD_ACTIVATION_QUICK_GELU);
  g_assert_true (read_clip (&config, "{\"model_type\":\"clip\","
          "\"hidden_size\":1,\"vision_config\":{\"hidden_size\":96}}", NULL));
  g_assert_cmpuint (config.hidden_size, ==, 96);
}

static void
test_clip_faults (void)
{
  static const Fault faults[] = {
    {"{\"hidden_size\":770}", "no multiple of 'num_attention_heads'"},
    {"{\"hidden_size\":\"768\"}", "'hidden_size' must be a whole number"},
    {"{\"hidden_size\":768.0}", "whole number"},
    {"{\"hidden_size\":-768}", "must be between"},
    {"{\"hidden_size\":99999999999999999999}", "'hidden_size'"},
    {"{\"num_attention_heads\":0}", "must be between"},
    {"{\"num_channels\":4}", "'num_channels' is 4"},
    {"{\"image_size\":[224,224]}", "'image_size' must be a whole number"},
    {"{\"patch_size\":225}", "exceeds 'image_size'"},
    {"{\"hidden_act\":\"relu\"}", "gelu and quick_gelu"},
    {"{\"layer_norm_eps\":\"small\"}", "must be a number"},
    {"{\"model_type\":\"siglip\"}", "must be a clip_vision_model"},
    {"{\"model_type\":\"clip\",\"vision_config\":3}", "must be an object"},
  };

  CHECK_FAULTS (read_clip, SvdClipConfig, faults);
}

/* --- VAE --- */

static void
test_vae (void)
{
  g_autoptr (GError) error = NULL;
  SvdVaeConfig config;

  g_assert_true (read_vae (&config, SVD_VAE_JSON, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (config.n_blocks, ==, 4);
  g_assert_cmpuint (config.block_out_channels[3], ==, 512);
  g_assert_cmpuint (config.layers_per_block, ==, 2);
  g_assert_cmpuint (config.latent_channels, ==, 4);
  g_assert_cmpuint (config.sample_size, ==, 768);
  g_assert_cmpfloat (config.scaling_factor, ==, 0.18215);
  g_assert_true (config.force_upcast);
  g_assert_cmpuint (config.factor, ==, 8);
  g_assert_true (config.temporal_decoder);
  g_assert_false (config.post_quant_conv);
}

static void
test_vae_defaults (void)
{
  SvdVaeConfig config;

  g_assert_true (read_vae (&config, "{\"sample_size\":null}", NULL));
  g_assert_cmpuint (config.n_blocks, ==, 1);
  g_assert_cmpuint (config.block_out_channels[0], ==, 64);
  g_assert_cmpuint (config.factor, ==, 1);
  g_assert_cmpuint (config.sample_size, ==, 32);
}

static void
test_vae_faults (void)
{
  static const Fault faults[] = {
    {"{\"_class_name\":\"AutoencoderKL\"}", "AutoencoderKLTemporalDecoder"},
    {"{\"block_out_channels\":[32,48],\"down_block_types\":"
          "[\"DownEncoderBlock2D\",\"DownEncoderBlock2D\"]}",
        "no multiple of the 32"},
    {"{\"block_out_channels\":[32,64]}", "1 'down_block_types' for 2"},
    {"{\"block_out_channels\":[]}", "must have 1 to 8 items, not 0"},
    {"{\"block_out_channels\":[32,32,32,32,32,32,32,32,32]}",
        "must have 1 to 8 items, not 9"},
    {"{\"block_out_channels\":64}", "must be a list"},
    {"{\"block_out_channels\":[\"64\"]}", "whole number"},
    {"{\"down_block_types\":[\"AttnDownEncoderBlock2D\"]}",
        "only DownEncoderBlock2D"},
    {"{\"down_block_types\":[1]}", "must be a string"},
    {"{\"in_channels\":4}", "'in_channels' is 4"},
    {"{\"scaling_factor\":0}", "must be between"},
    {"{\"force_upcast\":1}", "true or false"},
  };

  CHECK_FAULTS (read_vae, SvdVaeConfig, faults);
}

/* --- UNet --- */

static void
test_unet (void)
{
  g_autoptr (GError) error = NULL;
  SvdUnetConfig config;

  g_assert_true (read_unet (&config, SVD_UNET_JSON, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (config.n_blocks, ==, 4);
  g_assert_cmpuint (config.in_channels, ==, 8);
  g_assert_cmpuint (config.num_attention_heads[3], ==, 20);
  g_assert_cmpuint (config.layers_per_block[3], ==, 2);
  g_assert_cmpuint (config.transformer_layers_per_block[0], ==, 1);
  g_assert_cmpuint (config.cross_attention_dim[1], ==, 1024);
  g_assert_true (config.down_block_cross[0]);
  g_assert_false (config.down_block_cross[3]);
  g_assert_false (config.up_block_cross[0]);
  g_assert_true (config.up_block_cross[3]);
  g_assert_cmpuint (config.num_frames, ==, 25);
  g_assert_cmpuint (config.sample_size, ==, 96);
  g_assert_cmpfloat (config.resnet_eps_down[2], ==, 1e-6);
  g_assert_cmpfloat (config.resnet_eps_down[3], ==, 1e-5);
  g_assert_cmpfloat (config.resnet_eps_mid, ==, 1e-5);
  g_assert_cmpfloat (config.resnet_eps_up[0], ==, 1e-6);
}

static void
test_unet_lists (void)
{
  g_autoptr (GError) error = NULL;
  SvdUnetConfig config;

  g_assert_true (read_unet (&config, "{\"block_out_channels\":[32,64,96],"
          "\"down_block_types\":[\"DownBlockSpatioTemporal\","
          "\"CrossAttnDownBlockSpatioTemporal\",\"DownBlockSpatioTemporal\"],"
          "\"up_block_types\":[\"UpBlockSpatioTemporal\","
          "\"CrossAttnUpBlockSpatioTemporal\",\"UpBlockSpatioTemporal\"],"
          "\"num_attention_heads\":[5,2,3],\"layers_per_block\":[1,2,3],"
          "\"transformer_layers_per_block\":[1,3,2],"
          "\"cross_attention_dim\":[7,32,32]}", &error));
  g_assert_no_error (error);
  g_assert_cmpuint (config.n_blocks, ==, 3);
  g_assert_cmpuint (config.layers_per_block[2], ==, 3);
  g_assert_cmpuint (config.transformer_layers_per_block[1], ==, 3);
  g_assert_cmpuint (config.cross_attention_dim[1], ==, 32);
  g_assert_cmpuint (config.sample_size, ==, 0);
  g_assert_cmpfloat (config.resnet_eps_down[0], ==, 1e-5);
  g_assert_cmpfloat (config.resnet_eps_down[1], ==, 1e-6);
}

#define THREE_LEVELS "\"block_out_channels\":[32,64,96],\"down_block_types\":" \
  "[\"DownBlockSpatioTemporal\",\"CrossAttnDownBlockSpatioTemporal\"," \
  "\"DownBlockSpatioTemporal\"],\"up_block_types\":[" \
  "\"UpBlockSpatioTemporal\",\"UpBlockSpatioTemporal\"," \
  "\"UpBlockSpatioTemporal\"]"

static void
test_unet_faults (void)
{
  static const Fault faults[] = {
    {"{\"_class_name\":\"UNet2DConditionModel\"}",
        "must be an UNetSpatioTemporalConditionModel"},
    {"{\"block_out_channels\":[32,64]}", "'down_block_types' is missing"},
    {"{" THREE_LEVELS "}", "cannot be shared"},
    {"{" THREE_LEVELS ",\"num_attention_heads\":[1,2]}",
        "2 items for 3 levels"},
    {"{" THREE_LEVELS ",\"num_attention_heads\":[1,3,3]}",
        "level 1: 64 channels cannot be shared by 3"},
    {"{" THREE_LEVELS ",\"num_attention_heads\":2,"
          "\"transformer_layers_per_block\":[1,[1,1],1]}",
        "must be a whole number"},
    {"{" THREE_LEVELS ",\"num_attention_heads\":2,\"layers_per_block\":0}",
        "must be between"},
    {"{\"down_block_types\":[\"DownBlockSpatioTemporal\"]}",
        "1 'down_block_types' for 4"},
    {"{\"down_block_types\":[\"a\",\"b\",\"c\",\"d\"]}", "has 'a'"},
    {"{\"up_block_types\":[\"UpBlockSpatioTemporal\","
          "\"UpBlockSpatioTemporal\",\"UpBlockSpatioTemporal\","
          "\"CrossAttnDownBlockSpatioTemporal\"]}",
        "has 'CrossAttnDownBlockSpatioTemporal'"},
    {"{\"block_out_channels\":[320,640,1280,1300]}", "no multiple of the 32"},
    {"{\"addition_time_embed_dim\":128}", "must be 3 times"},
    {"{\"addition_time_embed_dim\":3,"
          "\"projection_class_embeddings_input_dim\":9}", "must be even"},
    {"{\"num_frames\":0}", "must be between"},
  };

  CHECK_FAULTS (read_unet, SvdUnetConfig, faults);
}

/* --- scheduler --- */

static void
test_scheduler (void)
{
  g_autoptr (GError) error = NULL;
  SvdSchedulerConfig config;

  g_assert_true (read_scheduler (&config, SVD_SCHEDULER_JSON, &error));
  g_assert_no_error (error);
  g_assert_cmpfloat (config.sigma_min, ==, 0.002);
  g_assert_cmpfloat (config.sigma_max, ==, 700);
  g_assert_cmpfloat (config.rho, ==, 7);
  g_assert_true (config.leading_spacing);
}

#define KARRAS "\"use_karras_sigmas\":true,\"prediction_type\":" \
  "\"v_prediction\",\"timestep_type\":\"continuous\""

static void
test_scheduler_faults (void)
{
  static const Fault faults[] = {
    {"{}", "'prediction_type' is 'epsilon'"},
    {"{\"_class_name\":\"DDIMScheduler\"}", "'_class_name' is 'DDIM"},
    {"{\"prediction_type\":\"v_prediction\"}", "'timestep_type'"},
    {"{\"prediction_type\":\"v_prediction\",\"timestep_type\":\"continuous\"}",
        "'use_karras_sigmas' must be true"},
    {"{" KARRAS "}", "must be given"},
    {"{" KARRAS ",\"sigma_min\":2,\"sigma_max\":1}", "must be below"},
    {"{" KARRAS ",\"sigma_min\":0,\"sigma_max\":1}", "must be between"},
    {"{" KARRAS ",\"sigma_min\":0.1,\"sigma_max\":1,"
          "\"timestep_spacing\":\"odd\"}", "'timestep_spacing'"},
    {"{" KARRAS ",\"use_beta_sigmas\":true}", "no other kind"},
    {"{" KARRAS ",\"final_sigmas_type\":\"sigma_min\"}",
        "'final_sigmas_type'"},
    {"{" KARRAS ",\"interpolation_type\":\"log_linear\"}",
        "'interpolation_type'"},
  };

  CHECK_FAULTS (read_scheduler, SvdSchedulerConfig, faults);
}

static void
test_scheduler_spacing (void)
{
  SvdSchedulerConfig config;

  g_assert_true (read_scheduler (&config, "{" KARRAS
          ",\"sigma_min\":0.1,\"sigma_max\":80}", NULL));
  g_assert_false (config.leading_spacing);
  g_assert_cmpfloat (config.sigma_max, ==, 80);
}

/* --- preprocessor and recommended --- */

static void
test_preprocessor (void)
{
  static const Fault faults[] = {
    {"{\"image_mean\":[0.5,0.5]}", "must have 3 items"},
    {"{\"image_mean\":0.5}", "must be a list"},
    {"{\"image_std\":[0.5,0,0.5]}", "must be between"},
  };
  SvdPreprocessorConfig config;

  g_assert_true (read_preprocessor (&config, "{}", NULL));
  g_assert_cmpfloat (config.image_mean[0], ==, 0.48145466);
  g_assert_cmpfloat (config.image_std[2], ==, 0.27577711);
  g_assert_true (read_preprocessor (&config,
          "{\"image_mean\":[0,0.25,1],\"size\":{\"shortest_edge\":224}}",
          NULL));
  g_assert_cmpfloat (config.image_mean[1], ==, 0.25);
  CHECK_FAULTS (read_preprocessor, SvdPreprocessorConfig, faults);
}

static void
test_recommended (void)
{
  static const Fault faults[] = {
    {"{\"width\":\"512\"}", "'width' must be a whole number"},
    {"{\"num_frames\":0}", "must be between"},
    {"{\"fps\":0}", "must be between"},
    {"{\"fps\":null,\"steps\":-1}", "must be between"},
  };
  g_autoptr (GError) error = NULL;
  SvdRecommended config;

  g_assert_true (read_recommended (&config, "{}", NULL));
  g_assert_cmpint (config.width, ==, -1);
  g_assert_true (isnan (config.fps));
  g_test_expect_message (NULL, G_LOG_LEVEL_WARNING,
      "config.json: unknown key 'colour' is ignored");
  g_assert_true (read_recommended (&config, "{\"width\":256,"
          "\"num_frames\":14,\"fps\":7,\"motion_bucket_id\":0,"
          "\"noise_aug_strength\":0,\"max_guidance_scale\":2.5,"
          "\"colour\":1}", &error));
  g_test_assert_expected_messages ();
  g_assert_no_error (error);
  g_assert_cmpint (config.width, ==, 256);
  g_assert_cmpint (config.height, ==, -1);
  g_assert_cmpint (config.num_frames, ==, 14);
  g_assert_cmpint (config.motion_bucket_id, ==, 0);
  g_assert_cmpfloat (config.noise_aug_strength, ==, 0);
  g_assert_cmpfloat (config.max_guidance_scale, ==, 2.5);
  g_assert_true (isnan (config.min_guidance_scale));
  CHECK_FAULTS (read_recommended, SvdRecommended, faults);
}

/* --- together --- */

static void
test_agree (void)
{
  g_autoptr (GError) error = NULL;
  SvdClipConfig clip;
  SvdVaeConfig vae;
  SvdUnetConfig unet;

  g_assert_true (read_clip (&clip, SVD_CLIP_JSON, NULL));
  g_assert_true (read_vae (&vae, SVD_VAE_JSON, NULL));
  g_assert_true (read_unet (&unet, SVD_UNET_JSON, NULL));
  g_assert_true (svd_configs_agree ("m", &clip, &vae, &unet, &error));
  g_assert_true (svd_configs_agree ("m", NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  vae.latent_channels = 8;
  g_assert_false (svd_configs_agree ("m", &clip, &vae, &unet, &error));
  assert_model_error (&error, "must have 16 input and 8 output");
  g_assert_true (svd_configs_agree ("m", &clip, NULL, &unet, &error));
  clip.projection_dim = 512;
  g_assert_false (svd_configs_agree ("m", &clip, NULL, &unet, &error));
  assert_model_error (&error, "projection_dim is 512");
  g_assert_true (svd_configs_agree ("m", &clip, &vae, NULL, &error));
}

/* A level that does not attend may name any width. */
static void
test_agree_on_attending_levels (void)
{
  SvdClipConfig clip;
  SvdUnetConfig unet;

  g_assert_true (read_clip (&clip, SVD_CLIP_JSON, NULL));
  g_assert_true (read_unet (&unet, SVD_UNET_JSON, NULL));
  unet.cross_attention_dim[1] = 5;
  g_assert_false (svd_configs_agree ("m", &clip, NULL, &unet, NULL));
  unet.down_block_cross[1] = FALSE;
  g_assert_false (svd_configs_agree ("m", &clip, NULL, &unet, NULL));
  unet.up_block_cross[2] = FALSE;
  g_assert_true (svd_configs_agree ("m", &clip, NULL, &unet, NULL));
  unet.cross_attention_dim[3] = 5;
  g_assert_false (svd_configs_agree ("m", &clip, NULL, &unet, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/configs/reader", test_reader);
  g_test_add_func ("/configs/clip", test_clip);
  g_test_add_func ("/configs/clip-defaults", test_clip_defaults);
  g_test_add_func ("/configs/clip-faults", test_clip_faults);
  g_test_add_func ("/configs/vae", test_vae);
  g_test_add_func ("/configs/vae-defaults", test_vae_defaults);
  g_test_add_func ("/configs/vae-faults", test_vae_faults);
  g_test_add_func ("/configs/unet", test_unet);
  g_test_add_func ("/configs/unet-lists", test_unet_lists);
  g_test_add_func ("/configs/unet-faults", test_unet_faults);
  g_test_add_func ("/configs/scheduler", test_scheduler);
  g_test_add_func ("/configs/scheduler-faults", test_scheduler_faults);
  g_test_add_func ("/configs/scheduler-spacing", test_scheduler_spacing);
  g_test_add_func ("/configs/preprocessor", test_preprocessor);
  g_test_add_func ("/configs/recommended", test_recommended);
  g_test_add_func ("/configs/agree", test_agree);
  g_test_add_func ("/configs/agree-on-attending-levels",
      test_agree_on_attending_levels);
  return g_test_run ();
}
