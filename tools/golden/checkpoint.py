# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a diffusers folder from a spec and loads it again for the goldens."""

import shutil

import torch
from diffusers import (AutoencoderKLTemporalDecoder, EulerDiscreteScheduler,
                       StableVideoDiffusionPipeline, UNetSpatioTemporalConditionModel)
from safetensors.torch import load_file, save_file
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

import weights
from record import Recorder


def _generator(spec):
    return torch.Generator("cpu").manual_seed(1000 + spec["seed"])


def _check_size(spec, part, model):
    """Fail if the model has not as many parameters as the spec says."""
    count = sum(parameter.numel() for parameter in model.parameters())
    wanted = spec.get("parameters", {}).get(part, count)
    assert count == wanted, f"{part} has {count} parameters, not {wanted}"


def make_unet(spec):
    """UNet whose output has deviation 1, as a v-prediction should."""
    unet = UNetSpatioTemporalConditionModel(**spec["unet"]).eval()
    _check_size(spec, "unet", unet)
    weights.randomize(unet, 10 * spec["seed"])
    out = unet(*unet_inputs(spec, _generator(spec), frames=4, height=8, width=8, t=0.5)).sample
    weights.scale_output(unet.conv_out, out, 1.0)
    return unet


def unet_inputs(spec, generator, frames, height, width, t):
    """Random arguments of the UNet's forward, in its order."""
    config = spec["unet"]
    sample = torch.randn((1, frames, config["in_channels"], height, width), generator=generator)
    context = torch.randn((1, 1, config["cross_attention_dim"]), generator=generator)
    ids = torch.tensor([[6.0, 127.0, 0.02]])
    return sample, torch.tensor(t), context, ids


def make_vae(spec):
    """VAE with latents of deviation 1.5 and pictures that mostly stay within [-1, 1]."""
    vae, generator = AutoencoderKLTemporalDecoder(**spec["vae"]).eval(), _generator(spec)
    _check_size(spec, "vae", vae)
    weights.randomize(vae, 10 * spec["seed"] + 1)
    picture = torch.rand((1, 3, 64, 64), generator=generator) * 2 - 1
    weights.scale_output(vae.quant_conv, vae.encode(picture).latent_dist.mode(), 1.5)
    z = torch.randn((4, spec["vae"]["latent_channels"], 6, 6), generator=generator)
    frames = vae.decode(z / spec["vae"]["scaling_factor"], num_frames=4).sample
    weights.scale_output(vae.decoder.time_conv_out, frames, 0.35)
    return vae


def make_clip(spec):
    """CLIP with an embedding of deviation 1."""
    clip = CLIPVisionModelWithProjection(CLIPVisionConfig(**spec["clip"])).eval()
    _check_size(spec, "clip", clip)
    weights.randomize(clip, 10 * spec["seed"] + 2)
    pixels = torch.randn((1, 3, 224, 224), generator=_generator(spec))
    weights.scale_output(clip.visual_projection, clip(pixels).image_embeds, 1.0)
    return clip


def make(spec, folder):
    """Write the diffusers folder, weights in the spec's type."""
    dtype = getattr(torch, spec["dtype"])
    pipe = StableVideoDiffusionPipeline(
        vae=make_vae(spec).to(dtype), image_encoder=make_clip(spec).to(dtype),
        unet=make_unet(spec).to(dtype),
        scheduler=EulerDiscreteScheduler(**spec["scheduler"]),
        feature_extractor=CLIPImageProcessor(image_mean=spec["mean"], image_std=spec["std"]),
    )
    shutil.rmtree(folder, ignore_errors=True)
    pipe.save_pretrained(folder)
    _like_published(folder)


def _like_published(folder):
    """Undo what the installed libraries write otherwise than SVD's published folders:
    the image processor's class without torchvision, and CLIP's index buffer (int64)."""
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("CLIPImageProcessorPil", "CLIPImageProcessor"))
    weights_file = folder / "image_encoder" / "model.safetensors"
    tensors, prefix = load_file(weights_file), "vision_model.embeddings.position_"
    count = len(tensors[prefix + "embedding.weight"])
    tensors[prefix + "ids"] = torch.arange(count)[None]
    save_file(tensors, weights_file, metadata={"format": "pt"})


def load(folder):
    """The pipeline as a user would load it, computing in fp32."""
    pipe = StableVideoDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def check_activations(model, *args, **kwargs):
    """Fail where an activation is far from 1: such numbers test fp16 range, not the code."""
    with Recorder(model, outputs=".+") as recorder:
        model(*args, **kwargs)
    for path, tensor in recorder.tensors.items():
        assert tensor.abs().max() < 200, f"{path}: {tensor.abs().max():.3g} is too large"
        assert tensor.std() > 5e-4 or tensor.numel() == 1, f"{path}: constant"
