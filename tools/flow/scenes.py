# SPDX-License-Identifier: LGPL-2.1-or-later
"""Synthesised motion whose truth is known at any time.

A scene is a background and sprites, each a picture under a motion that is a
function of time; a frame is rendered at 3×3 places a pixel with bicubic
sampling, so that a frame between two others is exactly what a camera would
have seen. Textures are cut from one photograph, mirrored to go on for ever.
"""
import math
from dataclasses import dataclass, field
from typing import Callable

import numpy as np

SAMPLES = 3                     # an axis of a pixel


# ---- Textures: arrays [height, width, 4], repeated with mirroring

def sample(texture, x, y):
    """Catmull-Rom at places of any range."""
    height, width = texture.shape[:2]
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)

    def weights(f):
        return (((-0.5 * f + 1) * f - 0.5) * f, (1.5 * f - 2.5) * f * f + 1,
                ((-1.5 * f + 2) * f + 0.5) * f, (0.5 * f - 0.5) * f * f)

    def mirror(i, n):
        i = np.mod(i, 2 * n)
        return np.minimum(i, 2 * n - 1 - i)

    wx, wy = weights(fx), weights(fy)
    columns = [mirror(x0 + i - 1, width) for i in range(4)]
    result = 0
    for j in range(4):
        row = mirror(y0 + j - 1, height)
        line = sum(wx[i][..., None] * texture[row, columns[i]]
                   for i in range(4))
        result = result + wy[j][..., None] * line
    return np.clip(result, 0, 1)


# ---- Layers

@dataclass
class Layer:
    """A texture under motion: pose(t) gives the place of its anchor in the
    frame (x, y), an angle and a zoom. shape(u, v) is its alpha around the
    anchor, in texture pixels; None covers the frame."""
    texture: np.ndarray
    pose: Callable
    shape: Callable = None
    anchor: tuple = (0, 0)


@dataclass
class Scene:
    name: str
    layers: list
    gain: Callable = field(default=lambda t: (1, 0))
    bars: int = 0               # black lines above and below


def render_layer(layer, x, y, t):
    px, py, angle, zoom = layer.pose(t)
    c, s = math.cos(angle) / zoom, math.sin(angle) / zoom
    u, v = c * (x - px) + s * (y - py), -s * (x - px) + c * (y - py)
    colour = sample(layer.texture, u + layer.anchor[0], v + layer.anchor[1])
    alpha = colour[..., 3]
    if layer.shape is not None:
        alpha = alpha * layer.shape(u, v)
    return colour[..., :3], alpha[..., None]


def render(scene, t, width, height):
    """The frame at a time, floats in 0…1."""
    total = np.zeros((height, width, 3), np.float64)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float64)
    for j in range(SAMPLES):
        for i in range(SAMPLES):
            x = xs + (i + 0.5) / SAMPLES - 0.5
            y = ys + (j + 0.5) / SAMPLES - 0.5
            frame = 0
            for layer in scene.layers:
                colour, alpha = render_layer(layer, x, y, t)
                frame = frame * (1 - alpha) + colour * alpha
            total += frame
    gain, offset = scene.gain(t)
    total = np.clip(total / SAMPLES ** 2 * gain + offset, 0, 1)
    if scene.bars:
        total[:scene.bars] = 0
        total[-scene.bars:] = 0
    return total


# ---- Motions and shapes

def moving(x, y, dx, dy, turn=0, grow=0):
    """From (x, y) at t = 0; turn in degrees, grow a share, per frame."""
    return lambda t: (x + dx * t, y + dy * t, math.radians(turn) * t,
                      (1 + grow) ** t)


def disc(radius):
    return lambda u, v: (u * u + v * v < radius * radius).astype(float)


def box(w, h):
    return lambda u, v: ((abs(u) < w / 2) & (abs(v) < h / 2)).astype(float)


def fence(step, thick):
    """Upright bars with a rail."""
    return lambda u, v: ((np.mod(u, step) < thick)
                         | (np.mod(v, 3 * step) < thick)).astype(float)


def spokes(n, radius, thick):
    def shape(u, v):
        r, angle = np.hypot(u, v), np.arctan2(v, u)
        off = np.abs(np.mod(angle * n / (2 * np.pi) + 0.5, 1) - 0.5)
        arc = off * 2 * np.pi / n * r
        return ((arc < thick / 2) & (r < radius)
                | (abs(r - radius) < thick / 2)).astype(float)
    return shape


def colour(r, g, b):
    return np.broadcast_to(np.array([r, g, b, 1.0], np.float32), (4, 4, 4))


def scenes(photo, width, height):
    """All scenes, for frames of a size; photo: [h, w, 3] in 0…1."""
    photo = np.dstack([photo, np.ones(photo.shape[:2])]).astype(np.float32)
    k = width / 640             # motions are those of 640 wide pictures
    w, h = width, height

    def ground(dx, dy, turn=0, grow=0):
        return Layer(photo, moving(w / 2, h / 2, dx * k, dy * k, turn, grow),
                     anchor=(photo.shape[1] / 2, photo.shape[0] / 2))

    def sprite(shape, x, y, dx, dy, turn=0, grow=0, cut=(90, 140)):
        return Layer(photo, moving(x * w, y * h, dx * k, dy * k, turn, grow),
                     shape, cut)

    def line(shape, x, y, dx, dy, turn=0, tint=(0.95, 0.9, 0.2)):
        return Layer(colour(*tint), moving(x * w, y * h, dx * k, dy * k, turn),
                     shape)

    dark = (0.08, 0.05, 0.05)
    return [
        Scene("pan", [ground(3.3, 1.7)]),
        Scene("fast pan", [ground(37.4, -12.6)]),
        Scene("very large motion", [ground(84.5, 21.3)]),
        Scene("zoom in", [ground(0, 0, grow=0.06)]),
        Scene("zoom out", [ground(2.2, 0, grow=-0.05)]),
        Scene("rotation", [ground(0, 0, turn=4)]),
        Scene("rotation and zoom", [ground(5.5, -3.5, turn=-3, grow=0.03)]),
        Scene("sprites, still background", [
            ground(0, 0),
            sprite(disc(44 * k), .3, .4, 13.5, 6.2, cut=(300, 80)),
            sprite(box(120 * k, 70 * k), .7, .6, -17.3, 4.4, turn=2)]),
        Scene("sprites over a pan", [
            ground(-11.3, 3.1),
            sprite(disc(50 * k), .35, .45, 18.6, -4.2, cut=(300, 80)),
            sprite(box(90 * k, 110 * k), .7, .5, 7.5, 9.2, turn=-3),
            sprite(disc(24 * k), .55, .75, -22.5, -7.1, cut=(420, 200))]),
        Scene("small and fast", [
            ground(1.6, 0.4),
            sprite(disc(18 * k), .25, .5, 46.5, 9.5, cut=(300, 80)),
            sprite(disc(15 * k), .8, .3, -38.5, 14.5, cut=(420, 200))]),
        Scene("occlusion", [
            ground(-14.5, 0),
            sprite(box(230 * k, 210 * k), .45, .55, 19.5, 2.5, cut=(380, 90))]),
        Scene("occlusion, large motion", [
            ground(24.2, -6.4),
            sprite(box(200 * k, 160 * k), .6, .45, -35.5, 11.5, turn=4,
                   cut=(380, 90))]),
        Scene("thin: fence before a pan", [
            ground(9.4, 1.3), line(fence(52 * k, 3 * k), .5, .5, 0, 0, tint=dark)]),
        Scene("thin: moving wires", [
            ground(1.3, 0), line(fence(74 * k, 2.4 * k), .5, .5, 7.4, 4.6)]),
        Scene("thin: turning spokes", [
            ground(4.3, 0),
            line(spokes(9, 130 * k, 3.5 * k), .45, .5, 6.2, 0, turn=5)]),
        Scene("letterbox pan", [ground(8.6, 5.4)], bars=round(45 * k)),
        Scene("fade", [
            ground(6.3, 2.2),
            sprite(disc(50 * k), .4, .5, -12.4, 3.3, cut=(300, 80))],
            gain=lambda t: (0.9 - 0.09 * t, 0)),
        Scene("mostly still", [
            ground(0, 0), sprite(disc(30 * k), .5, .5, 5.3, -3.7,
                                 cut=(300, 80))]),
    ]
