#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Train the UNet, and the CLIP encoder with it, on clips rendered as it goes.

Conditioning is exactly SVD's: codes of the noise-augmented picture beside the
noisy codes of the clip, [fps - 1, motion bucket, noise strength], and one
image embedding. The clip is nearly a function of these (see clips.py), so
guidance and its unconditional pass are not needed and not trained.

Checkpoints hold everything; a run that was stopped goes on where it was.
"""

import argparse
import math
import pathlib
import time

import numpy as np
import torch
from torch.nn import functional as F

import adversary
import architecture
import clips
import fast_unet
from latent_code import LatentCode
from losslog import LossLog
from muon import Average, Muon

LOW = 0.35  # part of the batch at lower noise
LOWEST, HIGHEST = architecture.SCHEDULER["sigma_min"], architecture.SCHEDULER["sigma_max"]
CLIP_MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
CLIP_DEVIATION = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


def clip_picture(pictures):
    """What diffusers gives to CLIP; enlarging needs no blur first."""
    large = F.interpolate(pictures, (224, 224), mode="bicubic", align_corners=True)
    return ((large + 1) / 2 - CLIP_MEAN) / CLIP_DEVIATION


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


class Batches:
    """Endless batches: clean codes, picture codes, CLIP pictures, ids."""

    def __init__(self, photographs, code, size, rng):
        self.photographs, self.code, self.size, self.rng = photographs, code, size, rng
        self.generator = torch.Generator().manual_seed(int(rng.integers(2**31)))

    def clip(self, numbers, controls=None):
        pixels = architecture.PICTURE_SIZE
        source = self.photographs.crop(self.rng, 2 * pixels)
        controls = controls or clips.random_controls(self.rng)
        frames = clips.render(source, controls, numbers, pixels)
        picture = frames[0]  # draw_frames always has it
        noise = torch.randn(picture.shape, generator=self.generator) * controls.noise
        codes = self.code.encode(torch.cat([frames, (picture + noise)[None]]))
        return codes[:-1], codes[-1], picture, torch.tensor(controls.ids())

    def next(self, numbers, controls=None):
        clips_drawn = (self.clip(numbers, controls) for _ in range(self.size))
        clean, picture, frames, ids = map(torch.stack, zip(*clips_drawn))
        return clean, picture, clip_picture(frames), ids


def predict(unet, noisy, picture, embedding, ids, sigma, numbers=None):
    """The clean clip as the scheduler will read it from the network's v."""
    s = sigma.view(-1, 1, 1, 1, 1)
    scaled = noisy / (s * s + 1).sqrt()
    both = torch.cat([scaled, picture[:, None].expand_as(scaled)], -1)
    v = fast_unet.forward(unet, both, 0.25 * sigma.log(), embedding, ids, numbers)
    return v, noisy / (s * s + 1) - v * s / (s * s + 1).sqrt()


def loss_of(unet, encoder, clean, noise, picture, seen, ids, sigma, numbers):
    s = sigma.view(-1, 1, 1, 1, 1)
    noisy = clean + s * noise
    embedding = encoder(pixel_values=seen).image_embeds
    v, _ = predict(unet, noisy, picture, embedding, ids, sigma, numbers)
    target = (noisy / (s * s + 1) - clean) * (s * s + 1).sqrt() / s
    return (v - target).square().mean((1, 2, 3, 4))


def regression_loss(unet, encoder, clean, picture, seen, ids, sigma, numbers):
    """The loss where noise has drowned everything: v is the clip itself, negative.

    The noisy channels are left empty, since ignoring noise would have to be learned too.
    """
    both = torch.cat([torch.zeros_like(clean), picture[:, None].expand_as(clean)], -1)
    embedding = encoder(pixel_values=seen).image_embeds
    v = fast_unet.forward(unet, both, 0.25 * sigma.log(), embedding, ids, numbers)
    return (v + clean).square().mean((1, 2, 3, 4))


def sharp_step(unet, encoder, critic, clean, picture, seen, ids, sigma, numbers):
    """As regression_loss, and back through the network with what also makes later frames sharp."""
    both = torch.cat([torch.zeros_like(clean), picture[:, None].expand_as(clean)], -1)
    embedding = encoder(pixel_values=seen).image_embeds
    made = -fast_unet.forward(unet, both, 0.25 * sigma.log(), embedding, ids, numbers)
    pull = 2 * (made.detach() - clean) / clean.numel()
    beside = adversary.surroundings(clean[:, 0], clean[:, 1:], ids, numbers[1:])
    pull[:, 1:] += adversary.push(critic, made[:, 1:].detach(), clean[:, 1:], beside, pull[:, 1:].norm())
    made.backward(pull)
    return (made.detach() - clean).square().mean((1, 2, 3, 4))


def forget_noise(unet, optimizer):
    """Let the UNet see the picture alone: its noisy input channels get weight zero."""
    weight = unet.conv_in.weight
    with torch.no_grad():
        weight[:, :architecture.LATENT_CHANNELS] = 0
        if weight in optimizer.state:
            optimizer.state[weight]["m"][:, :architecture.LATENT_CHANNELS] = 0


def karras(steps, low, high, rho=7):
    ramp = torch.linspace(0, 1, steps)
    sigmas = (high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho
    return torch.cat([sigmas, torch.zeros(1)])


@torch.no_grad()
def sample(unet, encoder, picture, seen, ids, steps, seed=0):
    """Euler steps as the pipeline takes them, in codes."""
    embedding = encoder(pixel_values=seen).image_embeds
    sigmas = karras(steps, architecture.SCHEDULER["sigma_min"], architecture.SCHEDULER["sigma_max"])
    generator = torch.Generator().manual_seed(seed)
    shape = (picture.shape[0], architecture.FRAMES, *picture.shape[1:])
    x = torch.randn(shape, generator=generator) * (sigmas[0] ** 2 + 1).sqrt()
    for now, after in zip(sigmas[:-1], sigmas[1:]):
        _, clean = predict(unet, x, picture, embedding, ids, now.expand(shape[0]))
        x = clean + (after / now) * (x - clean)
    return x


def gains(clean, made):
    """How much nearer to the true clip than a still picture, in dB, at the last frame; and frame 0's error."""
    still = (clean[:, -1] - clean[:, 0]).square().mean((1, 2, 3))
    moved = (clean[:, -1] - made[:, -1]).square().mean((1, 2, 3))
    first = (clean[:, 0] - made[:, 0]).square().mean((1, 2, 3))
    return float(10 * (still / moved).log10().mean()), float(-10 * first.log10().mean())


def rate(fraction, step, tail):
    """Warm up, hold, and come down straight to zero over the last part of the time."""
    return min(1, (step + 1) / 60, max(0.0, (1 - fraction) / tail))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="folder of checkpoints, with latent_code.pt in it")
    parser.add_argument("--start", help="model folder to go on from, where there is no checkpoint yet")
    parser.add_argument("--photos", help="folder of photographs; without it drawings are used")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--steps", type=int, default=10**9, help="stop earlier after so many steps")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--frames", type=int, default=architecture.FRAMES, help="frames of each clip to train on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.01, help="Muon's learning rate")
    parser.add_argument("--tail", type=float, default=0.35, help="part of the time over which the rate falls")
    parser.add_argument("--regress", action="store_true", help="predict the clip from the picture alone, in one step")
    parser.add_argument("--sharpen", action="store_true", help="with --regress: a critic keeps later frames sharp")
    parser.add_argument("--compile", action="store_true", help="can double the speed on CPUs with bfloat16; takes minutes")
    args = parser.parse_args(argv)
    if args.sharpen and not args.regress:
        parser.error("--sharpen needs --regress: the critic judges clips predicted in one step")

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    out = pathlib.Path(args.out)
    checkpoint = out / "denoiser.pt"
    code = LatentCode.load(out / "latent_code.pt")
    unet, encoder = architecture.make_unet(), architecture.make_clip()
    modules = {"unet": unet, "clip": encoder}
    if args.start and not checkpoint.exists():
        for name, part in (("unet", "unet"), ("clip", "image_encoder")):
            architecture.load_weights(modules[name], args.start, part)
    parameters = [p for m in modules.values() for p in m.parameters()]
    for p in parameters:
        if p.dim() == 4:
            p.data = p.data.contiguous(memory_format=torch.channels_last)
    optimizer, average = Muon(parameters, lr=args.rate), Average(modules)
    critic = adversary.Critic()
    step, spent = 0, 0.0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        for name, module in modules.items():
            module.load_state_dict(saved["now"][name])
        optimizer.load_state_dict(saved["optimizer"])
        optimizer.set_rate(args.rate)
        average.state, average.steps = saved["average"], saved["average_steps"]
        if "critic" in saved:
            critic.load_state(saved["critic"])
        step, spent = saved["step"], saved["spent"]
        print(f"resumed at step {step}")

    train = clips.open_photographs(args.photos)
    batches = Batches(train, code, args.batch, np.random.default_rng([args.seed, step]))
    rng = np.random.default_rng([args.seed, step, 1])
    check = Batches(train, code, 4, np.random.default_rng(7)).next(torch.arange(architecture.FRAMES), clips.Controls())
    compute = regression_loss if args.regress else loss_of
    if args.compile:
        compute = torch.compile(compute, dynamic=False)
    if args.regress:
        forget_noise(unet, optimizer)
        average.state["unet"]["conv_in.weight"][:, :architecture.LATENT_CHANNELS] = 0
    log = LossLog(out / "denoiser.csv", ["loss", "high", "middle", "low", "rate", "one_step", "sampled", "first"])
    averaged = {"unet": architecture.make_unet(), "clip": architecture.make_clip()}

    def save():
        temporary = checkpoint.with_suffix(".new")
        torch.save({
            "now": {name: module.state_dict() for name, module in modules.items()},
            "average": average.state, "average_steps": average.steps,
            "optimizer": optimizer.state_dict(), "step": step, "spent": spent,
            "critic": critic.state(),
        }, temporary)
        temporary.replace(checkpoint)

    def measure():
        for name, module in averaged.items():
            module.load_state_dict(average.state[name])
        clean, picture, seen, ids = check
        one, first = gains(clean, sample(averaged["unet"], averaged["clip"], picture, seen, ids, 1))
        if args.regress:
            return {"one_step": one, "first": first}
        several, first = gains(clean, sample(averaged["unet"], averaged["clip"], picture, seen, ids, 6))
        return {"one_step": one, "sampled": several, "first": first}

    losses, bins = [], {"high": [], "middle": [], "low": []}
    last_log = last_measure = last_save = time.time()
    stop_step = step + args.steps
    while spent < args.minutes * 60 and step < stop_step:
        started = time.time()
        factor = rate(spent / (args.minutes * 60), step, args.tail)
        optimizer.scale(factor)
        numbers = draw_frames(args.frames, rng)
        clean, picture, seen, ids = batches.next(numbers)
        optimizer.zero_grad(set_to_none=True)
        if args.regress:
            sigma = torch.from_numpy(rng.uniform(math.log(LOWEST), math.log(HIGHEST), args.batch)).float().exp()
        else:
            sigma = draw_sigmas(args.batch, rng)
        if args.sharpen:
            each = sharp_step(unet, encoder, critic, clean, picture, seen, ids, sigma, numbers)
        else:
            noise = () if args.regress else (torch.randn_like(clean),)
            each = compute(unet, encoder, clean, *noise, picture, seen, ids, sigma, numbers)
            each.mean().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        average.update()
        step += 1
        losses.append(float(each.detach().mean()))
        for value, s in zip(each.tolist(), sigma.tolist()):
            bins["high" if s > 5 else "middle" if s > 0.7 else "low"].append(value)
        spent += time.time() - started
        if time.time() - last_log > 60 or step == stop_step:
            means = {name: float(np.mean(values)) for name, values in bins.items() if values}
            if time.time() - last_measure > 240 or step == stop_step:
                means.update(measure())
                last_measure = time.time()
            log.write("denoiser", step, loss=float(np.mean(losses)), rate=factor, **means)
            losses, bins = [], {name: [] for name in bins}
            last_log = time.time()
        if time.time() - last_save > 180:
            save()
            last_save = time.time()
    save()
    log.plot()


if __name__ == "__main__":
    main()
