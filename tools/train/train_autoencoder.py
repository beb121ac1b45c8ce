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

import pathlib
import time

import numpy as np
import torch

import architecture
import clips
import fast_autoencoder
import training
from latent_code import LatentCode
from losslog import LossLog
from muon import Average, Muon
from training import channels_last, compiled, rate

NOISE = 0.08  # largest deviation of the noise added to codes
NEUTRAL = ("temporal_res_block", "time_mixer", "time_conv_out", "decoder.mid_block.attentions")
TAIL = 0.5  # part of the time over which the rate falls
DECIBELS = -10 / np.log(10)


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
    """Batches of square crops and their exact codes, channels last with one frame each."""

    def __init__(self, photographs, code, count, size, seed, threads=1):
        self.code, self.size, self.rng = code, size, np.random.default_rng([*seed, 1])
        self.ahead = clips.Ahead(lambda rng, _: self.draw(photographs, rng), count, seed, threads)

    def draw(self, photographs, rng):
        whole = architecture.PICTURE_SIZE
        picture = photographs.crop(rng, whole, whole)
        y, x = rng.integers(0, whole - self.size + 1, 2)
        return picture[:, y:y + self.size, x:x + self.size]

    def next(self):
        pictures = torch.stack(self.ahead.next()).to(self.code.mean.device)
        return pictures.permute(0, 2, 3, 1)[:, None].contiguous(), self.code.encode(pictures)[:, None]

    def noise(self, codes):
        amount = torch.from_numpy(self.rng.uniform(0, NOISE, len(codes)) * (self.rng.random(len(codes)) < 0.5))
        return torch.randn_like(codes) * amount.float().to(codes.device).view(-1, 1, 1, 1, 1)


@torch.no_grad()
def psnr(autoencoder, pictures):
    codes = fast_autoencoder.encode(autoencoder, pictures)
    made = fast_autoencoder.decode(autoencoder, codes, temporal=False).clamp(-1, 1)
    return float((10 * (4 / (made - pictures).square().mean((1, 2, 3, 4))).log10()).mean())


def trained_parameters(module, prefix=""):
    """All that is not kept neutral, of the autoencoder or of a part of it."""
    named = ((prefix + name, p) for name, p in module.named_parameters())
    parameters = [p for name, p in named if not any(part in name for part in NEUTRAL)]
    channels_last(parameters)
    return parameters


class Trainer(training.Trainer):
    """Of the autoencoder."""

    def __init__(self, args):
        self.args, device = args, torch.device(args.device)
        out = pathlib.Path(args.out)
        checkpoint = out / "autoencoder.pt"
        self.code = LatentCode.load(out / "latent_code.pt").to(device)
        self.autoencoder = architecture.make_autoencoder().to(device)
        fast_autoencoder.make_time_neutral(self.autoencoder)
        if args.start and not checkpoint.exists():
            architecture.load_weights(self.autoencoder, args.start, "vae")
        self.parameters = trained_parameters(self.autoencoder)
        modules = {"autoencoder": self.autoencoder}
        super().__init__(checkpoint, modules, Muon(self.parameters, lr=args.rate), Average(modules, 0.998))
        self.resume(args.rate, device)
        self.stop_step = self.step + args.steps
        losses = decoder_loss, encoder_loss, joint_loss
        self.decoder_loss, self.encoder_loss, self.joint_loss = compiled(losses, args.compile)

    def done(self):
        """The part of the training that is over."""
        limited = self.args.steps < 10**9
        return max(self.spent / (self.args.minutes * 60), self.step / self.stop_step if limited else 0)

    def learn_apart(self, parts):
        """On parts of pictures; the encoder, which learns faster, every other time."""
        pictures, codes = parts.next()
        loss = self.decoder_loss(self.autoencoder, codes + parts.noise(codes), pictures)
        loss.backward()
        found = {"decoder_db": loss.item() * DECIBELS + 6.02}
        if self.step % 2 == 0:
            loss = self.encoder_loss(self.autoencoder, pictures, codes)
            loss.backward()
            found["encoder_db"] = loss.item() * DECIBELS
        return found

    def learn_together(self, whole):
        pictures, codes = whole.next()
        loss, kept = self.joint_loss(self.autoencoder, pictures, codes, whole.noise(codes))
        (loss + 0.3 * kept).backward()
        return {"joint_db": loss.item() * DECIBELS + 6.02, "encoder_db": kept.item() * DECIBELS}

    def take_step(self, parts, whole):
        started, fraction = time.time(), self.done()
        factor = rate(fraction, self.step, TAIL)
        self.optimizer.scale(factor)
        self.optimizer.zero_grad(set_to_none=True)
        found = self.learn_apart(parts) if fraction < 1 - self.args.joint else self.learn_together(whole)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.average.update()
        self.step += 1
        self.spent += time.time() - started
        return found, factor

    def measure(self, pictures):
        averaged = architecture.make_autoencoder().to(pictures.device)
        averaged.load_state_dict(self.average.state["autoencoder"])
        return psnr(averaged, pictures)


def train(trainer, args):
    photographs, size = clips.open_photographs(args.photos), architecture.PICTURE_SIZE
    seed = [args.seed, trainer.step]
    parts = Pictures(photographs, trainer.code, args.batch, size // 2, [*seed, 2], args.threads)
    whole = Pictures(photographs, trainer.code, max(1, args.batch // 3), size, [*seed, 3], args.threads)
    check, _ = Pictures(photographs, trainer.code, 8, size, [7]).next()
    log = LossLog(pathlib.Path(args.out) / "autoencoder.csv", ["decoder_db", "encoder_db", "joint_db", "rate", "psnr"])
    seen = {"decoder_db": [], "encoder_db": [], "joint_db": []}
    last_log = last_save = time.time()
    last_measure = 0.0
    while trainer.spent < args.minutes * 60 and trainer.step < trainer.stop_step:
        found, factor = trainer.take_step(parts, whole)
        for name, value in found.items():
            seen[name].append(value)
        ended = trainer.step == trainer.stop_step
        if time.time() - last_log > 60 or ended:
            means = {name: float(np.mean(values)) for name, values in seen.items() if values}
            if time.time() - last_measure > 240 or ended:
                means["psnr"] = trainer.measure(check)
                last_measure = time.time()
            log.write("autoencoder", trainer.step, rate=factor, **means)
            seen = {name: [] for name in seen}
            last_log = time.time()
        if time.time() - last_save > 180:
            trainer.save()
            last_save = time.time()
    trainer.save()
    log.plot()


def main(argv=None):
    parser = training.parser(__doc__, minutes=60, batch=6, rate=0.02)
    parser.add_argument("--start", help="model folder to go on from, where there is no checkpoint yet")
    parser.add_argument("--joint", type=float, default=0.3, help="part of the time for training both together")
    parser.add_argument("--compile", action="store_true", help="can double the speed on some devices; takes minutes")
    args = parser.parse_args(argv)

    training.set_up(args)
    train(Trainer(args), args)


if __name__ == "__main__":
    main()
