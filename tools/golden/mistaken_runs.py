# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mistakes around the models: preprocessing, noise, conditioning, guidance.

Every function returns the value a mistaken implementation would have, or None where
the mistake does not apply to the run.
"""

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.pipelines.stable_video_diffusion import pipeline_stable_video_diffusion as svd
from PIL import Image

import runs
import specs

BICUBIC = Image.Resampling.BICUBIC


def _tensor(picture):
    return torch.from_numpy(np.asarray(picture)).permute(2, 0, 1)[None].float() / 255


def _embed(pipe, image, mean=None, std=None):
    """CLIP's embedding of a 224 x 224 picture within [0, 1]."""
    extractor = pipe.feature_extractor
    mean, std = mean or extractor.image_mean, std or extractor.image_std
    image = (image - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    return pipe.image_encoder(image).image_embeds


def _right_resize(picture):
    return (svd._resize_with_antialiasing(_tensor(picture) * 2 - 1, (224, 224)) + 1) / 2


def half_pixel(pipe, settings, picture):
    image = svd._resize_with_antialiasing(
        _tensor(picture) * 2 - 1, (224, 224), align_corners=False)
    return _embed(pipe, (image + 1) / 2)


def no_blur(pipe, settings, picture):
    return _embed(pipe, F.interpolate(_tensor(picture), (224, 224), mode="bicubic",
                                      align_corners=True))


def pil_bicubic(pipe, settings, picture):
    return _embed(pipe, _tensor(picture.resize((224, 224), BICUBIC)))


def eight_bits(pipe, settings, picture):
    return _embed(pipe, (_right_resize(picture).clamp(0, 1) * 255).round() / 255)


def model_size_first(pipe, settings, picture):
    size = (settings["width"], settings["height"])
    return _embed(pipe, _right_resize(picture.resize(size, Image.Resampling.LANCZOS)))


def openai_mean(pipe, settings, picture):
    if pipe.feature_extractor.image_mean == specs.CLIP_MEAN:
        return None
    return _embed(pipe, _right_resize(picture), specs.CLIP_MEAN, specs.CLIP_STD)


EMBEDDING = {
    "half-pixel instead of corner-aligned": half_pixel,
    "no blur": no_blur,
    "PIL's bicubic": pil_bicubic,
    "rounded to 8 bits": eight_bits,
    "resized to the model's size first": model_size_first,
    "CLIP's usual mean and deviation": openai_mean,
}


def _encode(pipe, settings, clean, noise=None, strength=None):
    if noise is None:
        noise = runs.draw_noise(pipe, settings)[0]
    strength = settings["noise_aug_strength"] if strength is None else strength
    return pipe.vae.encode(clean + strength * noise).latent_dist.mode()


def _resized(settings, picture, filter_):
    size = (settings["width"], settings["height"])
    return _tensor(picture.resize(size, filter_)) * 2 - 1


def vae_bicubic(pipe, settings, picture):
    return _encode(pipe, settings, _resized(settings, picture, BICUBIC))


def vae_float_lanczos(pipe, settings, picture):
    size, lanczos = (settings["width"], settings["height"]), Image.Resampling.LANCZOS
    planes = [np.asarray(plane.convert("F").resize(size, lanczos)) for plane in picture.split()]
    clean = torch.from_numpy(np.stack(planes))[None] / 127.5 - 1
    return _encode(pipe, settings, clean)


def vae_no_noise(pipe, settings, picture):
    clean = _resized(settings, picture, Image.Resampling.LANCZOS)
    return _encode(pipe, settings, clean, strength=0.0)


def vae_noise_second(pipe, settings, picture):
    generator = torch.Generator("cpu").manual_seed(settings["seed"])
    torch.randn(runs.draw_noise(pipe, settings)[1].shape, generator=generator)
    clean = _resized(settings, picture, Image.Resampling.LANCZOS)
    return _encode(pipe, settings, clean, torch.randn(clean.shape, generator=generator))


def vae_scaled(pipe, settings, picture):
    if pipe.vae.config.scaling_factor == 1:
        return None
    clean = _resized(settings, picture, Image.Resampling.LANCZOS)
    return _encode(pipe, settings, clean) * pipe.vae.config.scaling_factor


IMAGE_LATENTS = {
    "bicubic instead of Lanczos": vae_bicubic,
    "Lanczos without 8-bit rounding": vae_float_lanczos,
    "no augmentation noise": vae_no_noise,
    "noise drawn after the latents": vae_noise_second,
    "times scaling_factor": vae_scaled,
}


def _latents(pipe, settings, picture, **changes):
    generator = torch.Generator("cpu").manual_seed(settings["seed"])
    arguments = {name: settings[name] for name in runs.CALL_ARGUMENTS}
    arguments |= changes
    return pipe(picture, generator=generator, output_type="latent", **arguments).frames


def fps_as_given(pipe, settings, picture):
    return _latents(pipe, settings, picture, fps=settings["fps"] + 1)


def bucket_plus_one(pipe, settings, picture):
    return _latents(pipe, settings, picture, motion_bucket_id=settings["motion_bucket_id"] + 1)


def no_strength(pipe, settings, picture):
    """The picture with its noise, but 0 as the third id."""
    original = pipe._get_add_time_ids
    pipe._get_add_time_ids = lambda fps, bucket, _strength, *rest: original(
        fps, bucket, 0.0, *rest)
    result = _latents(pipe, settings, picture)
    del pipe._get_add_time_ids
    return result


def constant_guidance(pipe, settings, picture):
    scale = settings["max_guidance_scale"]
    return _latents(pipe, settings, picture, min_guidance_scale=scale) if scale > 1 else None


def picture_in_both_halves(pipe, settings, picture):
    """The unconditional half keeps the picture's latents."""
    if settings["max_guidance_scale"] <= 1:
        return None
    original = pipe._encode_vae_image

    def encode(*args, **kwargs):
        return original(*args, **kwargs)[1:].repeat(2, 1, 1, 1)
    pipe._encode_vae_image = encode
    result = _latents(pipe, settings, picture)
    del pipe._encode_vae_image
    return result


def other_noise(pipe, settings, picture):
    """The latents drawn first, from the same seed."""
    generator = torch.Generator("cpu").manual_seed(settings["seed"])
    shape = runs.draw_noise(pipe, settings)[1].shape
    return _latents(pipe, settings, picture, latents=torch.randn(shape, generator=generator))


LATENTS = {
    "fps instead of fps - 1": fps_as_given,
    "motion bucket + 1": bucket_plus_one,
    "augmentation id 0": no_strength,
    "guidance the same for all frames": constant_guidance,
    "picture in the unconditional half": picture_in_both_halves,
    "latents drawn first": other_noise,
}

GROUPS = [("image embedding", "image_embedding", EMBEDDING),
          ("image latents", "image_latents", IMAGE_LATENTS),
          ("final latents", "latents", LATENTS)]
