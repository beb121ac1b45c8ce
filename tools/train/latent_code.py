#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The latent space: a fixed linear code of overlapping picture patches.

Fixing it before anything else is trained lets autoencoder and denoiser train
at the same time, each against exact codes: the encoder learns to compute the
code, the decoder to invert it, the denoiser never waits for either. It starts
as the principal components of 8×8 patches and is then fitted together with a
linear synthesis over 16×16 (analysis) and 24×24 (synthesis) windows: windows
that overlap keep 0.7 dB more and change smoothly as the picture moves, which
is what the denoiser has to learn. Channels are scaled by the square root of
their deviation: between plain components, where noise drowns all but the mean
colour, and white ones, where it drowns nothing and errors in fine detail cost
as much as errors in colour.
"""

import argparse
import pathlib

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

import architecture
import clips

PATCH = architecture.FACTOR
CHANNELS = architecture.LATENT_CHANNELS
WINDOW = 2 * PATCH
MARGIN = (WINDOW - PATCH) // 2
# The code of models/svd-tiny, for training that goes on from it.
SHIPPED = pathlib.Path(__file__).parent / "latent-code.safetensors"


class LatentCode:
    def __init__(self, mean, analysis):
        self.mean, self.analysis = mean, analysis

    def encode(self, pictures):
        """[n, 3, height, width] to codes, channels last: [n, height/8, width/8, 16]."""
        x = F.pad(pictures - self.mean.view(1, 3, 1, 1), [MARGIN] * 4, mode="reflect")
        return F.conv2d(x, self.analysis, stride=PATCH).permute(0, 2, 3, 1)

    def to(self, device):
        return LatentCode(self.mean.to(device), self.analysis.to(device))

    def save(self, path):
        torch.save({"mean": self.mean, "analysis": self.analysis}, path)

    @classmethod
    def load(cls, path):
        path = pathlib.Path(path)
        saved = load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)
        return cls(saved["mean"], saved["analysis"])


def principal_components(pictures):
    patches = F.unfold(pictures, PATCH, stride=PATCH).transpose(1, 2).reshape(-1, 3 * PATCH * PATCH)
    _, vectors = np.linalg.eigh(np.cov(patches[:: max(1, len(patches) // 100000)].T.numpy()))
    leading = torch.from_numpy(vectors[:, ::-1][:, :CHANNELS].copy()).float()
    return leading.T.reshape(CHANNELS, 3, PATCH, PATCH)


def fit(pictures, steps=1200, batch=12, seed=0):
    """Fit the code to pictures [n, 3, size, size]; returns it and the linear bound in dB."""
    generator = torch.Generator().manual_seed(seed)
    mean = pictures.mean((0, 2, 3))
    centred = pictures - mean.view(1, 3, 1, 1)
    basis = principal_components(centred)
    analysis = F.pad(basis, [MARGIN] * 4).requires_grad_()
    synthesis = F.pad(basis, [PATCH] * 4).requires_grad_()
    optimizer = torch.optim.Adam([analysis, synthesis], lr=2e-3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 2e-3 * (1 - step / steps) + 1e-5
        x = centred[torch.randint(len(centred), (batch,), generator=generator)]
        code = F.conv2d(F.pad(x, [MARGIN] * 4, mode="reflect"), analysis, stride=PATCH)
        y = F.conv_transpose2d(code, synthesis, stride=PATCH, padding=PATCH)
        error = (y - x)[..., PATCH:-PATCH, PATCH:-PATCH].square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    with torch.no_grad():
        # In units of picture amplitude, then divided by the root of the deviation.
        analysis *= synthesis.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        code = F.conv2d(centred[:: max(1, len(centred) // 400)], analysis, stride=PATCH)
        analysis /= code.std((0, 2, 3)).sqrt().view(-1, 1, 1, 1)
        code = F.conv2d(centred[:: max(1, len(centred) // 400)], analysis, stride=PATCH)
        analysis /= code.square().mean().sqrt()
    return LatentCode(mean, analysis.detach()), float(10 * torch.log10(4 / error.detach()))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="folder of checkpoints")
    parser.add_argument("--photos", help="folder of photographs; without it drawings are used")
    parser.add_argument("--pictures", type=int, default=1200)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    path = pathlib.Path(args.out) / "latent_code.pt"
    if path.exists():  # everything else was trained against it
        return
    photographs, rng = clips.open_photographs(args.photos), np.random.default_rng(0)
    pictures = torch.stack([photographs.crop(rng, *architecture.SIZES[0]) for _ in range(args.pictures)])
    code, bound = fit(pictures, args.steps)
    code.save(path)
    print(f"latent code: linear synthesis {bound:.1f} dB")


if __name__ == "__main__":
    main()
