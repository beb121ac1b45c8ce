#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measure a model folder on held-out pictures with the unmodified diffusers pipeline.

Numbers chosen so that noise and stillness cannot pass for motion:

* first: PSNR and SSIM of frame 0 against the input picture;
* explained: the best similarity (shift, zoom, turn) from the first to the last
  frame gains so many dB over no warp. Real camera motion gains some 20, a clip
  that dissolves under 1, and block matching would be fooled by both;
* zoom: the scale of that fit;
* sharpness: variance of the Laplacian, last frame to first;
* flow: mean optical flow between neighbours in pixels;
* drift: change of the mean colour from first to last frame, in 8-bit steps.

Writes a table (CSV) and a contact sheet (PNG).
"""

import argparse
import csv
import json
import pathlib
import time

import numpy as np
import torch
from PIL import Image
from scipy import ndimage, optimize


def psnr(a, b):
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-3))


def ssim(a, b):
    from skimage.metrics import structural_similarity

    return structural_similarity(a, b, channel_axis=2, data_range=255)


def grey(frame):
    return frame.astype(np.float64).mean(2)


def warp(picture, shift_y, shift_x, log_zoom, angle):
    """What the picture looks like after the camera zooms in, turns and shifts."""
    height, width = picture.shape
    inverse = np.exp(-log_zoom)
    matrix = inverse * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    return ndimage.affine_transform(
        picture, matrix, centre - matrix @ (centre + [shift_y, shift_x]), order=1, mode="nearest"
    )


def best_similarity(first, last):
    """Gain in dB of the best similarity warp over none, and its zoom."""
    a, b = ndimage.gaussian_filter(grey(first), 0.7), ndimage.gaussian_filter(grey(last), 0.7)
    inner = (slice(8, -8), slice(8, -8))

    def error(parameters, smooth=0.0):
        x, y = (ndimage.gaussian_filter(v, smooth) for v in (a, b)) if smooth else (a, b)
        return np.mean((warp(x, *parameters) - y)[inner] ** 2)

    starts = [np.array([0, 0, zoom, 0.0]) for zoom in (-0.2, 0.0, 0.1, 0.2, 0.35, 0.5)]
    best = min(starts, key=lambda p: error(p, 2.0))
    for smooth in (2.0, 0.0):
        simplex = best + np.vstack([np.zeros(4), np.diag([2, 2, 0.05, 0.02])])
        best = optimize.minimize(
            error, best, args=(smooth,), method="Nelder-Mead",
            options={"initial_simplex": simplex, "maxiter": 150, "xatol": 1e-3, "fatol": 1e-3},
        ).x
    still = np.mean((a - b)[inner] ** 2)
    return 10 * np.log10(max(still, 1e-2) / max(error(best), 1e-2)), float(np.exp(best[2]))


def sharpness(frame):
    return ndimage.laplace(grey(frame)).var()


def mean_flow(clip):
    from skimage.registration import optical_flow_ilk

    pairs = [(grey(clip[i]), grey(clip[i + 1])) for i in range(0, len(clip) - 1, 4)]
    return float(np.mean([np.hypot(*optical_flow_ilk(a, b, radius=7)).mean() for a, b in pairs]))


def measure(picture, clip):
    gain, zoom = best_similarity(clip[0], clip[-1])
    return {
        "psnr": psnr(clip[0], picture),
        "ssim": ssim(clip[0], picture),
        "explained": gain,
        "zoom": zoom,
        "sharpness": sharpness(clip[-1]) / max(sharpness(clip[0]), 1e-3),
        "flow": mean_flow(clip),
        "drift": float(np.abs(clip[-1].mean((0, 1)) - clip[0].mean((0, 1))).max()),
    }


def square(path):
    """The middle of a picture as a square: what fit=crop gives."""
    picture = Image.open(path).convert("RGB")
    side = min(picture.size)
    x, y = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((x, y, x + side, y + side))


class Model:
    def __init__(self, folder):
        from diffusers import StableVideoDiffusionPipeline

        self.settings = json.loads((pathlib.Path(folder) / "recommended.json").read_text())
        self.pipeline = StableVideoDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
        self.pipeline.set_progress_bar_config(disable=True)

    def clip(self, picture, seed=0, **changes):
        """Frames as [frames, height, width, 3] of bytes."""
        settings = dict(self.settings, **changes)
        settings["num_inference_steps"] = settings.pop("steps")
        frames = self.pipeline(picture, generator=torch.Generator().manual_seed(seed), **settings).frames[0]
        return np.stack([np.asarray(frame) for frame in frames])


def sheet(rows, path, columns=7):
    """Input and some frames of each clip, a clip a row."""
    lines = []
    for picture, clip in rows:
        chosen = np.linspace(0, len(clip) - 1, columns).round().astype(int)
        lines.append(np.concatenate([picture, np.full((len(picture), 4, 3), 255, np.uint8), *clip[chosen]], 1))
    Image.fromarray(np.concatenate(lines)).save(path)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--photos", help="folder of held-out pictures named KIND-NAME.png; drawings without it")
    parser.add_argument("--out", required=True, help="folder for table and contact sheet")
    parser.add_argument("--count", type=int, default=1000, help="so many pictures at most")
    parser.add_argument("--buckets", type=int, nargs="*", default=[], help="measure the flow at these buckets too")
    parser.add_argument("--fps", type=int, nargs="*", default=[], help="measure the flow at these rates too")
    parser.add_argument("--steps", type=int, help="instead of the recommended number")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)

    torch.set_num_threads(args.threads)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    model = Model(args.model)
    if args.steps:
        model.settings["steps"] = args.steps
    if args.photos:
        paths = sorted(pathlib.Path(args.photos).glob("*-*.png"))
        pictures = [(path.name.split("-")[0], path.stem, square(path)) for path in paths]
        if args.count < len(pictures):  # spread over the kinds
            pictures = [pictures[i] for i in np.linspace(0, len(pictures) - 1, args.count).round().astype(int)]
    else:
        import clips

        pictures = [("drawings", f"drawing-{i}", p) for i, p in enumerate(clips.Drawings(min(args.count, 4)).pictures)]

    size = (model.settings["width"], model.settings["height"])
    table, rows = [], []
    for kind, name, original in pictures:
        started = time.time()
        picture = np.asarray(original.resize(size, Image.Resampling.LANCZOS))
        clip = model.clip(original)
        row = {"kind": kind, "picture": name, **measure(picture, clip)}
        for bucket in args.buckets:
            row[f"flow bucket {bucket}"] = mean_flow(model.clip(original, motion_bucket_id=bucket))
        for fps in args.fps:
            row[f"flow fps {fps}"] = mean_flow(model.clip(original, fps=fps))
        table.append(row)
        rows.append((picture, clip))
        print(" ".join(f"{k}={v:.2f}" if isinstance(v, float) else str(v) for k, v in row.items()),
              f"{time.time() - started:.0f}s", flush=True)
    fields = list(table[0])
    mean = {"kind": "mean", "picture": f"{len(table)} pictures"}
    mean.update({f: float(np.mean([row[f] for row in table])) for f in fields[2:]})
    with (out / "evaluation.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows({k: f"{v:.3f}" if isinstance(v, float) else v for k, v in row.items()} for row in [*table, mean])
    sheet(rows, out / "contact-sheet.png")
    print(" ".join(f"{k}={v:.2f}" if isinstance(v, float) else str(v) for k, v in mean.items()))
    return mean


if __name__ == "__main__":
    main()
