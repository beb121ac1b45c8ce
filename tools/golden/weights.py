# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random weights under which every layer, and every mistake, shows.

Freshly constructed models hide mistakes: outputs of temporal blocks are zero,
norms are the identity, attention is uniform, every activation has variance 1 so
that no epsilon counts. So nothing keeps its constructor's value, and RULES sets
some places up on purpose.
"""

import re

import torch
from torch import nn

QUIET = 0.05  # scale of activations whose variance lets a norm's epsilon show
QUIET_QUARTER = 0.012  # the same where only some groups are quiet (STREAM)

# (pattern of the module's path, gain of its weights and bias); gain 1 keeps the variance.
# A norm's epsilon of 1e-6 instead of 1e-5 changes its output by 4.5e-6 / variance, so
# the variances before norms are made small, and what is behind makes up for it.
RULES = [
    (r"(resnets\.\d+|res_block)\.conv1$", QUIET),        # all that norm2 sees
    (r"time_emb_proj$", QUIET),
    # A UNet's depths hardly count otherwise: every level adds a skip of the same size.
    (r"^mid_block.*res_block\.conv2$|^up_blocks.*upsamplers\.0\.conv$", 2.0),
    (r"(resnets\.\d+|res_block)\.conv2$", 0.7),
    (r"proj_in$|time_pos_embed\.linear_2$", QUIET),       # the stream within transformers
    (r"attn\d\.to_out\.0$", QUIET),
    (r"ff_in\.net\.2$", 2 * QUIET),
    (r"ff\.net\.2$", 6 * QUIET),                         # after small gates: _bias_gates
    (r"\.proj_out$", 0.6 / QUIET),
    (r"attn\d?\.to_[qk]$|[qk]_proj$", 1.3),              # attention that chooses
    (r"patch_embedding$", QUIET),
    (r"self_attn\.out_proj$", 0.6 * QUIET),               # the stream within CLIP
    (r"mlp\.fc2$", 2 * QUIET),
]

# Modules that write the stream between residual blocks. A quarter of their channels
# is quiet: every group norm that reads the stream has quiet groups beside loud ones.
# (If all were quiet each block would amplify the rounding errors of those before it.)
STREAM = (r"(^|coder\.)conv_in$|conv2$|conv_shortcut$|\.proj_out$|samplers\.0\.conv$"
          r"|mid_block\.attentions\.0\.to_out\.0$")


class Filler:
    """Draws all numbers from one generator, in the modules' order."""

    def __init__(self, seed):
        self.generator = torch.Generator("cpu").manual_seed(seed)

    def normal(self, like, mean=0.0, std=1.0):
        like.copy_(torch.randn(like.shape, generator=self.generator) * std + mean)

    def uniform(self, like, low, high):
        like.copy_(torch.rand(like.shape, generator=self.generator) * (high - low) + low)


def _gain(path):
    return next((gain for pattern, gain in RULES if re.search(pattern, path)), 1.0)


def _fill_linear(filler, path, module):
    gain = _gain(path)
    fan_in = module.weight[0].numel()
    filler.normal(module.weight, std=gain * fan_in**-0.5)
    if module.bias is not None:
        filler.normal(module.bias, std=0.2 * gain)
    if re.search(STREAM, path):
        quarter = module.weight.shape[0] // 4
        for parameter in module.parameters():
            parameter[:quarter] *= QUIET_QUARTER


def _fill_norm(filler, path, module):
    filler.uniform(module.weight, 0.6, 1.4)
    filler.uniform(module.bias, -0.4, 0.4)
    if path.endswith("pre_layrnorm"):  # it starts the stream within CLIP
        module.weight *= 0.6 * QUIET
        module.bias *= 0.6 * QUIET


def _fill_mix_factor(filler, parameter):
    """-1.5 to 1.5 without the middle, where spatial and temporal could be swapped unseen."""
    filler.uniform(parameter, 0.5, 1.5)
    if torch.rand(1, generator=filler.generator) < 0.5:
        parameter.neg_()


def _bias_gates(path, module):
    """GELU's variants differ most, relative to its value, around -2: put some gates there.

    fc1 of CLIP's even layers, the gate half of the GEGLUs; the layer behind makes up
    for the small values (RULES).
    """
    if re.search(r"ff\.net\.0\.proj$", path):
        gate = module.weight.shape[0] // 2
        module.weight[gate:] *= 0.5
        module.bias[gate:] -= 1.8
    elif re.search(r"layers\.\d*[02468]\.mlp\.fc1$", path):
        module.weight *= 0.5
        module.bias -= 1.8


@torch.no_grad()
def randomize(model, seed):
    """Fill every parameter of `model`; fail if one is of a kind not known here."""
    filler, done = Filler(seed), set()
    for path, module in model.named_modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.Conv3d)):
            _fill_linear(filler, path, module)
            _bias_gates(path, module)
        elif isinstance(module, (nn.GroupNorm, nn.LayerNorm)):
            _fill_norm(filler, path, module)
        elif isinstance(module, nn.Embedding):
            filler.normal(module.weight, std=QUIET)
        elif hasattr(module, "mix_factor"):
            _fill_mix_factor(filler, module.mix_factor)
        elif hasattr(module, "class_embedding"):
            filler.normal(module.class_embedding, std=QUIET)
            done.add(id(module.class_embedding))
            continue
        else:
            continue
        done.update(id(p) for p in module.parameters(recurse=False))
    left = [name for name, p in model.named_parameters() if id(p) not in done]
    assert not left, f"parameters without a rule: {left}"


@torch.no_grad()
def scale_output(layer, output, std):
    """Scale the last layer so that its output, measured as `output`, has deviation `std`."""
    factor = std / output.std()
    layer.weight *= factor
    if layer.bias is not None:
        layer.bias *= factor
