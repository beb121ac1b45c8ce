# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a diffusers folder as one file in generative-models' layout.

    original_layout.py FOLDER svd.safetensors

The other direction than the loader's tables, so that one checks the other. The
encoder goes where conditioning looks for it, and decoys with other numbers go where
published files carry halves that are not used.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

UNET = "model.diffusion_model."
EMBEDDER = "conditioner.embedders.3.encoder."
FIRST_STAGE = "first_stage_model."
VISUAL = "conditioner.embedders.0.open_clip.model.visual."

UNET_TOP = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
            "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
            "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
            "mid_block.resnets.0": "middle_block.0", "mid_block.attentions.0": "middle_block.1",
            "mid_block.resnets.1": "middle_block.2"}
RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
          "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
VAE_ENDS = {"conv_norm_out": "norm_out", "time_conv_out": "conv_out.time_mix_conv",
            "mid_block.resnets.0": "mid.block_1", "mid_block.attentions.0": "mid.attn_1",
            "mid_block.resnets.1": "mid.block_2"}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v",
                 "to_out.0": "proj_out"}
CLIP = {"vision_model.embeddings.class_embedding": "class_embedding",
        "vision_model.embeddings.position_embedding.weight": "positional_embedding",
        "vision_model.embeddings.patch_embedding": "conv1", "vision_model.pre_layrnorm": "ln_pre",
        "vision_model.post_layernorm": "ln_post", "vision_model.encoder.layers":
        "transformer.resblocks", "self_attn.out_proj": "attn.out_proj", "layer_norm1": "ln_1",
        "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}


def replace(name, table):
    """Exchange whole dotted parts of a name, longest first."""
    name = f".{name}."
    for old in sorted(table, key=len, reverse=True):
        name = name.replace(f".{old}.", f".{table[old]}.")
    return name.strip(".")


def unet_place(name, config):
    """down_blocks and up_blocks as places in input_blocks and output_blocks."""
    blocks, level, kind, layer, rest = name.split(".", 4)
    level, layer, layers = int(level), int(layer), config["layers_per_block"]
    if blocks == "down_blocks":
        first = 1 + level * (layers + 1)
        if kind == "downsamplers":
            return f"input_blocks.{first + layers}.0.{rest.replace('conv', 'op')}"
        return f"input_blocks.{first + layer}.{int(kind == 'attentions')}.{rest}"
    first = level * (layers + 1)
    if kind == "upsamplers":
        attends = config["up_block_types"][level].startswith("CrossAttn")
        return f"output_blocks.{first + layers}.{1 + attends}.{rest}"
    return f"output_blocks.{first + layer}.{int(kind == 'attentions')}.{rest}"


def unet_name(name, config):
    inside = name
    if name.startswith(("down_blocks", "up_blocks")):
        inside = unet_place(name, config)
    inside = replace(inside, UNET_TOP)
    if "_res_block." in inside:
        inside = replace(inside, RESNET)
    inside = inside.replace("spatial_res_block.", "").replace("temporal_res_block", "time_stack")
    return UNET + (inside.replace("temporal_transformer_blocks", "time_stack")
                   .replace("time_pos_embed.linear_1", "time_pos_embed.0")
                   .replace("time_pos_embed.linear_2", "time_pos_embed.2"))


def vae_level(name, levels):
    parts = name.split(".")
    if parts[1] in ("down_blocks", "up_blocks"):
        up = parts[1] == "up_blocks"
        level = levels - 1 - int(parts[2]) if up else int(parts[2])
        kind = {"resnets": f"block.{parts[4]}", "downsamplers": "downsample",
                "upsamplers": "upsample"}[parts[3]]
        parts[1:5] = ["up" if up else "down", str(level), kind]
    return ".".join(parts)


def vae_name(name, config):
    inside = replace(vae_level(name, len(config["block_out_channels"])), VAE_ENDS)
    if ".mid.attn_1" in inside:
        inside = replace(inside, VAE_ATTENTION)
    if "temporal_res_block." in inside:
        inside = replace(inside, RESNET).replace("temporal_res_block", "time_stack")
    inside = inside.replace("spatial_res_block.", "").replace("time_mixer.", "")
    return replace(inside, {"conv_shortcut": "nin_shortcut"})


def add_vae(file, tensors, config):
    for name, tensor in tensors.items():
        inside = vae_name(name, config)
        if ".mid.attn_1." in inside and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
        decoder = name.startswith("decoder.")
        file[(FIRST_STAGE if decoder else EMBEDDER) + inside] = tensor
        if not name.startswith("quant_conv"):   # the decoy
            file[(EMBEDDER if decoder else FIRST_STAGE) + inside] = torch.zeros_like(tensor)


def add_clip(file, tensors):
    for name, tensor in tensors.items():
        if name == "visual_projection.weight":
            file[VISUAL + "proj"] = tensor.T
        elif name.endswith("position_ids") or "k_proj" in name or "v_proj" in name:
            continue
        elif "q_proj" in name:
            stacked = torch.cat([tensors[name.replace("q_proj", f"{p}_proj")] for p in "qkv"])
            file[VISUAL + replace(name.replace("self_attn.q_proj.", "attn.in_proj_"), CLIP)] = stacked
        else:
            file[VISUAL + replace(name, CLIP)] = tensor
    file[VISUAL.replace("visual", "logit_scale").rstrip(".")] = torch.tensor(4.6)


def write(folder, path):
    folder = Path(folder)
    unet, vae = (json.loads((folder / part / "config.json").read_text()) for part in ("unet", "vae"))
    file = {unet_name(name, unet): tensor for name, tensor in load_file(
        folder / "unet" / "diffusion_pytorch_model.safetensors").items()}
    add_vae(file, load_file(folder / "vae" / "diffusion_pytorch_model.safetensors"), vae)
    add_clip(file, load_file(folder / "image_encoder" / "model.safetensors"))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in file.items()}, str(path),
              metadata={"num_frames": str(unet["num_frames"])})


if __name__ == "__main__":
    write(*sys.argv[1:])
