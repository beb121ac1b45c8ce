#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Training keeps to its device: every step run on one that refuses to meet another.

PyTorch's "meta" device computes nothing and exists everywhere, so this shows
without a graphics card that no tensor is left behind on the processor.
"""

import torch

import adversary
import architecture
import clips
import fast_autoencoder
import train_autoencoder
import train_decoder
import train_denoiser
from latent_code import SHIPPED, LatentCode
from muon import Average, Muon

META = torch.device("meta")


def networks():
    return architecture.make_unet().to(META), architecture.make_clip().to(META)


def denoiser(code, photographs):
    numbers, sigma = torch.arange(4, device=META), torch.ones(2, device=META)
    batch = train_denoiser.Batches(photographs, code, 2, [0]).next(numbers)
    unet, clip = networks()
    critic = adversary.Critic(META)
    critic.steps = adversary.ALONE
    made = train_denoiser.imagine(unet, clip, batch.picture, batch.seen, batch.ids, sigma, numbers)
    made.backward(train_denoiser.sharp_pull(critic, made.detach(), batch, numbers))
    train_denoiser.loss_of(unet, clip, batch, sigma, numbers).mean().backward()
    parameters = [*unet.parameters(), *clip.parameters()]
    average = Average({"unet": unet, "clip": clip})
    Muon(parameters).step()
    average.update()
    batch = batch._replace(clean=made.detach().repeat(1, 4, 1, 1, 1)[:, :architecture.FRAMES])
    return train_denoiser.sample(unet, clip, batch, 2)


def autoencoder(code, photographs):
    pictures = train_autoencoder.Pictures(photographs, code, 2, architecture.PICTURE_SIZE // 2, [0])
    net = architecture.make_autoencoder().to(META)
    fast_autoencoder.make_time_neutral(net)
    seen, codes = pictures.next()
    train_autoencoder.decoder_loss(net, codes + pictures.noise(codes), seen).backward()
    train_autoencoder.encoder_loss(net, seen, codes).backward()
    loss, kept = train_autoencoder.joint_loss(net, seen, codes, pictures.noise(codes))
    return loss + kept


def decoder(code, photographs):
    numbers = torch.arange(3, device=META)
    batch = train_denoiser.Batches(photographs, code, 2, [0]).next(numbers)
    net = architecture.make_autoencoder().to(META)
    made = fast_autoencoder.decode(net, batch.clean, temporal=False)
    loss = sum(train_decoder.losses(made, batch.frames.permute(0, 1, 3, 4, 2)))
    loss.backward()
    return loss


def main():
    code, photographs = LatentCode.load(SHIPPED).to(META), clips.Drawings(1)
    for step in (denoiser, autoencoder, decoder):
        assert step(code, photographs).device == META
        print(f"{step.__name__}: all of a step on one device")


if __name__ == "__main__":
    main()
