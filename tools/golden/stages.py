# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each model by itself, on random inputs, with what its blocks return on the way."""

import math

import torch

from checkpoint import check_activations, unet_inputs
from record import Recorder

# (sigma, frames, height, width) of the UNet's cases. The first one is bisected.
UNET_CASES = [(700.0, 4, 13, 9), (1.0, 3, 4, 6), (0.05, 1, 8, 8)]

UNET_BLOCKS = (r"conv_in|conv_norm_out|conv_out|time_embedding|add_embedding"
               r"|(down_blocks\.\d+|mid_block|up_blocks\.\d+)"
               r"(\.(resnets|attentions|downsamplers|upsamplers)\.\d+)?")
VAE_ENCODER_BLOCKS = (r"quant_conv|encoder\.(conv_in|conv_norm_out|conv_out"
                      r"|(down_blocks\.\d+|mid_block)"
                      r"(\.(resnets|attentions|downsamplers)\.\d+)?)")
VAE_DECODER_BLOCKS = (r"decoder\.(conv_in|conv_norm_out|conv_out|time_conv_out"
                      r"|mid_block(\.(resnets|attentions)\.\d+)?|up_blocks\.\d+"
                      r"|up_blocks\.0\.(resnets|upsamplers)\.\d+)")
CLIP_BLOCKS = (r"vision_model\.(embeddings|pre_layrnorm|post_layernorm|encoder\.layers\.\d+"
               r"|encoder\.layers\.0\.(layer_norm1|self_attn|layer_norm2|mlp))"
               r"|visual_projection")

RESNET_PARTS = r"(\.spatial_res_block|\.temporal_res_block)?"
TRANSFORMER_PARTS = (r"(\.(norm|proj_in|time_pos_embed|proj_out"
                     r"|transformer_blocks\.\d+(\.(attn1|attn2|ff))?"
                     r"|temporal_transformer_blocks\.\d+(\.(ff_in|attn1|attn2|ff))?))?")


def _keep(store, prefix, recorder):
    for path, tensor in recorder.tensors.items():
        what = "argument of this module" if path.endswith(("/input", "/temb")) else "output"
        store.add(f"{prefix}/{path}", tensor, what)


def unet_details(spec):
    """Patterns of the one resblock and the one transformer that are taken apart.

    They sit in the first level with attention: both wider than 32 channels or not.
    """
    level = next(i for i, kind in enumerate(spec["unet"]["down_block_types"]) if "Cross" in kind)
    resnet = rf"down_blocks\.{level}\.resnets\.0"
    transformer = rf"down_blocks\.{level}\.attentions\.0"
    return resnet, transformer


def unet(spec, model, store):
    """Forward at three noise levels; the first with every block's output."""
    generator = torch.Generator("cpu").manual_seed(500 + spec["seed"])
    resnet, transformer = unet_details(spec)
    patterns = "|".join([UNET_BLOCKS, resnet + RESNET_PARTS, transformer + TRANSFORMER_PARTS])
    for number, (sigma, frames, height, width) in enumerate(UNET_CASES):
        t = 0.25 * math.log(sigma)
        inputs = unet_inputs(spec, generator, frames, height, width, t)
        names = ("sample", "timestep", "encoder_hidden_states", "added_time_ids")
        for name, tensor in zip(names, inputs):
            store.add(f"unet/case.{number}/{name}", tensor, f"input; sigma {sigma}")
        with Recorder(model, patterns, inputs=resnet + "|" + transformer) as recorder:
            out = model(*inputs).sample
        store.add(f"unet/case.{number}/out", out, "output")
        if number == 0:
            check_activations(model, *inputs)
            _keep(store, "unet", recorder)
            emb = recorder.tensors["time_embedding"] + recorder.tensors["add_embedding"]
            store.add("unet/emb", emb, "time_embedding + add_embedding, before any SiLU")


def vae_encode(spec, model, store):
    """Posterior mode of a random picture of 40x24 pixels."""
    generator = torch.Generator("cpu").manual_seed(600 + spec["seed"])
    picture = torch.randn((1, 3, 24, 40), generator=generator) * 0.5
    store.add("vae_encode/picture", picture, "input, mostly within [-1, 1]")
    with Recorder(model, VAE_ENCODER_BLOCKS) as recorder:
        mode = model.encode(picture).latent_dist.mode()
    store.add("vae_encode/mode", mode, "mean half of quant_conv's output, not scaled")
    _keep(store, "vae", recorder)
    check_activations(model.encoder, picture)


def vae_decode(spec, model, store):
    """Five frames at once, and in chunks of two: the last chunk has one frame."""
    generator = torch.Generator("cpu").manual_seed(700 + spec["seed"])
    shape = (5, spec["vae"]["latent_channels"], 2, 3)
    latents = torch.randn(shape, generator=generator)
    store.add("vae_decode/latents", latents, "as the sampler gives them")
    z = store.add("vae_decode/z", latents / spec["vae"]["scaling_factor"],
                  "latents / scaling_factor: the decoder's input")
    resnet = r"decoder\.up_blocks\.0\.resnets\.0"
    pattern = VAE_DECODER_BLOCKS + "|" + resnet + RESNET_PARTS
    with Recorder(model, pattern, inputs=resnet) as recorder:
        store.add("vae_decode/frames", model.decode(z, num_frames=5).sample, "all at once")
    _keep(store, "vae", recorder)
    chunks = [model.decode(c, num_frames=len(c)).sample for c in z.split(2)]
    store.add("vae_decode/frames_chunk_2", torch.cat(chunks), "decode_chunk_size 2")
    check_activations(model.decoder, z, torch.zeros(1, 5), num_frames=5)


def clip(spec, model, store):
    """Embedding of random pixels."""
    generator = torch.Generator("cpu").manual_seed(800 + spec["seed"])
    pixels = torch.randn((1, 3, 224, 224), generator=generator)
    store.add("clip/pixel_values", pixels, "input")
    with Recorder(model, CLIP_BLOCKS) as recorder:
        store.add("clip/image_embeds", model(pixels).image_embeds, "output")
    _keep(store, "clip", recorder)
    check_activations(model, pixels)


def all_stages(spec, pipe, store):
    """Every model of the pipeline."""
    unet(spec, pipe.unet, store)
    vae_encode(spec, pipe.vae, store)
    vae_decode(spec, pipe.vae, store)
    clip(spec, pipe.image_encoder, store)
