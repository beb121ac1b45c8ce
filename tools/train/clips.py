# SPDX-License-Identifier: LGPL-2.1-or-later
"""Render training clips: a camera pushes into a photograph, near things faster than far ones.

A small network learns one move well or many badly, so this is one move, and
the clip is a function of the picture and of the three controls alone:

* the camera goes straight ahead, towards the centre;
* how near a point is depends on its height in the picture only (lower is
  nearer, as on any ground one stands on), so nothing has to be guessed;
* motion_bucket_id sets the speed (0: none, 127: clear, 255: strong), and fps
  says how far apart in time the frames are: the same move in smaller steps.

Going forward never uncovers anything outside the picture. Frames are rendered
from a source of twice the size, so the details that come near are real.
"""

import math
import pathlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

SPEED = 0.05  # of the distance to the middle of the scene, a second, at bucket 127
FURTHEST = 0.45  # never closer than this to the middle: the move slows down softly
FAR, NEAR = 0.7, 1.4  # 1/depth at the top and at the bottom of the picture


@dataclass
class Controls:
    """What a user sets, as numbers; one of each a clip."""

    fps: float = 7
    bucket: float = 127
    noise: float = 0.02

    def ids(self):
        """The numbers in the order that diffusers gives them to the network."""
        return [self.fps - 1, self.bucket, self.noise]


def random_controls(rng):
    """Mostly the defaults: that is what nearly everyone will see; strong moves are the hardest to learn."""
    fps = 7 if rng.random() < 0.7 else int(round(math.exp(rng.uniform(math.log(4), math.log(30)))))
    draw = rng.random()
    bucket = 127 if draw < 0.4 else 0 if draw < 0.45 else int(rng.integers(160 if draw < 0.65 else 0, 256))
    noise = 0.02 if rng.random() < 0.7 else float(math.exp(rng.uniform(math.log(0.005), math.log(0.2))))
    return Controls(fps, bucket, noise)


def travel(controls, frames):
    """How far the camera of each clip has gone at each of the frames (a tensor of numbers): [clips, frames]."""
    speed = torch.tensor([SPEED * c.bucket / 127 / c.fps for c in controls], device=frames.device)
    return FURTHEST * (1 - torch.exp(-speed[:, None] * frames / FURTHEST))


def inverse_depth(y):
    """1/depth of a point of the first frame; y from -1 (top) to 1 (bottom)."""
    return FAR + (NEAR - FAR) * torch.sigmoid(4 * (y - 0.1))


def sample_points(controls, frames, width, height):
    """For every pixel of every frame where it was in the first: [clips, frames, height, width, 2] in -1..1."""
    x, y = ((torch.arange(size, device=frames.device) + 0.5) * 2 / size - 1 for size in (width, height))
    y = y[:, None]
    gone = travel(controls, frames)[..., None, None]
    source = y
    for _ in range(6):  # depth belongs to the source point: a few rounds settle it
        source = y * (1 - gone * inverse_depth(source))
    near = 1 - gone * inverse_depth(source)
    return torch.stack(torch.broadcast_tensors(x * near, y * near), -1)


def render(sources, controls, frames):
    """sources: [clips, 3, 2·height, 2·width], controls: one each; frames: which; [clips, frames, 3, height, width]."""
    # At twice the size a bilinear sample of the first frame is the mean of four pixels.
    height, width = (size // 2 for size in sources.shape[-2:])
    grid = sample_points(controls, frames, width, height).flatten(1, 2)  # one frame below the other
    found = F.grid_sample(sources, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found.unflatten(2, (len(frames), height)).transpose(1, 2)


class Photographs:
    """Random crops of photographs, with mild changes of shape and colour."""

    def __init__(self, paths):
        self.pictures = [Image.open(path).convert("RGB").copy() for path in paths]

    def crop(self, rng, width, height):
        """A tensor [3, height, width] in -1..1."""
        picture = self.pictures[rng.integers(len(self.pictures))]
        scale = min(picture.width / width, picture.height / height) * rng.uniform(0.55, 1.0)
        stretch = math.exp(rng.uniform(-0.25, 0.25))
        w, h = min(picture.width, width * scale * stretch), min(picture.height, height * scale / stretch)
        x, y = rng.uniform(0, picture.width - w), rng.uniform(0, picture.height - h)
        picture = picture.resize((width, height), Image.Resampling.BICUBIC, box=(x, y, x + w, y + h), reducing_gap=2)
        pixels = np.asarray(picture, dtype=np.float32) / 255
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
        gains = np.exp(rng.normal(0, 0.08, 3) + rng.normal(0, 0.12)).astype(np.float32)
        pixels = np.clip(pixels * gains, 0, 1) ** np.float32(math.exp(rng.normal(0, 0.15)))
        if rng.random() < 0.05:
            pixels = np.repeat(pixels.mean(2, keepdims=True), 3, 2)
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))) * 2 - 1


class Drawings(Photographs):
    """Coloured discs and stripes in place of photographs, for tests that download nothing."""

    def __init__(self, count=4, size=320, seed=0):
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[0:size, 0:size] / size
        self.pictures = []
        for _ in range(count):
            pixels = np.stack([0.5 + 0.3 * np.sin(rng.uniform(2, 20) * (x * rng.normal() + y)) for _ in range(3)], 2)
            for _ in range(12):
                cx, cy, radius = rng.random(), rng.random(), rng.uniform(0.03, 0.2)
                pixels[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = rng.random(3)
            self.pictures.append(Image.fromarray((pixels * 255).astype(np.uint8)))


def open_photographs(folder):
    """Photographs of a folder; drawings where there is none."""
    paths = sorted(pathlib.Path(folder).glob("*.jpg")) if folder else []
    return Photographs(paths) if paths else Drawings()


class Ahead:
    """What make(rng, batch) gives, many at a time, made by threads while the network learns from those before.

    Each has random numbers of its own, so what comes does not depend on the threads.
    """

    def __init__(self, make, count, seed, threads):
        self.make, self.count, self.seed = make, count, seed
        self.pool, self.drawn = ThreadPoolExecutor(threads), 0
        self.coming = self.start(0)

    def start(self, number):
        rngs = (np.random.default_rng([*self.seed, number, i]) for i in range(self.count))
        return [self.pool.submit(self.make, rng, number) for rng in rngs]

    def next(self):
        found = [job.result() for job in self.coming]
        self.drawn += 1
        self.coming = self.start(self.drawn)
        return found
