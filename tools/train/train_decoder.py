#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Teach the decoder what the denoiser makes: frames with the detail of true ones.

The denoiser's codes of later frames lack detail and have faults of their own. The
decoder, which does nine tenths of a clip's work and has only learned to invert a
linear code, can tell such codes from exact ones and mend them: it goes on learning from the
denoiser's clips, to come near the true frames (log MSE) with as much fine detail
as they have. Its temporal branches stay neutral, so that nothing can flicker.

It is trained last, with denoiser.pt and autoencoder.pt of the same folder.
"""

import pathlib
import time

import numpy as np
import torch
from torch.nn import functional as F

import architecture
import clips
import export
import fast_autoencoder
import train_denoiser
import training
from latent_code import LatentCode
from losslog import LossLog
from muon import Average, Muon
from train_autoencoder import DECIBELS, log_error, trained_parameters
from training import rate

DETAIL_WEIGHT = 0.5
ENCODED_WEIGHT = 2.0  # what else it does must not be lost
WINDOW, STRIDE = 16, 8  # pixels
TAIL = 0.5  # part of the time over which the rate falls


def detail(pictures):
    """Energy of the Laplacian of grey pictures in windows, [n, height, width, 3] to [n, windows]."""
    grey = pictures.mean(-1)[:, None]
    neighbours = grey[..., 2:, 1:-1] + grey[..., :-2, 1:-1] + grey[..., 1:-1, 2:] + grey[..., 1:-1, :-2]
    laplacian = neighbours - 4 * grey[..., 1:-1, 1:-1]
    return F.avg_pool2d(laplacian.square(), WINDOW, STRIDE).flatten(1)


def detail_loss(made, wanted):
    """Squared log ratio of both energies; less counts where the picture is smooth."""
    made, wanted = detail(made), detail(wanted)
    floor = 0.5 * wanted.mean(1, keepdim=True) + 1e-4
    return ((made + floor) / (wanted + floor)).log().square().mean()


def losses(made, wanted):
    """Of encoded frames, of first ones and of later ones, and of these ones' detail; [clips, 3, height, width, 3]."""
    encoded, first, later = (log_error(made[:, i:i + 1], wanted[:, i:i + 1]) for i in range(3))
    return encoded, first, later, detail_loss(made[:, 2], wanted[:, 2])


class Trainer(training.Trainer):
    """Of the decoder, with the denoiser that makes its codes."""

    def __init__(self, args):
        self.args, device = args, torch.device(args.device)
        out = pathlib.Path(args.out)
        self.code = LatentCode.load(out / "latent_code.pt").to(device)
        parts = {name: part.to(device) for name, part in export.load_parts(out).items()}
        self.autoencoder, self.unet, self.clip = parts["autoencoder"], parts["unet"], parts["clip"]
        self.parameters = trained_parameters(self.autoencoder.decoder, "decoder.")
        modules = {"autoencoder": self.autoencoder}
        optimizer = Muon(self.parameters, lr=args.rate, adam_lr=3e-4)
        super().__init__(out / "decoder.pt", modules, optimizer, Average(modules, 0.99))
        self.resume(args.rate, device)
        self.every = torch.arange(architecture.FRAMES, device=device)
        self.sigma = torch.full((args.batch,), train_denoiser.HIGHEST, device=device)
        self.seed = [args.seed, self.step]
        self.rng = np.random.default_rng([*self.seed, 1])

    @torch.no_grad()
    def draw(self, batches):
        """Codes and what is to come of them: a true frame's, which the decoder is not to forget, a first and a later
        frame's as the pipeline makes them from the picture; [clips, 3, height, width, channels]."""
        batch, number = batches.next(self.every), int(self.rng.integers(1, architecture.FRAMES))
        frames = batch.frames[:, [number, 0, number]].permute(0, 1, 3, 4, 2)
        shown = torch.stack([frames[:, 0], batch.shown.permute(0, 2, 3, 1)], 1)
        codes, picture = fast_autoencoder.encode(self.autoencoder, shown).unbind(1)
        made = train_denoiser.imagine(self.unet, self.clip, picture, batch.seen, batch.ids, self.sigma, self.every)
        return torch.stack([codes, made[:, 0], made[:, number]], 1), frames

    def take_step(self, batches):
        started = time.time()
        self.optimizer.scale(rate(self.spent / (self.args.minutes * 60), self.step, TAIL))
        codes, frames = self.draw(batches)
        made = fast_autoencoder.decode(self.autoencoder, codes, temporal=False)
        encoded, first, later, kept = losses(made, frames)
        self.optimizer.zero_grad(set_to_none=True)
        (ENCODED_WEIGHT * encoded + first + later + DETAIL_WEIGHT * kept).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.average.update()
        self.step += 1
        self.spent += time.time() - started
        return {
            "encoded_db": encoded.item() * DECIBELS + 6.02, "first_db": first.item() * DECIBELS + 6.02,
            "later_db": later.item() * DECIBELS + 6.02, "detail": kept.item(),
        }


def train(trainer, args):
    photographs = clips.open_photographs(args.photos)
    batches = train_denoiser.Batches(photographs, trainer.code, args.batch, trainer.seed, args.threads)
    log = LossLog(pathlib.Path(args.out) / "decoder.csv", ["encoded_db", "first_db", "later_db", "detail"])
    seen, last = [], time.time()
    stop_step = trainer.step + args.steps
    while trainer.spent < args.minutes * 60 and trainer.step < stop_step:
        seen.append(trainer.take_step(batches))
        if time.time() - last > 60 or trainer.step == stop_step:
            log.write("decoder", trainer.step, **{k: sum(s[k] for s in seen) / len(seen) for k in seen[0]})
            trainer.save()
            seen, last = [], time.time()
    trainer.save()
    log.plot()


def main(argv=None):
    args = training.parser(__doc__, minutes=45, batch=2, rate=0.005).parse_args(argv)

    training.set_up(args)
    train(Trainer(args), args)


if __name__ == "__main__":
    main()
