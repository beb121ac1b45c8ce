#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How well optical flow makes frames whose truth is known, beside RIFE and others:

    tools/flow/measure.py [--size 640x360] [--build build] [--pictures DIR]

Needs NumPy, Pillow and, for minterpolate, FFmpeg. For every scene of
scenes.py it renders frames at times 0…5 and the one in the middle, 2.5,
which each method then makes; prints PSNR of 8-bit RGB."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

import scenes

ROOT = pathlib.Path(__file__).resolve().parents[2]
# minterpolate looks at several frames around a pair.
TIMES, MIDDLE = range(6), 2.5
MODES = {
    "obmc": "mc_mode=obmc:me_mode=bilat",
    "aobmc": "mc_mode=aobmc:me_mode=bidir:vsbmc=1",
}


def to_bytes(frame):
    return np.floor(np.clip(frame, 0, 1) * 255 + 0.5).astype(np.uint8)


def psnr(a, b):
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return min(10 * np.log10(255 ** 2 / error), 99) if error else 99.0


def run(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE,
                          check=True).stdout


def minterpolate(frames, size, mode):
    """All frames that it makes, at twice the rate."""
    height, width = frames[0].shape[:2]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    # Planar RGB without loss is not taken: 4:4:4 keeps most of it.
    chain = (f"format=yuv444p,minterpolate=fps=20:mi_mode=mci:{MODES[mode]}"
             ":scd=none,format=rgb24")
    out = run(["ffmpeg", "-v", "error", *raw, "-r", "10", "-i", "-",
               "-vf", chain, *raw, "-"],
              b"".join(f.tobytes() for f in frames))
    return np.frombuffer(out, np.uint8).reshape(-1, height, width, 3)


def best_match(made, truth):
    """minterpolate drops frames at the start: find the one by its time."""
    return max(made, key=lambda frame: psnr(frame, truth))


def render_all(photo, width, height, folder):
    """(name, frames, truth), kept between runs."""
    for scene in scenes.scenes(photo, width, height):
        path = folder / f"{scene.name.replace(' ', '-')}-{width}x{height}.npz"
        if not path.exists():
            np.savez_compressed(
                path, frames=[to_bytes(scenes.render(scene, t, width, height))
                              for t in TIMES],
                truth=to_bytes(scenes.render(scene, MIDDLE, width, height)))
        data = np.load(path)
        yield scene.name, data["frames"], data["truth"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--cache", type=pathlib.Path,
                        default=pathlib.Path(tempfile.gettempdir())
                        / "flow-scenes")
    parser.add_argument("--pictures", type=pathlib.Path)
    parser.add_argument("--no-minterpolate", action="store_true")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    photo = np.asarray(Image.open(ROOT / "examples/photo.jpg").convert("RGB"),
                       np.float32) / 255
    args.cache.mkdir(exist_ok=True)
    cases = list(render_all(photo, width, height, args.cache))

    pairs = b"".join(frames[2].tobytes() + frames[3].tobytes()
                     for _, frames, _ in cases)
    program = [args.build / "tests/models/interpolate-pairs", str(width),
               str(height), "0.5"]
    made = [np.frombuffer(run(program + model, pairs), np.uint8)
            .reshape(-1, height, width, 3)
            for model in ([], [ROOT / "models/rife-v4.26"])]

    modes = [] if args.no_minterpolate else list(MODES)
    print(f"{'scene':28}{'blend':>8}{'flow':>8}{'rife':>8}"
          + "".join(f"{mode:>8}" for mode in modes))
    sums, worse = [], []
    for (name, frames, truth), flow, rife in zip(cases, *made):
        blend = to_bytes((frames[2] / 255 + frames[3] / 255) / 2)
        row = [psnr(picture, truth) for picture in (blend, flow, rife)]
        for mode in modes:
            row.append(psnr(best_match(minterpolate(frames, args.size, mode),
                                       truth), truth))
        sums.append(row)
        if row[1] < row[0]:
            worse.append(name)
        print(f"{name:28}" + "".join(f"{value:8.2f}" for value in row),
              flush=True)
        if args.pictures:
            args.pictures.mkdir(exist_ok=True)
            sheet = np.vstack([np.hstack([frames[2], truth]), np.hstack(
                [flow, np.clip(128 + 2 * (flow.astype(int) - truth), 0,
                               255).astype(np.uint8)])])
            Image.fromarray(sheet).save(
                args.pictures / f"{name.replace(' ', '-')}.png")
    print(f"{'mean':28}" + "".join(f"{v:8.2f}" for v in np.mean(sums, 0)))
    if worse:
        print("flow is worse than blend:", ", ".join(worse))
    return bool(worse)


if __name__ == "__main__":
    sys.exit(main())
