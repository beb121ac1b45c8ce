#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measure a model folder on held-out pictures, with the elements that users run.

Every clip comes out of svdbin in gst-launch-1.0. Beside it stands the same
motion rendered exactly from the same picture, for figures without a scale of
their own.

Writes into OUT: clips.csv (a line a clip), summary.json (means and gates),
contact-sheet.png, and the clips. Clips newer than the model's weights are not
made again, so that an interrupted run goes on where it was.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image

import architecture
import clips
import measures

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCE_SIZE = 256  # of the pictures that svdbin gets and exact clips are rendered from
TOGETHER = 9  # clips made by one gst-launch-1.0
RGB = ["!", "videoconvert", "!", "video/x-raw,format=RGB"]
FACTOR, CHANNELS = architecture.FACTOR, architecture.LATENT_CHANNELS
DEFAULT = clips.Controls()
BUCKETS = [clips.Controls(bucket=bucket) for bucket in (0, 64, 191, 255)]
RATES = [clips.Controls(fps=fps) for fps in (14, 25)]
FIGURES = ["psnr", "ssim", "explained", "zoom", "sharpness", "flow", "warp", "drift"]


def square(path):
    """The middle of a picture as a square: what fit=crop gives."""
    picture = Image.open(path).convert("RGB")
    side = min(picture.size)
    x, y = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((x, y, x + side, y + side))


class Picture:
    """A held-out picture, named KIND-NAME.png."""

    def __init__(self, name, original, size):
        self.name, self.kind = name, name.split("-")[0]
        self.source = np.asarray(original.resize((SOURCE_SIZE, SOURCE_SIZE), Image.Resampling.LANCZOS))
        self.small = np.asarray(original.resize((size, size), Image.Resampling.LANCZOS))

    def exact(self, controls, frames):
        source = torch.from_numpy(self.source.copy()).permute(2, 0, 1) / 127.5 - 1
        rendered = clips.render(source[None], [controls], torch.arange(frames))[0]
        return ((rendered.permute(0, 2, 3, 1).clamp(-1, 1) + 1) * 127.5).round().byte().numpy()


class Elements:
    """svdbin with a model folder."""

    def __init__(self, model, out):
        self.model, self.out = pathlib.Path(model).resolve(), out
        settings = json.loads((self.model / "recommended.json").read_text())
        self.shape = settings["num_frames"], settings["height"], settings["width"], 3
        self.weights_made = max(path.stat().st_mtime for path in self.model.glob("*/*.safetensors"))
        build = os.environ.get("BUILD", ROOT / "build")
        self.environment = dict({"GST_PLUGIN_PATH": f"{build}/gst/svd"}, **os.environ)
        inspect = subprocess.run(["gst-inspect-1.0", "svdbin"], env=self.environment, capture_output=True)
        if inspect.returncode:
            sys.exit(f"There is no svdbin in {self.environment['GST_PLUGIN_PATH']}: "
                     "build gst-svd with tools/setup, or name its build folder in $BUILD.")

    def launch(self, source, *elements):
        """What a pipeline makes of a file of these bytes."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(source)
            file.flush()
            command = ["gst-launch-1.0", "-q", "filesrc", f"location={file.name}", *elements, "!", "fdsink"]
            done = subprocess.run(command, stdout=subprocess.PIPE, env=self.environment)
        if done.returncode:
            sys.exit(f"{' '.join(command)} ended with status {done.returncode}")
        return done.stdout

    def pictures(self, pictures):
        """Raw RGB and the elements that read it."""
        height, width, _ = pictures[0].shape
        size = [f"width={width}", f"height={height}"]
        parse = ["!", "rawvideoparse", "format=rgb", "framerate=1/1", *size, "!", "videoconvert", "!"]
        return b"".join(picture.tobytes() for picture in pictures), parse

    def make(self, pictures, controls):
        """Clips of pictures."""
        raw, parse = self.pictures([picture.source for picture in pictures])
        frames = self.launch(
            raw, *parse, "svdbin", f"model={self.model}", "seed=1", f"motion-bucket-id={controls.bucket}",
            f"fps={controls.fps}", f"noise-aug-strength={controls.noise}", *RGB)
        return np.frombuffer(frames, np.uint8).reshape(-1, *self.shape)

    def encode(self, pictures):
        """Latents of pictures of the model's size: [pictures, channels, height, width]."""
        raw, parse = self.pictures(pictures)
        conditioning = self.launch(raw, *parse, "svdencode", f"model={self.model}", "noise-aug-strength=0", "seed=1")
        tensors = np.frombuffer(conditioning, np.float32).reshape(len(pictures), -1)
        height, width = self.shape[1] // FACTOR, self.shape[2] // FACTOR
        return tensors[:, :CHANNELS * height * width].reshape(-1, CHANNELS, height, width)

    def decode(self, latents):
        """The clip of as many latents as it has frames."""
        dimensions = ":".join(map(str, latents.shape[::-1]))
        caps = (f"other/tensors,format=static,num_tensors=1,types=(string)float32,dimensions=(string){dimensions},"
                "framerate=7/1")
        raw = np.ascontiguousarray(latents, np.float32).tobytes()
        frames = self.launch(raw, f"blocksize={len(raw)}", "!", caps, "!", "svddecode", f"model={self.model}", *RGB)
        return np.frombuffer(frames, np.uint8).reshape(self.shape)

    def clips(self, pictures, controls):
        """Pairs of picture and clip; kept ones are not made again."""
        folder = self.out / "clips" / f"bucket-{controls.bucket}-fps-{controls.fps}"
        folder.mkdir(parents=True, exist_ok=True)
        path = {picture.name: folder / f"{picture.name}.npy" for picture in pictures}
        kept = {p for p, file in path.items() if file.exists() and file.stat().st_mtime > self.weights_made}
        missing = [picture for picture in pictures if picture.name not in kept]
        for i in range(0, len(missing), TOGETHER):
            some = missing[i:i + TOGETHER]
            for picture, clip in zip(some, self.make(some, controls)):
                np.save(path[picture.name], clip)
        return [(picture, np.load(path[picture.name])) for picture in pictures]


def measure(picture, clip, controls):
    exact = picture.exact(controls, len(clip))
    explained, zoom = measures.best_similarity(clip[0], clip[-1])
    return {
        "kind": picture.kind,
        "picture": picture.name,
        "bucket": controls.bucket,
        "fps": controls.fps,
        "psnr": measures.psnr(clip[0], picture.small),
        "ssim": measures.ssim(clip[0], picture.small),
        "explained": explained,
        "zoom": zoom,
        "sharpness": measures.sharpness_kept(clip),
        "flow": measures.mean_flow(clip),
        "warp": measures.warp_error(clip) / max(measures.warp_error(exact), 1.0),  # a still clip has none
        "drift": measures.colour_drift(clip),
    }


def autoencoder(elements, picture):
    """What the autoencoder does to time by itself: to a still and to a pan of one pixel a frame."""
    frames, height, width, _ = elements.shape
    still = elements.decode(np.repeat(elements.encode([picture.small]), frames, 0)).astype(int)
    top, left = (SOURCE_SIZE - height) // 2, (SOURCE_SIZE - width) // 2
    pan = np.stack([picture.source[top:top + height, left + i:left + i + width] for i in range(frames)])
    made = elements.decode(elements.encode(list(pan)))
    steps = [measures.flow_between(a, b)[1].mean() for a, b in measures.neighbours(made, 1)]
    return {
        "flicker": int(np.abs(still - still[0]).max()),
        "pan psnr": float(np.mean([measures.psnr(a, b) for a, b in zip(made, pan)])),
        "pan flow": -float(np.mean(steps)),
        "pan flow deviation": float(np.std(steps)),
    }


def means(rows):
    return {name: float(np.mean([row[name] for row in rows])) for name in FIGURES}


def at(rows, controls):
    return [row for row in rows if (row["bucket"], row["fps"]) == (controls.bucket, controls.fps)]


def kinds(rows):
    return list(dict.fromkeys(row["kind"] for row in rows))


def grows(rows, settings):
    """Kinds of picture whose flow does not grow from each of the settings to the next; of pictures with all of them."""
    whole = set.intersection(*({row["picture"] for row in at(rows, c)} for c in settings))
    rows = [row for row in rows if row["picture"] in whole]
    flows = {
        kind: [np.mean([row["flow"] for row in at(rows, c) if row["kind"] == kind]) for c in settings]
        for kind in kinds(rows)
    }
    return [kind for kind, flow in flows.items() if not np.all(np.diff(flow) > 0)]


def gates(rows, buckets, rates, alone):
    """What must hold: name, value, bar, whether it does."""
    default = at(rows, DEFAULT)
    mean = means(default)
    least = min(row["explained"] for row in default)
    still = means(at(rows, buckets[0]))["flow"]
    found = [
        ("frame 0, PSNR dB", mean["psnr"], ">= 25", mean["psnr"] >= 25),
        ("frame 0, SSIM", mean["ssim"], ">= 0.80", mean["ssim"] >= 0.80),
        ("sharpness kept", mean["sharpness"], ">= 0.60", mean["sharpness"] >= 0.60),
        ("warp error, times the exact clip's", mean["warp"], "<= 1.5", mean["warp"] <= 1.5),
        ("explained motion, dB", mean["explained"], ">= 6", mean["explained"] >= 6),
        ("explained motion of the worst clip, dB", least, ">= 3", least >= 3),
        ("flow at bucket 0, pixels a frame", still, "< 0.3", still < 0.3),
    ]
    if alone:
        found.append(("flicker of a constant latent, of 255", alone["flicker"], "<= 1", alone["flicker"] <= 1))
    ordered = sorted([*buckets, DEFAULT], key=lambda c: c.bucket)
    for name, settings in (("buckets", ordered), ("rates", [*reversed(rates), DEFAULT])):
        wrong = grows(rows, settings)
        found.append((f"kinds whose flow does not follow the {name}", ", ".join(wrong) or "none", "none", not wrong))
    return [{"gate": name, "value": value, "bar": bar, "met": bool(met)} for name, value, bar, met in found]


def table(title, lines):
    """Markdown, as the model card shows it."""
    print(f"\n| {title} | {' | '.join(FIGURES)} |\n|{' --- |' * (len(FIGURES) + 1)}")
    for name, mean in lines:
        print(f"| {name} | {' | '.join(f'{mean[figure]:.2f}' for figure in FIGURES)} |")


def sheet(pairs, path, columns=7):
    """Input and some frames of each clip, a clip a row."""
    lines = []
    for picture, clip in pairs:
        chosen = np.linspace(0, len(clip) - 1, columns).round().astype(int)
        lines.append(np.concatenate([picture.small, np.full((len(clip[0]), 4, 3), 255, np.uint8), *clip[chosen]], 1))
    Image.fromarray(np.concatenate(lines)).save(path)


def spread(found, count):
    """So many of them at most, from first to last."""
    return [found[i] for i in np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)]


def load_pictures(folder, size):
    if not folder:
        return [Picture(f"drawings-{i}", p, size) for i, p in enumerate(clips.Drawings(4).pictures)]
    found = [Picture(path.stem, square(path), size) for path in sorted(pathlib.Path(folder).glob("*-*.png"))]
    return found or sys.exit(f"No pictures named KIND-NAME.png in {folder}")


def number(value):
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--photos", help="folder of held-out pictures named KIND-NAME.png; drawings without it")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder for tables, clips and contact sheet")
    parser.add_argument("--count", type=int, default=1000, help="so many pictures at most, spread over the kinds")
    parser.add_argument("--controls", type=int, default=4, help="so many of them at other buckets and rates too")
    parser.add_argument("--quick", action="store_true", help="one picture, at the defaults and at bucket 0")
    args = parser.parse_args(argv)

    buckets, rates = (BUCKETS[:1], []) if args.quick else (BUCKETS, RATES)
    count, controlled = (1, 1) if args.quick else (args.count, args.controls)
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    elements = Elements(args.model, args.out)
    pictures = spread(load_pictures(args.photos, elements.shape[1]), count)

    default = elements.clips(pictures, DEFAULT)
    rows = [measure(picture, clip, DEFAULT) for picture, clip in default]
    for controls in (*buckets, *rates):
        rows += [measure(*pair, controls) for pair in elements.clips(spread(pictures, controlled), controls)]

    with (args.out / "clips.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: number(value) for name, value in row.items()} for row in rows)
    sheet(default, args.out / "contact-sheet.png")
    by_kind = {kind: [row for row in at(rows, DEFAULT) if row["kind"] == kind] for kind in kinds(rows)}
    alone = {} if args.quick else autoencoder(elements, pictures[0])
    summary = {
        "mean": means(at(rows, DEFAULT)),
        "kinds": {f"{kind} ({len(some)})": means(some) for kind, some in by_kind.items()},
        "controls": {f"bucket {c.bucket}, {c.fps} fps": means(at(rows, c)) for c in (*buckets, *rates)},
        "autoencoder": alone,
        "gates": gates(rows, buckets, rates, alone),
    }
    (args.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    table("held-out pictures", [*summary["kinds"].items(), (f"**mean of {len(pictures)}**", summary["mean"])])
    table(f"{min(controlled, len(pictures))} of them", summary["controls"].items())
    print("\nautoencoder:", ", ".join(f"{name} {number(value)}" for name, value in alone.items()) or "not measured")
    for gate in summary["gates"]:
        print(f"{'met   ' if gate['met'] else 'MISSED'} {gate['gate']}: {number(gate['value'])} ({gate['bar']})")
    return summary


if __name__ == "__main__":
    main()
