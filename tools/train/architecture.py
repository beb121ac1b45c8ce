# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shapes of svd-tiny's three networks, its scheduler and its picture processor.

Everything here is an ordinary diffusers or transformers class with a small
configuration, so that the model loads wherever Stable Video Diffusion does.
Sizes were chosen for at most 16 MB of float16 weights and at most 400 GFLOP
for a clip of 14 frames: autoencoder factor 8 with 16 channels (a patch code of
that size keeps 5 dB more than one of 4 channels, and the denoiser costs the
same), and attention only at the two coarser levels, where it is cheap and
where the picture has to agree on one move.
"""

import pathlib

import torch
from diffusers import (
    AutoencoderKLTemporalDecoder,
    EulerDiscreteScheduler,
    UNetSpatioTemporalConditionModel,
)
from safetensors.torch import load_file
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

PICTURE_SIZE = 128
# Widths and heights of what the denoiser learns from, in turn.
SIZES = [(PICTURE_SIZE, PICTURE_SIZE), (192, 128), (PICTURE_SIZE, PICTURE_SIZE), (128, 192)]
FRAMES = 14
FACTOR = 8
LATENT_CHANNELS = 16
EMBEDDING = 64

UNET = {
    "sample_size": PICTURE_SIZE // FACTOR,
    "in_channels": 2 * LATENT_CHANNELS,
    "out_channels": LATENT_CHANNELS,
    "down_block_types": [
        "DownBlockSpatioTemporal",
        "CrossAttnDownBlockSpatioTemporal",
        "CrossAttnDownBlockSpatioTemporal",
    ],
    "up_block_types": [
        "CrossAttnUpBlockSpatioTemporal",
        "CrossAttnUpBlockSpatioTemporal",
        "UpBlockSpatioTemporal",
    ],
    "block_out_channels": [64, 64, 96],
    "num_attention_heads": [1, 1, 2],
    "layers_per_block": [2, 1, 1],
    "cross_attention_dim": EMBEDDING,
    "addition_time_embed_dim": 32,
    "projection_class_embeddings_input_dim": 96,
    "num_frames": FRAMES,
}

AUTOENCODER = {
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "block_out_channels": [64, 64, 64, 64],
    "layers_per_block": 1,
    "latent_channels": LATENT_CHANNELS,
    "sample_size": PICTURE_SIZE,
    "scaling_factor": 1.0,
    "force_upcast": False,
}

CLIP = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "projection_dim": EMBEDDING,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 224,
    "patch_size": 16,
    "hidden_act": "gelu",
}

# Noise so high that nothing shines through it: each step asks the network for
# the whole clip, and one step is enough (train_denoiser.py --regress).
SCHEDULER = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "interpolation_type": "linear",
    "prediction_type": "v_prediction",
    "timestep_spacing": "leading",
    "timestep_type": "continuous",
    "use_karras_sigmas": True,
    "sigma_min": 50.0,
    "sigma_max": 100.0,
    "steps_offset": 1,
}


def default_device():
    """Where to train."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def make_unet():
    return UNetSpatioTemporalConditionModel(**UNET)


def make_autoencoder():
    return AutoencoderKLTemporalDecoder(**AUTOENCODER)


def make_clip():
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**CLIP))


def make_scheduler():
    return EulerDiscreteScheduler(**SCHEDULER)


def make_feature_extractor():
    return CLIPImageProcessor(size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224})


def load_weights(model, folder, part):
    """Fill a network with an exported model's weights."""
    (file,) = (pathlib.Path(folder) / part).glob("*.safetensors")
    model.load_state_dict({name: value.float() for name, value in load_file(file).items()})


def megabytes(*models):
    """Size of the weights stored as float16."""
    return sum(p.numel() for m in models for p in m.parameters()) * 2 / 1e6

