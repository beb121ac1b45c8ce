# SPDX-License-Identifier: LGPL-2.1-or-later
"""SVD's 3×3 convolutions and matrix products by ncnn's Vulkan path and here, in one run:

    python3 tools/ncnn_speed.py BUILD [--type=fp32|fp16] [--kind=3×3|matrix] [--json=FILE] …

A row is a shape of Stable Video Diffusion XT's, of one frame, with as many rows of the picture as
--gflop (0.5) allows. Both sides get the same weights and numbers, and their results are compared.
A layer's time is that of a chain of three, there and back and there, less that of a chain of one,
so it is of both directions, and what goes before and after the layers does not count. Speeds are
GFLOP/s of a core, by CPU seconds, so the device should be Mesa's software one; the sides take
turns, and of --runs (3) the cheapest of each counts.

ncnn (PyPI: ncnn==1.0.20250503, numpy) gets what is fastest for it on that device: images instead
of buffers, which that is the last version to have, eight channels in one, sums in fp32, Winograd's
method where it takes it, and 1×1 convolutions for matrix products. Where an image would be too
large, its result is wrong, or it crashes, and buffers are what counts.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import ncnn
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SHAPES = re.compile(r"\d+×\d+×\d+×(\d+) fp\d+ → \d+×(\d+)×(\d+)×(\d+) fp")
CHAINS = (1, 3)
MOST_ERROR = {"fp32": 1e-4, "fp16": 1e-2}


# ---- Shapes: kind, height, width, and the two numbers of channels

def parse(operation):
    name = operation["operation"]
    if not re.match(r"(conv 3×3|linear)", name) or " /2" in name:
        return None
    inputs, height, width, outputs = map(int, SHAPES.match(operation["shapes"]).groups())
    if "GEGLU" in name:
        outputs *= 2
    kind = "3×3" if name.startswith("conv") else "matrix"
    return kind, height, width, min(inputs, outputs), max(inputs, outputs)


def collect(build):
    """All shapes but those of single vectors, in the order of the networks."""
    done = subprocess.run(
        [build / "src" / "bench" / "svd-bench", "--random", "--operations", "--time=0", "--json"],
        env={"SVD_MODEL_PATH": str(ROOT / "models"), **os.environ}, check=True,
        capture_output=True, text=True)
    shapes = dict.fromkeys(map(parse, json.loads(done.stdout)["operations"]))
    return [shape for shape in shapes if shape and shape[1] * shape[2] >= 64]


def flop(shape):
    kind, height, width, a, b = shape
    return 2.0 * (9 if kind == "3×3" else 1) * height * width * a * b


def cut(shape, most):
    kind, height, *rest = shape
    rows = max(round(most / flop((kind, 1, *rest))), 4)
    return kind, min(height, rows), *rest


# ---- A chain of layers in a folder: net.param, net.bin and input

def chain_channels(shape, n):
    return [shape[3 + i % 2] for i in range(n + 1)]


def write_chain(folder, shape, n):
    kind, height, width, *_ = shape
    channels = chain_channels(shape, n)
    kernel, taps = ("1=3 4=1", 9) if kind == "3×3" else ("1=1", 1)
    rng = np.random.default_rng(0)
    lines = [f"Convolution {i} 1 1 b{i} b{i + 1} 0={outputs} {kernel} 6={taps * inputs * outputs}"
             for i, (inputs, outputs) in enumerate(zip(channels, channels[1:]))]
    Path(folder, "net.param").write_text("\n".join(
        ["7767517", f"{n + 1} {n + 1}", "Input in 0 1 b0", *lines, ""]), encoding="utf-8")
    with open(Path(folder, "net.bin"), "wb") as file:
        for inputs, outputs in zip(channels, channels[1:]):
            file.write(bytes(4))  # fp32
            weights = rng.standard_normal(taps * inputs * outputs, np.float32)
            (weights / np.sqrt(taps * inputs, dtype=np.float32)).tofile(file)
    rng.standard_normal((channels[0], height, width), np.float32).tofile(Path(folder, "input"))


class Ours:
    def __init__(self, build, folder, shape, n, precision):
        kind, height, width, *_ = shape
        self.output = Path(folder, "output")
        self.process = subprocess.Popen(
            [build / "tests" / "models" / "bench-chain", folder,
             "conv" if kind == "3×3" else "linear", precision.replace("p", ""),
             *map(str, (height, width, *chain_channels(shape, n)))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def finish(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit("bench-chain failed")
        return np.fromfile(self.output, np.float32)


class Theirs:
    def __init__(self, folder, shape, n, precision, images):
        kind, height, width, *_ = shape
        self.last = f"b{n}"
        self.net = net = ncnn.Net()
        net.opt.use_vulkan_compute = True
        net.opt.use_image_storage = images
        net.opt.use_shader_pack8 = True
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = precision == "fp16"
        net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
        net.load_param(str(Path(folder, "net.param")))
        net.load_model(str(Path(folder, "net.bin")))
        self.input = ncnn.Mat(width, height, shape[3])  # whose planes are aligned
        np.asarray(self.input)[:] = np.fromfile(Path(folder, "input"), np.float32).reshape(
            -1, height, width)

    def run(self):
        start = time.process_time()
        extractor = self.net.create_extractor()
        extractor.input("b0", self.input)
        status, self.result = extractor.extract(self.last)
        if status != 0:
            raise SystemExit("ncnn cannot run it")
        return time.process_time() - start

    def finish(self):
        return np.array(self.result).ravel()


# ---- A row

def measure(sides, runs):
    """Seconds of a layer of each side, all chains of all sides in turn."""
    best = {name: [float("inf")] * len(CHAINS) for name in sides}
    for i in range(runs + 1):  # the first compiles
        for name, chains in sides.items():
            for j, chain in enumerate(chains):
                seconds = chain.run()
                if i > 0:
                    best[name][j] = min(best[name][j], seconds)
    return {name: (long - short) / (CHAINS[1] - CHAINS[0]) for name, (short, long) in best.items()}


def measure_with(args, shape, precision, images):
    """GFLOP/s of both, and how far their results are apart."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {"ours": [], "ncnn": []}
        for n in CHAINS:
            place = Path(folder, str(n))
            place.mkdir()
            write_chain(place, shape, n)
            sides["ours"].append(Ours(args.build, place, shape, n, precision))
            sides["ncnn"].append(Theirs(place, shape, n, precision, images))
        seconds = measure(sides, args.runs)
        ours, theirs = ([chain.finish() for chain in chains][-1] for chains in sides.values())
    speeds = {name: flop(shape) / of / 1e9 for name, of in seconds.items()}
    return speeds, float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def measure_aside(*args):
    """In a process of its own: images that are too large may end it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(measure_with, *args).result()
        except BrokenProcessPool:
            return {}, float("inf")


def compare(args, shape, precision):
    for storage in "images", "buffers":
        speeds, apart = measure_aside(args, shape, precision, storage == "images")
        if apart < MOST_ERROR[precision]:
            break
    else:
        raise SystemExit(f"{shape}: results differ by {apart:.0e}")
    return {"kind": shape[0], "height": shape[1], "width": shape[2], "channels": shape[3:],
            "type": precision, "storage": storage, "gflops": speeds,
            "ratio": speeds["ours"] / speeds["ncnn"], "difference": apart}


# ---- The table

def print_row(row, whole):
    a, b = row["channels"]
    speeds = row["gflops"]
    print(f"| {row['kind']} | {whole[1]}×{whole[2]}, {a} ⇄ {b} | {row['height']} | {row['type']} "
          f"| {speeds['ours']:.1f} | {speeds['ncnn']:.1f}, {row['storage']} | {row['ratio']:.2f} "
          f"| {row['difference']:.0e} |", flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--type", choices=("fp32", "fp16"), action="append")
    parser.add_argument("--kind", choices=("3×3", "matrix"))
    parser.add_argument("--only", default="", help="shapes with this, as in 72×128×320×320")
    parser.add_argument("--gflop", type=float, default=0.5, help="the most work of a layer (%(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--json", type=Path,
                        help="append the rows to this file, one a line, but for those it has")
    return parser.parse_args()


def key(row):
    return row["kind"], row["type"], row["shape"]


def read_rows(path):
    if not path or not path.exists():
        return set()
    return {key(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()}


def main():
    args = parse_arguments()
    if not hasattr(ncnn.Option(), "use_image_storage") or ncnn.get_gpu_count() == 0:
        raise SystemExit("this needs ncnn==1.0.20250503 and a Vulkan device that it sees")
    print(f"ncnn {ncnn.__version__} on {ncnn.get_gpu_info(0).device_name()}; GFLOP/s of a core; load "
          f"{os.getloadavg()[0]:.0f}\n\n| product | shape | rows | type | gst-svd | ncnn | ratio "
          "| difference |\n" + "| --- " * 8 + "|", flush=True)
    there = read_rows(args.json)
    for precision in args.type or ("fp32", "fp16"):
        for shape in collect(args.build):
            name = "×".join(map(str, shape[1:]))
            if args.only not in name or args.kind not in (None, shape[0]) \
                    or (shape[0], precision, name) in there:
                continue
            row = {"shape": name, **compare(args, cut(shape, 1e9 * args.gflop), precision)}
            print_row(row, shape)
            if args.json:
                with open(args.json, "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
