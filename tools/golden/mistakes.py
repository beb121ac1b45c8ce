# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mistakes that an implementation of SVD is likely to make, done to a model in place.

Each function takes a fresh copy of the model (UNet, VAE or CLIP; fp32) and spoils it.
"""

import re

import torch
import torch.nn.functional as F
from diffusers.models.activations import GEGLU
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import AlphaBlender, TemporalResnetBlock
from torch import nn


def _each(model, kind, pattern=""):
    """The modules of a class whose path contains the pattern."""
    return [(path, module) for path, module in model.named_modules()
            if isinstance(module, kind) and re.search(pattern, path)]


def swap_blend(model):
    """1 - sigmoid(m) is sigmoid(-m)."""
    for _, blender in _each(model, AlphaBlender):
        blender.mix_factor.data.neg_()


class _FrameNorm(nn.Module):
    """Group norm of each frame of a B x C x F x H x W tensor by itself."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x):
        b, c, f, h, w = x.shape
        frames = x.transpose(1, 2).reshape(b * f, c, h, w)
        return self.norm(frames).reshape(b, f, c, h, w).transpose(1, 2)


def temporal_norm_per_frame(model):
    for _, block in _each(model, TemporalResnetBlock):
        block.norm1, block.norm2 = _FrameNorm(block.norm1), _FrameNorm(block.norm2)


def epsilon(pattern, kind=nn.GroupNorm):
    """The other of 1e-5 and 1e-6 in the norms that match."""
    def spoil(model):
        found = _each(model, kind, pattern)
        for _, norm in found:
            norm.eps = 1e-5 if norm.eps < 5e-6 else 1e-6
        return bool(found)
    return spoil


def geglu(function):
    """Another function in place of exact GELU."""
    def spoil(model):
        for _, module in _each(model, GEGLU):
            module.gelu = function
    return spoil


def geglu_halves(model):
    """Value and gate exchanged."""
    for _, module in _each(model, GEGLU):
        for parameter in module.proj.parameters():
            parameter.data = torch.cat(parameter.data.chunk(2)[::-1])


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


def tanh_gelu(x):
    return F.gelu(x, approximate="tanh")


def exchange(first, second, where=""):
    """Two linear layers of the same parent exchanged, where their shapes agree."""
    def spoil(model):
        found = False
        for _, parent in _each(model, nn.Module, where):
            a, b = getattr(parent, first, None), getattr(parent, second, None)
            if a is not None and b is not None and a.weight.shape == b.weight.shape:
                setattr(parent, first, b)
                setattr(parent, second, a)
                found = True
        return found
    return spoil


def heads(model):
    """One head where there are several, two where there is one."""
    for _, parent in _each(model, nn.Module, r"attn1$"):
        parent.heads = 1 if parent.heads > 1 else 2


def zero(pattern):
    """Parameters that match set to zero: a layer that was forgotten."""
    def spoil(model):
        found = [p for name, p in model.named_parameters() if re.search(pattern, name)]
        for parameter in found:
            parameter.data.zero_()
        return bool(found)
    return spoil


def attribute(kind, name, value, pattern=""):
    """An attribute of the modules set to another value."""
    def spoil(model):
        for _, module in _each(model, kind, pattern):
            setattr(module, name, value)
    return spoil


def other_padding(model):
    """Downsampling padded all round instead of right and bottom, or the reverse."""
    for _, module in _each(model, Downsample2D):
        module.padding = 1 - module.padding
        module.conv.padding = (module.padding, module.padding)


def reverse_time(model):
    """Temporal kernels the wrong way round."""
    for _, conv in _each(model, nn.Conv3d):
        conv.weight.data = conv.weight.data.flip(2)


def replicate_time(model):
    """The first and last frame repeated instead of zero padding."""
    for _, conv in _each(model, nn.Conv3d):
        if conv.kernel_size[0] > 1:
            conv.padding_mode = "replicate"
            conv._reversed_padding_repeated_twice = [0, 0, 0, 0, 1, 1]


def frames_from_one(model):
    """Frame positions 1, 2, ... instead of 0, 1, ..."""
    for _, proj in _each(model, nn.Module, r"attentions\.\d+\.time_proj$"):
        proj.register_forward_pre_hook(lambda _m, args: (args[0] + 1,))


def run_mid_attention(model):
    """With one layer a block the temporal decoder stores its attention, never runs it."""
    mid = model.decoder.mid_block
    if len(mid.resnets) > 1:
        return False
    mid.register_forward_hook(lambda _m, _a, out: mid.attentions[0](out))
    return True


class _Function(nn.Module):
    """A function where PyTorch wants a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def clip_activation(function):
    """Another function in CLIP's feed-forward; False where the config asks for it."""
    def spoil(model):
        quick = model.config.hidden_act == "quick_gelu"
        if function is (quick_gelu if quick else F.gelu):
            return False
        for _, mlp in _each(model, nn.Module, r"\.mlp$"):
            mlp.activation_fn = _Function(function)
        return True
    return spoil


def skip(path):
    """A module that passes its input on."""
    def spoil(model):
        model.get_submodule(path).forward = lambda x: x
    return spoil


def last_token(model):
    """The last patch's token in place of the class token."""
    model.vision_model.encoder.register_forward_hook(_flip_tokens)


def mean_token(model):
    """The mean of all tokens in place of the class token."""
    model.vision_model.encoder.register_forward_hook(_average_tokens)


def _flip_tokens(_module, _args, output):
    output.last_hidden_state = output.last_hidden_state.flip(1)
    return output


def _average_tokens(_module, _args, output):
    output.last_hidden_state = output.last_hidden_state.mean(1, keepdim=True)
    return output
