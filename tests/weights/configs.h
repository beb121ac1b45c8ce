/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The configurations of stable-video-diffusion-img2vid-xt. */

#define SVD_CLIP_JSON \
  "{\"architectures\": [\"CLIPVisionModelWithProjection\"]," \
  "\"attention_dropout\": 0.0, \"dropout\": 0.0, \"hidden_act\": \"gelu\"," \
  "\"hidden_size\": 1280, \"image_size\": 224, \"initializer_factor\": 1.0," \
  "\"initializer_range\": 0.02, \"intermediate_size\": 5120," \
  "\"layer_norm_eps\": 1e-05, \"model_type\": \"clip_vision_model\"," \
  "\"num_attention_heads\": 16, \"num_channels\": 3," \
  "\"num_hidden_layers\": 32, \"patch_size\": 14," \
  "\"projection_dim\": 1024, \"torch_dtype\": \"float16\"}"

#define SVD_VAE_JSON \
  "{\"_class_name\": \"AutoencoderKLTemporalDecoder\"," \
  "\"block_out_channels\": [128, 256, 512, 512], \"down_block_types\": [" \
  "\"DownEncoderBlock2D\", \"DownEncoderBlock2D\"," \
  "\"DownEncoderBlock2D\", \"DownEncoderBlock2D\"]," \
  "\"force_upcast\": true, \"in_channels\": 3, \"latent_channels\": 4," \
  "\"layers_per_block\": 2, \"out_channels\": 3, \"sample_size\": 768," \
  "\"scaling_factor\": 0.18215}"

#define SVD_UNET_JSON \
  "{\"_class_name\": \"UNetSpatioTemporalConditionModel\"," \
  "\"addition_time_embed_dim\": 256," \
  "\"block_out_channels\": [320, 640, 1280, 1280]," \
  "\"cross_attention_dim\": 1024, \"down_block_types\": [" \
  "\"CrossAttnDownBlockSpatioTemporal\"," \
  "\"CrossAttnDownBlockSpatioTemporal\"," \
  "\"CrossAttnDownBlockSpatioTemporal\", \"DownBlockSpatioTemporal\"]," \
  "\"in_channels\": 8, \"layers_per_block\": 2," \
  "\"num_attention_heads\": [5, 10, 20, 20], \"num_frames\": 25," \
  "\"out_channels\": 4, \"projection_class_embeddings_input_dim\": 768," \
  "\"sample_size\": 96, \"transformer_layers_per_block\": 1," \
  "\"up_block_types\": [\"UpBlockSpatioTemporal\"," \
  "\"CrossAttnUpBlockSpatioTemporal\", \"CrossAttnUpBlockSpatioTemporal\"," \
  "\"CrossAttnUpBlockSpatioTemporal\"]}"

#define SVD_SCHEDULER_JSON \
  "{\"_class_name\": \"EulerDiscreteScheduler\", \"beta_end\": 0.012," \
  "\"beta_schedule\": \"scaled_linear\", \"beta_start\": 0.00085," \
  "\"clip_sample\": false, \"interpolation_type\": \"linear\"," \
  "\"num_train_timesteps\": 1000, \"prediction_type\": \"v_prediction\"," \
  "\"set_alpha_to_one\": false, \"sigma_max\": 700.0," \
  "\"sigma_min\": 0.002, \"skip_prk_steps\": true, \"steps_offset\": 1," \
  "\"timestep_spacing\": \"leading\", \"timestep_type\": \"continuous\"," \
  "\"trained_betas\": null, \"use_karras_sigmas\": true}"
