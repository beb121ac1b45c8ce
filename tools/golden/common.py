# SPDX-License-Identifier: LGPL-2.1-or-later
"""Goldens that need no weights: noise, schedules, the picture's preprocessing."""

import numpy as np
import torch
from diffusers import EulerDiscreteScheduler
from diffusers.pipelines.stable_video_diffusion import pipeline_stable_video_diffusion as svd
from PIL import Image

import pictures
import specs

NOISE_SEEDS = (0, 42, 2**31 + 5, 2**40 + 1)
# Below 16 numbers torch draws one by one; above, in blocks of 16, the last 16 again
# where the count is no multiple of 16.
NOISE_SIZES = (1, 5, 15, 16, 17, 100, 5000, 3 * 64 * 96)

# (picture, target), both width, height
PREPROCESS_SIZES = [
    ((512, 288), (128, 72)),   # shrinking, same aspect
    ((90, 60), (128, 96)),     # enlarging
    ((301, 227), (64, 56)),    # odd sizes, hardly shrinking for CLIP
    ((2, 2), (16, 8)),         # the smallest that reflects
    ((31, 400), (48, 64)),     # tall: shrinks one way, enlarges the other for CLIP
    ((700, 45), (64, 40)),     # wide: a kernel that only one axis needs
    ((224, 224), (64, 64)),    # nothing to resize for CLIP
]

STEPS = (1, 2, 5, 25)
CUSTOM_SIGMAS = {
    "custom_zero": [700.0, 80.0, 5.0, 0.5, 0.02, 0.0],
    "custom_open": [300.0, 10.0, 1.0],  # no 0 is appended: two steps that end at sigma 1
}


def noise(store):
    """torch.randn for several sizes and seeds."""
    for seed in NOISE_SEEDS:
        for size in NOISE_SIZES:
            generator = torch.Generator("cpu").manual_seed(seed)
            store.add(f"noise/seed.{seed}/size.{size}", torch.randn(size, generator=generator),
                      f"torch.randn({size}) after manual_seed({seed})")


def noise_order(store):
    """One generator, the picture's noise first; 300 latents are no multiple of 16."""
    generator = torch.Generator("cpu").manual_seed(42)
    store.add("noise_order/augmentation", torch.randn((1, 3, 24, 40), generator=generator),
              "first draw after manual_seed(42)")
    store.add("noise_order/latents", torch.randn((1, 5, 4, 3, 5), generator=generator),
              "second draw of the same generator")
    store.add("noise_order/third", torch.randn(20, generator=generator), "third draw")


def clip_pixels(picture, mean, std):
    """_encode_image up to CLIP, without a model."""
    image = torch.from_numpy(np.asarray(picture)).permute(2, 0, 1)[None].float() / 255
    image = (svd._resize_with_antialiasing(image * 2 - 1, (224, 224)) + 1) / 2
    return (image - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def preprocess(store):
    """Lanczos for the VAE and the antialiased bicubic for CLIP."""
    for number, (size, target) in enumerate(PREPROCESS_SIZES):
        picture, key = pictures.draw(*size, seed=90 + number), f"preprocess/{number}"
        store.add(f"{key}/picture", np.asarray(picture), "input, H x W x 3")
        lanczos = picture.resize(target, Image.Resampling.LANCZOS)
        store.add(f"{key}/lanczos", np.asarray(lanczos), "PIL's LANCZOS, H x W x 3")
        store.add(f"{key}/clip", clip_pixels(picture, specs.CLIP_MEAN, specs.CLIP_STD),
                  "CLIP's input with CLIP's mean and deviation")


def schedule(store, name, **arguments):
    """Sigmas, timesteps and Euler steps with made-up model outputs."""
    scheduler = EulerDiscreteScheduler(**specs.SCHEDULER)
    scheduler.set_timesteps(**arguments)
    key = f"schedule/{name}"
    store.add(f"{key}/sigmas", scheduler.sigmas, str(arguments))
    store.add(f"{key}/timesteps", scheduler.timesteps, "0.25 ln sigma")
    store.add(f"{key}/init_noise_sigma", torch.as_tensor(scheduler.init_noise_sigma),
              "sqrt(largest sigma squared + 1)")
    generator = torch.Generator("cpu").manual_seed(9)
    outputs = torch.randn((len(scheduler.timesteps), 8), generator=generator)
    sample = torch.randn(8, generator=generator) * scheduler.init_noise_sigma
    samples, scaled = [sample], []
    for t, output in zip(scheduler.timesteps, outputs):
        scaled.append(scheduler.scale_model_input(sample, t))
        sample = scheduler.step(output, t, sample).prev_sample
        samples.append(sample)
    store.add(f"{key}/model_outputs", outputs, "v-predictions a step")
    store.add(f"{key}/scaled", torch.stack(scaled), "scale_model_input of each step's sample")
    store.add(f"{key}/samples", torch.stack(samples), "the start, then after each step")


def everything(store):
    noise(store)
    noise_order(store)
    preprocess(store)
    for steps in STEPS:
        schedule(store, f"steps.{steps}", num_inference_steps=steps)
    for name, sigmas in CUSTOM_SIGMAS.items():
        schedule(store, name, sigmas=sigmas)
