#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fast training passes must give what diffusers gives from the same weights."""

import torch

import architecture
import fast_autoencoder
import fast_unet


def relative_error(a, b):
    return float((a - b).norm() / b.norm())


def first(x):
    """Channels last to diffusers' layout."""
    return x.movedim(-1, -3)


@torch.no_grad()
def main():
    torch.manual_seed(0)
    unet = architecture.make_unet()
    for name, p in unet.named_parameters():
        p.add_(0.1 * torch.randn_like(p) if p.dim() == 1 else 0)
    sample = torch.randn(2, 5, 8, 12, 32)
    timestep, ids = torch.tensor([0.3, -1.0]), torch.tensor([[6, 127, 0.02], [9, 10, 0.3]])
    embedding = torch.randn(2, architecture.EMBEDDING)
    fast = fast_unet.forward(unet, sample, timestep, embedding, ids)
    slow = unet(first(sample), timestep, embedding[:, None], ids).sample
    errors = {"unet": relative_error(first(fast), slow)}

    autoencoder = architecture.make_autoencoder()
    pictures, codes = torch.randn(1, 3, 32, 48, 3), torch.randn(1, 3, 4, 6, 16)
    fast = fast_autoencoder.encode(autoencoder, pictures)[0]
    slow = autoencoder.encode(first(pictures)[0]).latent_dist.mode()
    errors["encoder"] = relative_error(first(fast), slow)
    fast = fast_autoencoder.decode(autoencoder, codes)[0]
    slow = autoencoder.decode(first(codes)[0], num_frames=3).sample
    errors["decoder"] = relative_error(first(fast), slow)
    fast_autoencoder.make_time_neutral(autoencoder)
    whole, short = (fast_autoencoder.decode(autoencoder, codes, temporal=t) for t in (True, False))
    errors["neutral decoder"] = relative_error(short, whole)

    for name, error in errors.items():
        print(f"{name}: {error:.1e}")
        assert error < 2e-5, name


if __name__ == "__main__":
    main()
