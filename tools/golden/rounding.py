# SPDX-License-Identifier: LGPL-2.1-or-later
"""What fp16 storage costs PyTorch itself: weights and every module's output rounded.

Informative (golden.json, "fp16"): a C implementation with fp16 storage and fp32
sums should land near these figures.
"""

import copy

import numpy as np
import torch

import runs


def _round(output):
    if torch.is_tensor(output) and output.is_floating_point():
        return output.half().float()
    if isinstance(output, tuple):
        return tuple(_round(o) for o in output)
    return output


def rounded(model):
    """A copy of the model whose weights and outputs hold fp16 values."""
    model = copy.deepcopy(model)
    for parameter in model.parameters():
        parameter.data = parameter.data.half().float()
    for module in model.modules():
        if module is not model:
            module.register_forward_hook(lambda _m, _a, output: _round(output))
    return model


def relative(value, reference):
    """Relative L2 distance."""
    return ((value - reference).norm() / reference.norm()).item()


def stages(pipe, store):
    """Relative L2 of each stage, against the stage's golden."""
    t = store.tensors
    unet, vae = rounded(pipe.unet), rounded(pipe.vae)
    clip = rounded(pipe.image_encoder)
    result = {}
    for n in range(3):
        case = f"unet/case.{n}"
        out = unet(t[f"{case}/sample"], t[f"{case}/timestep"],
                   t[f"{case}/encoder_hidden_states"], t[f"{case}/added_time_ids"]).sample
        result[case] = relative(out, t[f"{case}/out"])
    mode = vae.encode(t["vae_encode/picture"]).latent_dist.mode()
    result["vae_encode"] = relative(mode, t["vae_encode/mode"])
    frames = vae.decode(t["vae_decode/z"], num_frames=5).sample
    result["vae_decode"] = relative(frames, t["vae_decode/frames"])
    result["clip"] = relative(clip(t["clip/pixel_values"]).image_embeds, t["clip/image_embeds"])
    return result


def whole(pipe, settings, number, prefix, store):
    """PSNR of the frames of a whole run (8-bit against 8-bit)."""
    half = copy.copy(pipe)
    half.register_modules(unet=rounded(pipe.unet), vae=rounded(pipe.vae),
                          image_encoder=rounded(pipe.image_encoder))
    frames = runs.call(half, settings, runs.picture_of(settings, number))
    reference = store.tensors[f"{prefix}/frames_u8"].numpy().astype(np.float64)
    error = ((frames * 255).round() - reference) / 255
    return float(10 * np.log10(1 / max((error**2).mean(), 1e-12)))
