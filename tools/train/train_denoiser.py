#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Train the UNet, and the CLIP encoder with it, on clips rendered as it goes.

Conditioning is exactly SVD's: codes of the noise-augmented picture beside the
noisy codes of the clip, [fps - 1, motion bucket, noise strength], and one
image embedding. The clip is nearly a function of these (see clips.py), so
guidance and its unconditional pass are not needed and not trained.

Checkpoints hold everything; a run that was stopped goes on where it was.
"""

import math
import pathlib
import time
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

import adversary
import architecture
import clips
import fast_unet
import training
from latent_code import LatentCode
from losslog import LossLog
from muon import Average, Muon
from training import channels_last, compiled, rate

LOW = 0.35  # part of the batch at lower noise
LOWEST, HIGHEST = architecture.SCHEDULER["sigma_min"], architecture.SCHEDULER["sigma_max"]
CLIP_MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
CLIP_DEVIATION = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


def clip_picture(pictures):
    """What diffusers gives to CLIP; enlarging needs no blur first."""
    large = F.interpolate(pictures, (224, 224), mode="bicubic", align_corners=True)
    return ((large + 1) / 2 - CLIP_MEAN.to(large.device)) / CLIP_DEVIATION.to(large.device)


def draw_sigmas(count, rng):
    """Noise levels spread evenly over their distribution, so that each batch has all kinds.

    Most of the weight is on noise so high that the network has only the picture
    and must decide the whole move: what is learned there counts at every level.
    The rest serves the last few steps.
    """
    quantiles = torch.from_numpy((rng.permutation(count) + rng.random(count)) / count).float()
    high = math.log(6) + (math.log(60) - math.log(6)) * (quantiles - LOW) / (1 - LOW)
    low = 0.3 + 1.2 * math.sqrt(2) * torch.erfinv((2 * quantiles / LOW - 1).clamp(-0.999, 0.999))
    return torch.where(quantiles < LOW, low, high).exp()


def draw_frames(count, rng):
    """Which frames of the clip to show: the first, and the others spread over the rest.

    Neighbouring frames teach nearly the same. With a few of them, each under
    its own frame number, a step costs a third and more pictures are seen.
    """
    if count >= architecture.FRAMES:
        return torch.arange(architecture.FRAMES)
    edges = np.linspace(1, architecture.FRAMES, count)
    return torch.tensor([0, *(int(rng.uniform(a, b)) for a, b in zip(edges[:-1], edges[1:]))])


class Batch(NamedTuple):
    frames: torch.Tensor  # of the clips
    shown: torch.Tensor  # the noise-augmented pictures
    clean: torch.Tensor  # codes of the clips
    picture: torch.Tensor  # codes of the noise-augmented pictures
    seen: torch.Tensor  # what CLIP sees
    ids: torch.Tensor  # [fps - 1, motion bucket, noise strength]
    controls: list


class Batches:
    """Endless batches; photographs are cropped by threads, all else happens on the code's device."""

    def __init__(self, photographs, code, size, seed, threads=1):
        self.code, self.device = code, code.mean.device
        self.ahead = clips.Ahead(lambda rng, batch: self.draw(photographs, rng, batch), size, seed, threads)

    def draw(self, photographs, rng, batch):
        """All of a batch have one size."""
        width, height = architecture.SIZES[batch % len(architecture.SIZES)]
        noise = torch.from_numpy(rng.standard_normal((3, height, width), np.float32))
        return photographs.crop(rng, 2 * width, 2 * height), noise, clips.random_controls(rng)

    def next(self, numbers, alike=None):
        """Clips of the frames numbered so; alike: controls for all of them."""
        crops, noise, controls = zip(*self.ahead.next())
        controls = [alike] * len(controls) if alike else list(controls)
        sources, noise = (torch.stack(x).to(self.device) for x in (crops, noise))
        frames = clips.render(sources, controls, numbers)
        picture = frames[:, 0]  # draw_frames always has it
        strength = torch.tensor([c.noise for c in controls], device=self.device).view(-1, 1, 1, 1)
        shown = picture + strength * noise
        clean = self.code.encode(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        ids = torch.tensor([c.ids() for c in controls], device=self.device)
        return Batch(frames, shown, clean, self.code.encode(shown), clip_picture(picture), ids, controls)


def predict(unet, noisy, picture, embedding, ids, sigma, numbers=None):
    """The clean clip as the scheduler will read it from the network's v."""
    s = sigma.view(-1, 1, 1, 1, 1)
    scaled = noisy / (s * s + 1).sqrt()
    both = torch.cat([scaled, picture[:, None].expand_as(scaled)], -1)
    v = fast_unet.forward(unet, both, 0.25 * sigma.log(), embedding, ids, numbers)
    return v, noisy / (s * s + 1) - v * s / (s * s + 1).sqrt()


def loss_of(unet, encoder, batch, sigma, numbers):
    s = sigma.view(-1, 1, 1, 1, 1)
    noisy = batch.clean + s * torch.randn_like(batch.clean)
    embedding = encoder(pixel_values=batch.seen).image_embeds
    v, _ = predict(unet, noisy, batch.picture, embedding, batch.ids, sigma, numbers)
    target = (noisy / (s * s + 1) - batch.clean) * (s * s + 1).sqrt() / s
    return (v - target).square().mean((1, 2, 3, 4))


def imagine(unet, encoder, picture, seen, ids, sigma, numbers):
    """The clip from the picture alone, where noise has drowned everything: v is the clip itself, negative.

    The noisy channels are left empty, since ignoring noise would have to be learned too.
    """
    pictures = picture[:, None].expand(-1, len(numbers), -1, -1, -1)
    both = torch.cat([torch.zeros_like(pictures), pictures], -1)
    embedding = encoder(pixel_values=seen).image_embeds
    return -fast_unet.forward(unet, both, 0.25 * sigma.log(), embedding, ids, numbers)


def sharp_pull(critic, made, batch, numbers):
    """Gradient at predicted codes of the squared error and of what makes later frames sharp."""
    error = made - batch.clean
    pull = 2 * (error + adversary.TONE_PART * adversary.tone(error)) / error.numel()
    beside = adversary.surroundings(batch.clean[:, 0], batch.clean[:, 1:], batch.controls, numbers[1:])
    pull[:, 1:] += adversary.push(critic, made[:, 1:], batch.clean[:, 1:], beside, pull[:, 1:].norm())
    return pull


def karras(steps, low, high, rho=7):
    ramp = torch.linspace(0, 1, steps)
    sigmas = (high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho
    return torch.cat([sigmas, torch.zeros(1)])


@torch.no_grad()
def sample(unet, encoder, batch, steps, seed=0):
    """Euler steps as the pipeline takes them, in codes."""
    embedding = encoder(pixel_values=batch.seen).image_embeds
    sigmas = karras(steps, LOWEST, HIGHEST)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch.clean.shape, generator=generator).to(batch.clean.device) * (sigmas[0] ** 2 + 1).sqrt()
    for now, after in zip(sigmas[:-1], sigmas[1:]):
        _, clean = predict(unet, x, batch.picture, embedding, batch.ids, now.to(x.device).expand(len(x)))
        x = clean + (after / now) * (x - clean)
    return x


def gains(clean, made):
    """How much nearer to the true clip than a still picture, in dB, at the last frame; and frame 0's error."""
    still = (clean[:, -1] - clean[:, 0]).square().mean((1, 2, 3))
    moved = (clean[:, -1] - made[:, -1]).square().mean((1, 2, 3))
    first = (clean[:, 0] - made[:, 0]).square().mean((1, 2, 3))
    return float(10 * (still / moved).log10().mean()), float(-10 * first.log10().mean())


class Trainer(training.Trainer):
    """Of the UNet and the CLIP encoder, with the critic."""

    def __init__(self, args):
        self.args, self.device = args, torch.device(args.device)
        out = pathlib.Path(args.out)
        checkpoint = out / "denoiser.pt"
        self.code = LatentCode.load(out / "latent_code.pt").to(self.device)
        modules = self.make_networks()
        if args.start and not checkpoint.exists():
            for name, part in (("unet", "unet"), ("clip", "image_encoder")):
                architecture.load_weights(modules[name], args.start, part)
        self.parameters = [p for m in modules.values() for p in m.parameters()]
        channels_last(self.parameters)
        super().__init__(checkpoint, modules, Muon(self.parameters, lr=args.rate), Average(modules))
        self.critic = adversary.Critic(self.device)
        self.resume(args.rate, self.device)
        if args.regress:
            self.forget_noise()
        self.seed = [args.seed, self.step]
        self.rng = np.random.default_rng([*self.seed, 1])
        self.imagine, self.loss_of = compiled((imagine, loss_of), args.compile)

    def make_networks(self):
        return {"unet": architecture.make_unet().to(self.device), "clip": architecture.make_clip().to(self.device)}

    def state(self):
        return {**super().state(), "critic": self.critic.state()}

    def restore(self, saved):
        super().restore(saved)
        self.critic.load_state(saved["critic"])

    def forget_noise(self):
        """Let the UNet see the picture alone: its noisy input channels get weight zero."""
        weight, noisy = self.modules["unet"].conv_in.weight, slice(architecture.LATENT_CHANNELS)
        with torch.no_grad():
            weight[:, noisy] = 0
            self.average.state["unet"]["conv_in.weight"][:, noisy] = 0
            if weight in self.optimizer.state:
                self.optimizer.state[weight]["m"][:, noisy] = 0

    def draw_sigmas(self):
        if not self.args.regress:
            return draw_sigmas(self.args.batch, self.rng).to(self.device)
        logs = self.rng.uniform(math.log(LOWEST), math.log(HIGHEST), self.args.batch)
        return torch.from_numpy(logs).float().exp().to(self.device)

    def learn(self, batch, sigma, numbers):
        """Forward and back; returns each clip's squared error."""
        networks = self.modules["unet"], self.modules["clip"]
        if not self.args.regress:
            each = self.loss_of(*networks, batch, sigma, numbers)
            each.mean().backward()
            return each.detach()
        made = self.imagine(*networks, batch.picture, batch.seen, batch.ids, sigma, numbers)
        error = made.detach() - batch.clean
        sharpen = self.args.sharpen
        made.backward(sharp_pull(self.critic, made.detach(), batch, numbers) if sharpen else 2 * error / error.numel())
        return error.square().mean((1, 2, 3, 4))

    def take_step(self, batches):
        """One step of training; returns each clip's squared error and noise level."""
        started = time.time()
        factor = rate(self.spent / (self.args.minutes * 60), self.step, self.args.tail)
        self.optimizer.scale(factor)
        numbers = draw_frames(self.args.frames, self.rng).to(self.device)
        self.optimizer.zero_grad(set_to_none=True)
        sigma = self.draw_sigmas()
        each = self.learn(batches.next(numbers), sigma, numbers).tolist()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.average.update()
        self.step += 1
        self.spent += time.time() - started
        return each, sigma.tolist(), factor

    def measure(self, check):
        averaged = self.make_networks()
        for name, module in averaged.items():
            module.load_state_dict(self.average.state[name])
        means = {}
        for name, steps in (("one_step", 1),) if self.args.regress else (("one_step", 1), ("sampled", 6)):
            made = sample(averaged["unet"], averaged["clip"], check, steps)
            means[name], means["first"] = gains(check.clean, made)
        return means


def train(trainer, args):
    photographs = clips.open_photographs(args.photos)
    batches = Batches(photographs, trainer.code, args.batch, trainer.seed, args.threads)
    every = torch.arange(architecture.FRAMES, device=trainer.device)
    check = Batches(photographs, trainer.code, 4, [7]).next(every, clips.Controls())
    log = LossLog(pathlib.Path(args.out) / "denoiser.csv",
                  ["loss", "high", "middle", "low", "rate", "one_step", "sampled", "first"])
    losses, bins = [], {"high": [], "middle": [], "low": []}
    last_log = last_measure = last_save = time.time()
    stop_step = trainer.step + args.steps
    while trainer.spent < args.minutes * 60 and trainer.step < stop_step:
        each, sigma, factor = trainer.take_step(batches)
        losses += each
        for value, s in zip(each, sigma):
            bins["high" if s > 5 else "middle" if s > 0.7 else "low"].append(value)
        ended = trainer.step == stop_step
        if time.time() - last_log > 60 or ended:
            means = {name: float(np.mean(values)) for name, values in bins.items() if values}
            if time.time() - last_measure > 240 or ended:
                means.update(trainer.measure(check))
                last_measure = time.time()
            log.write("denoiser", trainer.step, loss=float(np.mean(losses)), rate=factor, **means)
            losses, bins = [], {name: [] for name in bins}
            last_log = time.time()
        if time.time() - last_save > 180:
            trainer.save()
            last_save = time.time()
    trainer.save()
    log.plot()


def main(argv=None):
    parser = training.parser(__doc__, minutes=90, batch=4, rate=0.01)
    parser.add_argument("--start", help="model folder to go on from, where there is no checkpoint yet")
    parser.add_argument("--frames", type=int, default=architecture.FRAMES, help="frames of each clip to train on")
    parser.add_argument("--tail", type=float, default=0.35, help="part of the time over which the rate falls")
    parser.add_argument("--regress", action="store_true", help="predict the clip from the picture alone, in one step")
    parser.add_argument("--sharpen", action="store_true", help="with --regress: a critic keeps later frames sharp")
    parser.add_argument("--compile", action="store_true", help="can double the speed on some devices; takes minutes")
    args = parser.parse_args(argv)
    if args.sharpen and not args.regress:
        parser.error("--sharpen needs --regress: the critic judges clips predicted in one step")

    training.set_up(args)
    train(Trainer(args), args)


if __name__ == "__main__":
    main()
