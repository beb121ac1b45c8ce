# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which parameters could be forgotten without any golden noticing?

Sets one parameter after the other to zero (norm weights to one). Prints those
without influence, except where the model's mathematics gives them none.
"""

import re

from safetensors.torch import load_file
from torch import nn

import checkpoint
import sensitivity as s
import specs
from rounding import relative

STAGES = [("unet", s.run_unet, "unet/case.0/out", ""),
          ("vae", s.run_encode, "vae_encode/mode", r"^(encoder|quant_conv)"),
          ("vae", s.run_decode, "vae_decode/frames", r"^decoder"),
          ("image_encoder", s.run_clip, "clip/image_embeds", "")]

# With a context of one token the softmax is 1, whatever q and k; a bias of k adds the
# same to all scores.
ALWAYS_IDLE = r"attn2\.to_[qk]|transformer_blocks\.\d+\.norm2|to_k\.bias|k_proj\.bias"

LAYERS = (nn.Linear, nn.Conv2d, nn.Conv3d)


def _expected(model, name):
    """Without influence by the mathematics."""
    if re.search(ALWAYS_IDLE, name):
        return True
    if name.startswith("decoder.mid_block.attentions"):  # stored, not run
        return len(model.decoder.mid_block.resnets) == 1
    # A constant a channel vanishes in a norm with one channel a group (32 wide).
    owner = model.get_submodule(name.rpartition(".")[0])
    constant = name.endswith("bias") or "time_emb_proj" in name
    return constant and isinstance(owner, LAYERS) and len(owner.weight) == 32


def _is_norm_weight(model, name):
    owner, _, leaf = name.rpartition(".")
    kinds = (nn.GroupNorm, nn.LayerNorm)
    return leaf == "weight" and isinstance(model.get_submodule(owner), kinds)


def idle_parameters(run, model, golden, key, pattern):
    """(name, error) of the parameters that no test would miss."""
    idle = []
    for name, parameter in model.named_parameters():
        if not re.search(pattern, name) or _expected(model, name):
            continue
        kept = parameter.data.clone()
        parameter.data.fill_(1.0 if _is_norm_weight(model, name) else 0.0)
        error = relative(run(model, golden), golden[key])
        parameter.data.copy_(kept)
        if error < s.TOLERANCE:
            idle.append((name, error))
    return idle


def report(outdir):
    """Print the idle parameters of every checkpoint; 1 if there are any."""
    found = 0
    for checkpoint_name in specs.ALL:
        pipe = checkpoint.load(outdir / checkpoint_name / "model")
        golden = load_file(outdir / checkpoint_name / "golden.safetensors")
        for component, run, key, pattern in STAGES:
            idle = idle_parameters(run, getattr(pipe, component), golden, key, pattern)
            print(f"{checkpoint_name}, {key}: {len(idle)} idle parameters")
            for name, error in idle:
                print(f"  {name:<70} {error:.1e}", flush=True)
            found += len(idle)
    return 1 if found else 0
