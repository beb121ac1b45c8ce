/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "../../src/weights/model-files.h"

#include <math.h>

#include "../../src/device/error.h"
#include "configs.h"
#include "support.h"

static void
write_configs (const char *folder)
{
  write_file (folder, "model_index.json",
      "{\"_class_name\":\"StableVideoDiffusionPipeline\"}");
  write_file (folder, "image_encoder/config.json", SVD_CLIP_JSON);
  write_file (folder, "vae/config.json", SVD_VAE_JSON);
  write_file (folder, "unet/config.json", SVD_UNET_JSON);
  write_file (folder, "scheduler/scheduler_config.json", SVD_SCHEDULER_JSON);
}

static void
write_weights (const char *folder, const char *name, const char *tensor)
{
  g_autofree char *header = g_strdup_printf ("{\"%s\":{\"dtype\":\"F16\","
      "\"shape\":[2],\"data_offsets\":[0,4]}}", tensor);
  g_autoptr (GBytes) bytes = make_safetensors (header, 4);

  write_bytes (folder, name, bytes);
}

/* A folder of configurations alone can be planned with. */
static void
test_configs_only (void)
{
  g_autofree char *folder = make_folder ();
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModelFiles) files = NULL;

  write_configs (folder);
  files = svd_model_files_open (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (svd_model_files_get_path (files), ==, folder);
  g_assert_cmpuint (svd_model_files_get_clip_config (files, NULL)->hidden_size,
      ==, 1280);
  g_assert_cmpuint (svd_model_files_get_vae_config (files, NULL)->factor, ==,
      8);
  g_assert_cmpuint (svd_model_files_get_unet_config (files, NULL)->num_frames,
      ==, 25);
  g_assert_cmpfloat (svd_model_files_get_scheduler_config (files, NULL)->
      sigma_max, ==, 700);
  g_assert_cmpfloat (svd_model_files_get_preprocessor_config (files)->
      image_mean[0], ==, 0.48145466);
  g_assert_true (isnan (svd_model_files_get_recommended (files)->fps));
  g_assert_null (svd_model_files_get_source (files, SVD_PART_UNET, FALSE,
          &error));
  assert_model_error (&error, "no weights are there");
  remove_folder (folder);
}

static void
test_sources (void)
{
  static const char *const names[] = { "image_encoder/model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "unet/diffusion_pytorch_model.fp16.safetensors"
  };
  static const SvdPart parts[] = { SVD_PART_IMAGE_ENCODER, SVD_PART_VAE,
    SVD_PART_UNET
  };
  g_autofree char *folder = make_folder ();
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModelFiles) files = NULL;

  write_configs (folder);
  for (guint i = 0; i < 3; i++)
    write_weights (folder, names[i], names[i]);
  files = svd_model_files_open (folder, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 3; i++) {
    KilnWeightSource *source = svd_model_files_get_source (files, parts[i],
        FALSE, &error);
    KilnWeightInfo info;

    g_assert_no_error (error);
    g_assert_true (source->find (source, names[i], &info));
    g_assert_true (source == svd_model_files_get_source (files, parts[i],
            FALSE, NULL));
  }
  remove_folder (folder);
}

/* Decoding needs no UNet. */
static void
test_one_part (void)
{
  g_autofree char *folder = make_folder ();
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModelFiles) files = NULL;

  write_file (folder, "vae/config.json", SVD_VAE_JSON);
  write_weights (folder, "vae/model.safetensors", "w");
  write_file (folder, "recommended.json", "{\"fps\":8}");
  write_file (folder, "feature_extractor/preprocessor_config.json",
      "{\"image_mean\":[0.5,0.5,0.5]}");
  files = svd_model_files_open (folder, &error);
  g_assert_no_error (error);
  g_assert_nonnull (svd_model_files_get_vae_config (files, &error));
  g_assert_nonnull (svd_model_files_get_source (files, SVD_PART_VAE, FALSE,
          &error));
  g_assert_no_error (error);
  g_assert_null (svd_model_files_get_unet_config (files, &error));
  assert_model_error (&error, "no unet/config.json");
  g_assert_null (svd_model_files_get_clip_config (files, &error));
  assert_model_error (&error, "no image_encoder/config.json");
  g_assert_null (svd_model_files_get_scheduler_config (files, &error));
  assert_model_error (&error, "no scheduler/scheduler_config.json");
  g_assert_cmpfloat (svd_model_files_get_recommended (files)->fps, ==, 8);
  g_assert_cmpfloat (svd_model_files_get_preprocessor_config (files)->
      image_mean[0], ==, 0.5);
  remove_folder (folder);
}

static void
assert_refused (const char *path, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (svd_model_files_open (path, &error));
  assert_model_error (&error, part);
}

static void
test_no_model (void)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *missing = g_build_filename (folder, "none", NULL);

  assert_refused (missing, "there is no model");
  assert_refused (folder, "looked for unet/config.json");
  write_weights (folder, "svd_xt.safetensors", "w");
  assert_refused (folder, "to use the checkpoint in it give");
  remove_folder (folder);
}

static void
test_faults (void)
{
  static const struct {
    const char *name, *content, *part;
  } faults[] = {
    {"model_index.json", "{\"_class_name\":\"StableDiffusionPipeline\"}",
        "model for StableDiffusionPipeline"},
    {"model_index.json", "{", "not valid JSON"},
    {"unet/config.json", "{\"in_channels\":9}",
        "must have 8 input and 4 output channels"},
    {"unet/config.json", "[]", "not a JSON object"},
    {"vae/config.json", "{\"latent_channels\":0}", "vae"},
    {"image_encoder/config.json", "{\"projection_dim\":768}",
        "cross_attention_dim 1024"},
    {"scheduler/scheduler_config.json", "{}", "'prediction_type'"},
    {"recommended.json", "{\"steps\":\"many\"}", "'steps'"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {
    g_autofree char *folder = make_folder ();

    write_configs (folder);
    write_file (folder, faults[i].name, faults[i].content);
    assert_refused (folder, faults[i].part);
    remove_folder (folder);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model-files/configs-only", test_configs_only);
  g_test_add_func ("/model-files/sources", test_sources);
  g_test_add_func ("/model-files/one-part", test_one_part);
  g_test_add_func ("/model-files/no-model", test_no_model);
  g_test_add_func ("/model-files/faults", test_faults);
  return g_test_run ();
}
