# SPDX-License-Identifier: LGPL-2.1-or-later
"""Synthetic pictures: smooth shapes, hard edges and texture, from a seed."""

import numpy as np
from PIL import Image


def draw(width, height, seed):
    """A picture (uint8, RGB) with something to lose at every scale."""
    rng = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    y, x = y / max(height - 1, 1), x / max(width - 1, 1)
    top, bottom = rng.uniform(40, 220, 3), rng.uniform(40, 220, 3)
    canvas = top + (bottom - top) * y[..., None]
    for _ in range(5):
        cx, cy, rx, ry = rng.uniform(0.1, 0.9, 4) * [1, 1, 0.5, 0.5]
        colour, soft = rng.uniform(0, 255, 3), rng.uniform(0.01, 0.3)
        distance = np.hypot((x - cx) / rx, (y - cy) / ry)
        cover = 1 / (1 + np.exp(np.clip((distance - 1) / soft, -60, 60)))
        canvas += (colour - canvas) * cover[..., None]
    waves = np.sin(x * rng.uniform(20, 60) + y * rng.uniform(20, 60))
    canvas += 12 * waves[..., None] + rng.normal(0, 6, canvas.shape)
    return Image.fromarray(canvas.clip(0, 255).round().astype(np.uint8))
