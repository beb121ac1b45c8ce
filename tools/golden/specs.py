# SPDX-License-Identifier: LGPL-2.1-or-later
"""The checkpoints: shapes chosen so that nothing in a loader can be hard-coded.

Each is as small as its purpose allows, but for `FULL`, of the published size. Group norm has 32 groups, so widths are
multiples of 32; a 32-wide level (one channel a group) removes every constant
that is added to a channel, so only `alpha` has one.
"""

SCHEDULER = dict(  # stable-video-diffusion-img2vid's own scheduler_config.json
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
    interpolation_type="linear", num_train_timesteps=1000,
    prediction_type="v_prediction", sigma_max=700.0, sigma_min=0.002,
    steps_offset=1, timestep_spacing="leading", timestep_type="continuous",
    trained_betas=None, use_karras_sigmas=True,
)

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]

DOWN, CROSS_DOWN = "DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"
UP, CROSS_UP = "UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"


def _vae(widths, layers, channels, scaling=0.18215):
    return dict(
        in_channels=3, out_channels=3, latent_channels=channels,
        block_out_channels=widths, layers_per_block=layers, sample_size=64,
        down_block_types=["DownEncoderBlock2D"] * len(widths),
        scaling_factor=scaling, force_upcast=True,
    )


def _unet(down, up, widths, heads, channels, context, ids, layers, depth, frames):
    return dict(
        sample_size=8, in_channels=2 * channels, out_channels=channels,
        down_block_types=down, up_block_types=up, block_out_channels=widths,
        num_attention_heads=heads, cross_attention_dim=context,
        addition_time_embed_dim=ids, projection_class_embeddings_input_dim=3 * ids,
        layers_per_block=layers, transformer_layers_per_block=depth, num_frames=frames,
    )


def _clip(hidden, mlp, heads, layers, patch, projection, act, eps=1e-5):
    # image_size is 224 everywhere: the pipeline resizes to 224 whatever the config says.
    return dict(
        hidden_size=hidden, intermediate_size=mlp, num_attention_heads=heads,
        num_hidden_layers=layers, patch_size=patch, image_size=224,
        projection_dim=projection, hidden_act=act, layer_norm_eps=eps,
    )


def _run(width, height, picture, seed, **more):
    """One call of the pipeline; `picture` is (width, height) of the input."""
    return dict(dict(width=width, height=height, picture=picture, seed=seed,
                     num_frames=5, num_inference_steps=3, sigmas=None, fps=7,
                     motion_bucket_id=127, noise_aug_strength=0.02, guidance="linear",
                     min_guidance_scale=1.0, max_guidance_scale=3.0,
                     decode_chunk_size=5), **more)


# Align Your Steps' ten for Stable Video Diffusion (Sabour et al. 2024).
ALIGNED = [700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002]


ALPHA = dict(
    about="SVD's own shape, narrow: factor 8, 4 channels, 4 levels, 2 layers a block, fp32",
    seed=1, dtype="float32",
    unet=_unet([CROSS_DOWN] * 3 + [DOWN], [UP] + [CROSS_UP] * 3, [32, 32, 64, 64],
               [1, 2, 2, 2], channels=4, context=48, ids=32, layers=2, depth=1, frames=5),
    vae=_vae([32, 32, 32, 64], layers=2, channels=4),
    clip=_clip(80, 160, heads=5, layers=3, patch=32, projection=48, act="gelu"),
    scheduler=SCHEDULER, mean=CLIP_MEAN, std=CLIP_STD,
    guided=_run(96, 64, (520, 410), 42),
    plain=_run(64, 40, (97, 130), 7, fps=12, motion_bucket_id=30, noise_aug_strength=0.1,
               max_guidance_scale=1.0, decode_chunk_size=2),
    sigmas=_run(64, 40, (97, 130), 8, sigmas=ALIGNED),
)

BETA = dict(
    about="factor 4, 8 channels, 3 levels, 1 layer a block, transformer depth 2, quick-GELU, "
          "own CLIP mean and deviation, odd sizes at the deep levels, fp16 weights",
    seed=2, dtype="float16",
    unet=_unet([CROSS_DOWN, CROSS_DOWN, DOWN], [UP, CROSS_UP, CROSS_UP], [64, 64, 64],
               [4, 1, 2], channels=8, context=40, ids=16, layers=1, depth=2, frames=4),
    vae=_vae([64, 32, 64], layers=1, channels=8, scaling=0.25),
    clip=_clip(96, 160, heads=3, layers=2, patch=14, projection=40, act="quick_gelu", eps=1e-6),
    scheduler=SCHEDULER, mean=[0.5, 0.45, 0.4], std=[0.3, 0.25, 0.2],
    guided=_run(72, 40, (460, 290), 2**31 + 5, num_frames=4, fps=25, motion_bucket_id=200,
                min_guidance_scale=1.5, max_guidance_scale=2.5, decode_chunk_size=4),
    plain=_run(40, 56, (64, 48), 3, num_frames=4, max_guidance_scale=1.0,
               num_inference_steps=2, decode_chunk_size=3),
    sigmas=_run(40, 56, (64, 48), 4, num_frames=4, sigmas=[300.0, 20.0, 1.0, 0.0],
                guidance="triangular", min_guidance_scale=1.5),
)

GAMMA = dict(
    about="the embedded model's shape: factor 8, 16 channels, UNet (64, 96, 96) with the "
          "attention at its two deep levels, own sigma range, fp16 weights",
    seed=3, dtype="float16",
    unet=_unet([DOWN, CROSS_DOWN, CROSS_DOWN], [CROSS_UP, CROSS_UP, UP], [64, 96, 96],
               [1, 1, 2], channels=16, context=64, ids=32, layers=1, depth=1, frames=4),
    vae=_vae([64, 64, 64, 64], layers=1, channels=16, scaling=1.0),
    clip=_clip(64, 256, heads=2, layers=2, patch=32, projection=64, act="gelu"),
    scheduler=dict(SCHEDULER, sigma_min=0.02, sigma_max=80.0), mean=CLIP_MEAN, std=CLIP_STD,
    guided=_run(64, 64, (400, 240), 0, num_frames=4, decode_chunk_size=4,
                num_inference_steps=4, fps=8),
    plain=_run(40, 56, (128, 72), 11, num_frames=4, max_guidance_scale=1.0,
               num_inference_steps=1, decode_chunk_size=1),
    sigmas=_run(40, 56, (128, 72), 12, num_frames=4, sigmas=[80.0, 5.0, 0.5],
                guidance="constant", max_guidance_scale=2.0),
)

# In fp32 the UNet alone takes 6 GB: made only by --full, and run on as little as possible.
SVD_XT = dict(
    about="stable-video-diffusion-img2vid-xt itself by its published configs, fp16 weights",
    seed=4, dtype="float16",
    parameters=dict(unet=1_524_623_082, vae=97_742_847, clip=632_076_800),
    unet=dict(_unet([CROSS_DOWN] * 3 + [DOWN], [UP] + [CROSS_UP] * 3, [320, 640, 1280, 1280],
                    [5, 10, 20, 20], channels=4, context=1024, ids=256, layers=2, depth=1,
                    frames=25), sample_size=96),
    vae=dict(_vae([128, 256, 512, 512], layers=2, channels=4), sample_size=768),
    clip=_clip(1280, 5120, heads=16, layers=32, patch=14, projection=1024, act="gelu"),
    scheduler=SCHEDULER, mean=CLIP_MEAN, std=CLIP_STD,
    guided=_run(72, 64, (300, 260), 42, num_frames=3, decode_chunk_size=3),
    plain=_run(64, 64, (97, 130), 7, num_frames=2, num_inference_steps=2,
               max_guidance_scale=1.0, decode_chunk_size=2),
    sigmas=_run(64, 64, (97, 130), 8, num_frames=2, sigmas=[300.0, 10.0, 0.5, 0.0],
                decode_chunk_size=2),
)

# What each of them is run with.
RUNS = ("guided", "plain", "sigmas")

ALL = {"alpha": ALPHA, "beta": BETA, "gamma": GAMMA}
FULL = {"svd-xt": SVD_XT}
