# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole runs of StableVideoDiffusionPipeline with everything that passes between stages."""

from contextlib import nullcontext
from unittest import mock

import numpy as np
import torch
from diffusers import StableVideoDiffusionPipeline

import pictures

CALL_ARGUMENTS = ("width", "height", "num_frames", "num_inference_steps", "sigmas", "fps",
                  "motion_bucket_id", "noise_aug_strength", "min_guidance_scale",
                  "max_guidance_scale", "decode_chunk_size")


class Taps:
    """Hooks on the pipeline's models: what goes in and what comes out, in call order."""

    def __init__(self, pipe):
        self.pixel_values, self.image_embeds, self.noisy_picture = [], [], []
        self.moments, self.unet_in, self.unet_out, self.decoded = [], [], [], []
        self.handles = [
            self._tap(pipe.image_encoder, self.pixel_values, lambda o: o.image_embeds,
                      self.image_embeds),
            self._tap(pipe.vae.encoder, self.noisy_picture, None, None),
            self._tap(pipe.vae.quant_conv, None, lambda o: o, self.moments),
            self._tap(pipe.unet, self.unet_in, lambda o: o[0], self.unet_out),
            self._tap(pipe.vae.decoder, None, lambda o: o, self.decoded),
        ]

    def _tap(self, module, inputs, pick, outputs):
        def hook(_, args, output):
            if inputs is not None:
                inputs.append(args[0].detach().clone())
            if outputs is not None:
                outputs.append(pick(output).detach().clone())
        return module.register_forward_hook(hook)

    def close(self):
        for handle in self.handles:
            handle.remove()


def guidance_scales(settings):
    """A scale a frame: as diffusers and generative-models' guiders, one period a clip."""
    low, high = settings["min_guidance_scale"], settings["max_guidance_scale"]
    if settings["guidance"] == "linear":
        return torch.linspace(low, high, settings["num_frames"])
    place = torch.linspace(0, 1, settings["num_frames"])
    wave = {"triangular": 2 * (place - torch.floor(place + 0.5)).abs(),
            "constant": torch.ones_like(place)}[settings["guidance"]]
    return wave * (high - low) + low


def _guided_by(settings):
    """Another curve in place of diffusers' only one, the linear."""
    if settings["guidance"] == "linear":
        return nullcontext()

    def scale(pipe):
        own = pipe._guidance_scale  # a number until the frames' scales are there
        return guidance_scales(settings).reshape(own.shape) if torch.is_tensor(own) else own
    return mock.patch.object(StableVideoDiffusionPipeline, "guidance_scale", property(scale))


def call(pipe, settings, picture, **more):
    """The pipeline's call with a run's settings; frames as float arrays."""
    arguments = {name: settings[name] for name in CALL_ARGUMENTS}
    generator = torch.Generator("cpu").manual_seed(settings["seed"])
    with _guided_by(settings):
        return pipe(picture, generator=generator, output_type="np", **arguments, **more).frames[0]


def draw_noise(pipe, settings):
    """The two draws of a run, in diffusers' order: the picture's first, then the latents'."""
    generator = torch.Generator("cpu").manual_seed(settings["seed"])
    width, height = settings["width"], settings["height"]
    factor = pipe.vae_scale_factor
    shape = (1, settings["num_frames"], pipe.unet.config.out_channels,
             height // factor, width // factor)
    picture = torch.randn((1, 3, height, width), generator=generator)
    return picture, torch.randn(shape, generator=generator)


def picture_of(settings, number):
    """The run's input picture; `number` keeps the pictures of runs apart."""
    return pictures.draw(*settings["picture"], seed=number)


def run(pipe, settings, number, prefix, store):
    """One run; every key starts with `prefix`."""
    picture, latents = picture_of(settings, number), []

    def keep_latents(_pipe, _step, _t, values):
        latents.append(values["latents"].clone())
        return {}

    taps = Taps(pipe)
    frames = call(pipe, settings, picture, callback_on_step_end=keep_latents)
    taps.close()

    def add(key, value, about):
        store.add(f"{prefix}/{key}", value, about)

    _add_conditioning(add, pipe, settings, picture, taps)
    _add_sampling(add, pipe, settings, taps, latents)
    add("decoded", torch.cat(taps.decoded), "VAE output, before / 2 + 0.5 and clamping")
    add("frames", frames, "F x H x W x 3 within [0, 1]")
    add("frames_u8", (frames * 255).round().astype(np.uint8), "frames rounded to 8 bits")


def _add_conditioning(add, pipe, settings, picture, taps):
    noise, _ = draw_noise(pipe, settings)
    clean = pipe.video_processor.preprocess(
        picture, height=settings["height"], width=settings["width"])
    noisy = clean + settings["noise_aug_strength"] * noise
    assert torch.equal(noisy, taps.noisy_picture[0]), "noise is not drawn in this order"
    add("picture", np.asarray(picture), "input, H x W x 3")
    add("clip_pixel_values", taps.pixel_values[0], "CLIP's input after preprocessing")
    add("image_embedding", taps.image_embeds[0], "CLIP projection of the conditional half")
    add("vae_pixels", clean, "picture at width x height within [-1, 1], before noise")
    add("augmentation_noise", noise, "as drawn; times noise_aug_strength, plus vae_pixels")
    add("image_latents", taps.moments[0].chunk(2, dim=1)[0], "posterior mode, not scaled")


def _add_sampling(add, pipe, settings, taps, latents):
    _, noise = draw_noise(pipe, settings)
    scheduler, channels = pipe.scheduler, noise.shape[2]
    sigma = scheduler.sigmas[0]
    scaled = noise * scheduler.init_noise_sigma / (sigma**2 + 1) ** 0.5
    error = (scaled - taps.unet_in[0][:1, :, :channels]).abs().max()
    assert error < 1e-5, "the latents' noise is not the second draw"
    add("latent_noise", noise, "as drawn, before times init_noise_sigma")
    add("init_noise_sigma", torch.as_tensor(scheduler.init_noise_sigma), "factor of latent_noise")
    add("sigmas", scheduler.sigmas, "steps + 1 values")
    add("timesteps", scheduler.timesteps, "0.25 ln sigma")
    add("guidance_scale", guidance_scales(settings), "a frame")
    halves = "[unconditional, conditional]" if len(taps.unet_out[0]) == 2 else "no guidance"
    add("unet_input.0", taps.unet_in[0], f"first step: scaled latents, picture's; {halves}")
    for step, (out, after) in enumerate(zip(taps.unet_out, latents)):
        add(f"unet_output.{step}", out, halves)
        add(f"latents.{step}", after, "after this step")
    add("latents", latents[-1], "after the last step, as output_type='latent'")
