# SPDX-License-Identifier: LGPL-2.1-or-later
"""Do the goldens notice mistakes? Prints relative L2 errors a mistake and checkpoint.

A test's tolerance is 1e-4: a mistake is noticed where a checkpoint moves by three
times as much.
"""

import copy

from diffusers.models.embeddings import Timesteps
from safetensors.torch import load_file
from torch import nn

import checkpoint
import mistaken_runs
import mistakes as m
import runs
import specs
from record import Recorder
from rounding import relative

TOLERANCE = 1e-4
NOTICED = 3 * TOLERANCE

UNET = {
    "blend swapped": m.swap_blend,
    "temporal group norm a frame": m.temporal_norm_per_frame,
    "epsilon, all group norms": m.epsilon(""),
    "epsilon, down blocks norm1": m.epsilon(r"down_blocks.*resnets.*norm1"),
    "epsilon, down blocks norm2": m.epsilon(r"down_blocks.*resnets.*norm2"),
    "epsilon, mid block norm2": m.epsilon(r"mid_block.*resnets.*norm2"),
    "epsilon, up blocks norm1": m.epsilon(r"up_blocks.*resnets.*norm1"),
    "epsilon, up blocks norm2": m.epsilon(r"up_blocks.*resnets.*norm2"),
    "epsilon, transformer group norm": m.epsilon(r"attentions\.\d+\.norm$"),
    "epsilon, conv_norm_out": m.epsilon(r"conv_norm_out"),
    "epsilon, layer norm": m.epsilon("", nn.LayerNorm),
    "GEGLU with tanh GELU": m.geglu(m.tanh_gelu),
    "GEGLU with quick GELU": m.geglu(m.quick_gelu),
    "GEGLU halves exchanged": m.geglu_halves,
    "q and k exchanged": m.exchange("to_q", "to_k", "attn1$"),
    "k and v exchanged": m.exchange("to_k", "to_v", "attn1$"),
    "number of heads": m.heads,
    "spatial cross-attention left out": m.zero(r"\.transformer_blocks.*attn2\.to_out"),
    "temporal cross-attention left out": m.zero(r"temporal_transformer_blocks.*attn2\.to_out"),
    "sine before cosine": m.attribute(Timesteps, "flip_sin_to_cos", False),
    "sine before cosine, frames": m.attribute(Timesteps, "flip_sin_to_cos", False, "attentions"),
    "frequencies over n - 1": m.attribute(Timesteps, "downscale_freq_shift", 1),
    "frame position left out": m.zero(r"time_pos_embed\.linear_2"),
    "frame positions from 1": m.frames_from_one,
    "ids left out": m.zero(r"add_embedding\.linear_2"),
    "temporal kernels reversed": m.reverse_time,
    "temporal padding repeats": m.replicate_time,
}
UNET_MID = {  # its influence on the UNet's output is small: block by block, then
    "epsilon, norm1": m.epsilon(r"mid_block.*resnets.*norm1"),
    "epsilon, norm2": m.epsilon(r"mid_block.*resnets.*norm2"),
}
UNET_EVEN = {  # with odd sizes these change shapes, too
    "downsampling pads right and bottom": m.other_padding,
}
VAE_ENCODE = {
    "epsilon, all": m.epsilon("^encoder"),
    "epsilon, norm1": m.epsilon(r"^encoder.*norm1"),
    "epsilon, norm2": m.epsilon(r"^encoder.*norm2"),
    "epsilon, attention": m.epsilon(r"^encoder.*group_norm"),
    "epsilon, conv_norm_out": m.epsilon(r"^encoder.*norm_out"),
    "downsampling pads all round": m.other_padding,
    "q and k exchanged": m.exchange("to_q", "to_k"),
    "q and v exchanged": m.exchange("to_q", "to_v"),
    "quant_conv bias left out": m.zero(r"^quant_conv\.bias"),
}
VAE_DECODE = {
    "blend as in the UNet": m.swap_blend,
    "temporal group norm a frame": m.temporal_norm_per_frame,
    "epsilon, spatial norm1": m.epsilon(r"^decoder.*spatial_res_block\.norm1"),
    "epsilon, spatial norm2": m.epsilon(r"^decoder.*spatial_res_block\.norm2"),
    "epsilon, temporal norm1": m.epsilon(r"^decoder.*temporal_res_block\.norm1"),
    "epsilon, temporal norm2": m.epsilon(r"^decoder.*temporal_res_block\.norm2"),
    "epsilon, attention": m.epsilon(r"^decoder.*group_norm"),
    "epsilon, conv_norm_out": m.epsilon(r"^decoder.*norm_out"),
    "q and k exchanged": m.exchange("to_q", "to_k"),
    "temporal kernels reversed": m.reverse_time,
    "temporal padding repeats": m.replicate_time,
    "mid attention run with one layer": m.run_mid_attention,
}
CLIP = {
    "tanh GELU": m.clip_activation(m.tanh_gelu),
    "quick GELU": m.clip_activation(m.quick_gelu),
    "exact GELU": m.clip_activation(nn.functional.gelu),
    "layer norm epsilon": m.epsilon("", nn.LayerNorm),
    "layer norm epsilon, pre": m.epsilon("pre_layrnorm", nn.LayerNorm),
    "layer norm epsilon, 1": m.epsilon("layer_norm1", nn.LayerNorm),
    "layer norm epsilon, 2": m.epsilon("layer_norm2", nn.LayerNorm),
    "layer norm epsilon, post": m.epsilon("post_layernorm", nn.LayerNorm),
    "pre_layrnorm left out": m.skip("vision_model.pre_layrnorm"),
    "post_layernorm left out": m.skip("vision_model.post_layernorm"),
    "positions left out": m.zero("position_embedding"),
    "q and k exchanged": m.exchange("q_proj", "k_proj"),
    "k and v exchanged": m.exchange("k_proj", "v_proj"),
    "last token": m.last_token,
    "mean of the tokens": m.mean_token,
}


def run_unet(unet, g, case=0):
    keys = ("sample", "timestep", "encoder_hidden_states", "added_time_ids")
    return unet(*(g[f"unet/case.{case}/{key}"] for key in keys)).sample


def run_unet_even(unet, g):
    return run_unet(unet, g, case=2)


def run_unet_mid(unet, g):
    with Recorder(unet, "mid_block") as recorder:
        run_unet(unet, g)
    return recorder.tensors["mid_block"]


def run_encode(vae, g):
    return vae.encode(g["vae_encode/picture"]).latent_dist.mode()


def run_decode(vae, g):
    return vae.decode(g["vae_decode/z"], num_frames=len(g["vae_decode/z"])).sample


def run_clip(clip, g):
    return clip(g["clip/pixel_values"]).image_embeds


STAGES = [  # title, component, function, golden, mistakes
    ("UNet", "unet", run_unet, "unet/case.0/out", UNET),
    ("UNet, mid block's output", "unet", run_unet_mid, "unet/mid_block", UNET_MID),
    ("UNet, 8 x 8", "unet", run_unet_even, "unet/case.2/out", UNET_EVEN),
    ("VAE encode", "vae", run_encode, "vae_encode/mode", VAE_ENCODE),
    ("VAE decode", "vae", run_decode, "vae_decode/frames", VAE_DECODE),
    ("CLIP", "image_encoder", run_clip, "clip/image_embeds", CLIP),
]


def spoiled_error(run, model, golden, key, spoil):
    """Error with the mistake made, None where it does not apply."""
    model = copy.deepcopy(model)
    if spoil(model) is False:
        return None
    return relative(run(model, golden), golden[key])


def run_error(pipe, spec, golden, key, mistake):
    """The larger error of the two runs: one that notices is enough."""
    errors = []
    for number, prefix in enumerate(("guided", "plain"), start=10 * spec["seed"]):
        picture = runs.picture_of(spec[prefix], number)
        wrong = mistake(pipe, spec[prefix], picture)
        if wrong is not None:
            errors.append(relative(wrong, golden[f"{prefix}/{key}"]))
    return max(errors) if errors else None


def _row(label, errors):
    cells = "".join(f"{'-' if e is None else format(e, '.1e'):>10}" for e in errors)
    seen = max((e for e in errors if e is not None), default=0.0)
    print(f"  {label:<42}{cells}{'' if seen >= NOTICED else '   NOT NOTICED'}", flush=True)
    return seen >= NOTICED


def report(outdir):
    """Print the tables; 1 if a mistake goes unnoticed by all checkpoints."""
    pipes = {name: checkpoint.load(outdir / name / "model") for name in specs.ALL}
    goldens = {name: load_file(outdir / name / "golden.safetensors") for name in specs.ALL}
    good = True
    print(f"relative L2 error{'':27}" + "".join(f"{name:>10}" for name in pipes))
    for title, component, run, key, spoils in STAGES:
        print(title)
        for label, spoil in spoils.items():
            good &= _row(label, [
                spoiled_error(run, getattr(pipes[n], component), goldens[n], key, spoil)
                for n in pipes])
    for title, key, group in mistaken_runs.GROUPS:
        print(f"whole run: {title}")
        for label, mistake in group.items():
            good &= _row(label, [
                run_error(pipes[n], specs.ALL[n], goldens[n], key, mistake) for n in pipes])
    return 0 if good else 1
