#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Train the autoencoder: the encoder computes the fixed latent code, the decoder inverts it.

Trained end to end from nothing, an autoencoder this small stalls and loses
colours. With the code given (latent_code.py) each half is a plain regression:
first apart, on crops of half the size, then together on whole pictures, where
the decoder learns to live with the encoder's errors and with a little noise
such as the denoiser leaves. The error is the mean of each picture's log MSE,
which is PSNR itself: easy pictures count as much as hard ones.

The decoder's temporal branches stay neutral: every frame is decoded by itself,
so that a constant latent gives constant frames and nothing flickers.
"""

import argparse
import pathlib
import time

import numpy as np
import torch

import architecture
import clips
import fast_autoencoder
from latent_code import LatentCode
from losslog import LossLog
from muon import Average, Muon

NOISE = 0.08  # largest deviation of the noise added to codes


def log_error(made, wanted):
    return (made - wanted).square().mean((1, 2, 3, 4)).add(2e-4).log().mean()


def decoder_loss(autoencoder, codes, pictures):
    return log_error(fast_autoencoder.decode(autoencoder, codes, temporal=False), pictures)


def encoder_loss(autoencoder, pictures, codes):
    return log_error(fast_autoencoder.encode(autoencoder, pictures), codes)


def joint_loss(autoencoder, pictures, codes, noise):
    """Decode what was encoded, and keep the encoder on the code that the denoiser knows."""
    made = fast_autoencoder.encode(autoencoder, pictures)
    decoded = fast_autoencoder.decode(autoencoder, made + noise, temporal=False)
    return log_error(decoded, pictures), log_error(made, codes)


class Pictures:
    """Batches of pictures and their exact codes, channels last with one frame each."""

    def __init__(self, photographs, code, rng):
        self.photographs, self.code, self.rng = photographs, code, rng

    def next(self, count, size):
        whole = architecture.PICTURE_SIZE
        found = []
        for _ in range(count):
            picture = self.photographs.crop(self.rng, whole)
            y, x = self.rng.integers(0, whole - size + 1, 2)
            found.append(picture[:, y:y + size, x:x + size])
        pictures = torch.stack(found)
        return pictures.permute(0, 2, 3, 1)[:, None].contiguous(), self.code.encode(pictures)[:, None]

    def noise(self, codes):
        amount = torch.from_numpy(self.rng.uniform(0, NOISE, len(codes)) * (self.rng.random(len(codes)) < 0.5))
        return torch.randn_like(codes) * amount.float().view(-1, 1, 1, 1, 1)


@torch.no_grad()
def psnr(autoencoder, pictures):
    codes = fast_autoencoder.encode(autoencoder, pictures)
    made = fast_autoencoder.decode(autoencoder, codes, temporal=False).clamp(-1, 1)
    return float((10 * (4 / (made - pictures).square().mean((1, 2, 3, 4))).log10()).mean())


def rate(fraction, step, tail=0.5):
    return min(1, (step + 1) / 60, max(0.0, (1 - fraction) / tail))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="folder of checkpoints, with latent_code.pt in it")
    parser.add_argument("--start", help="model folder to go on from, where there is no checkpoint yet")
    parser.add_argument("--photos", help="folder of photographs; without it drawings are used")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--steps", type=int, default=10**9, help="stop earlier after so many steps")
    parser.add_argument("--joint", type=float, default=0.3, help="part of the time for training both together")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.02, help="Muon's learning rate")
    parser.add_argument("--compile", action="store_true", help="can double the speed on some CPUs; takes minutes")
    args = parser.parse_args(argv)

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    out = pathlib.Path(args.out)
    checkpoint = out / "autoencoder.pt"
    code = LatentCode.load(out / "latent_code.pt")
    autoencoder = architecture.make_autoencoder()
    fast_autoencoder.make_time_neutral(autoencoder)
    if args.start and not checkpoint.exists():
        architecture.load_weights(autoencoder, args.start, "vae")
    neutral = ("temporal_res_block", "time_mixer", "time_conv_out", "decoder.mid_block.attentions")
    parameters = [p for name, p in autoencoder.named_parameters() if not any(part in name for part in neutral)]
    for p in parameters:
        if p.dim() == 4:
            p.data = p.data.contiguous(memory_format=torch.channels_last)
    modules = {"autoencoder": autoencoder}
    optimizer, average = Muon(parameters, lr=args.rate), Average(modules, 0.998)
    step, spent = 0, 0.0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        autoencoder.load_state_dict(saved["now"]["autoencoder"])
        optimizer.load_state_dict(saved["optimizer"])
        optimizer.set_rate(args.rate)
        average.state, average.steps = saved["average"], saved["average_steps"]
        step, spent = saved["step"], saved["spent"]
        print(f"resumed at step {step}")

    photographs = clips.open_photographs(args.photos)
    source = Pictures(photographs, code, np.random.default_rng([args.seed, step, 2]))
    check, _ = Pictures(photographs, code, np.random.default_rng(7)).next(8, architecture.PICTURE_SIZE)
    averaged = architecture.make_autoencoder()
    wrap = (lambda f: torch.compile(f, dynamic=False)) if args.compile else (lambda f: f)
    decoder, encoder, joint = wrap(decoder_loss), wrap(encoder_loss), wrap(joint_loss)
    log = LossLog(out / "autoencoder.csv", ["decoder_db", "encoder_db", "joint_db", "rate", "psnr"])
    decibels = -10 / np.log(10)

    def save():
        temporary = checkpoint.with_suffix(".new")
        torch.save({
            "now": {"autoencoder": autoencoder.state_dict()}, "average": average.state,
            "average_steps": average.steps, "optimizer": optimizer.state_dict(), "step": step, "spent": spent,
        }, temporary)
        temporary.replace(checkpoint)

    seen = {"decoder_db": [], "encoder_db": [], "joint_db": []}
    last_log = last_save = time.time()
    last_measure = 0.0
    stop_step = step + args.steps
    while spent < args.minutes * 60 and step < stop_step:
        started = time.time()
        fraction = max(spent / (args.minutes * 60), 0 if args.steps >= 10**9 else step / stop_step)
        factor = rate(fraction, step)
        optimizer.scale(factor)
        optimizer.zero_grad(set_to_none=True)
        if fraction < 1 - args.joint:
            pictures, codes = source.next(args.batch, architecture.PICTURE_SIZE // 2)
            loss = decoder(autoencoder, codes + source.noise(codes), pictures)
            seen["decoder_db"].append(loss.item() * decibels + 6.02)
            loss.backward()
            if step % 2 == 0:
                loss = encoder(autoencoder, pictures, codes)
                seen["encoder_db"].append(loss.item() * decibels)
                loss.backward()
        else:
            pictures, codes = source.next(max(1, args.batch // 3), architecture.PICTURE_SIZE)
            loss, kept = joint(autoencoder, pictures, codes, source.noise(codes))
            seen["joint_db"].append(loss.item() * decibels + 6.02)
            seen["encoder_db"].append(kept.item() * decibels)
            (loss + 0.3 * kept).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        average.update()
        step += 1
        spent += time.time() - started
        if time.time() - last_log > 60 or step == stop_step:
            means = {name: float(np.mean(values)) for name, values in seen.items() if values}
            if time.time() - last_measure > 240 or step == stop_step:
                averaged.load_state_dict(average.state["autoencoder"])
                means["psnr"] = psnr(averaged, check)
                last_measure = time.time()
            log.write("autoencoder", step, rate=factor, **means)
            seen = {name: [] for name in seen}
            last_log = time.time()
        if time.time() - last_save > 180:
            save()
            last_save = time.time()
    save()
    log.plot()


if __name__ == "__main__":
    main()
