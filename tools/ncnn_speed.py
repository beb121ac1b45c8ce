# SPDX-License-Identifier: LGPL-2.1-or-later
"""3×3 convolutions and matrix products of SVD's shapes, by ncnn's Vulkan path and here:

    python3 tools/ncnn_speed.py BUILD [ROWS]

Takes the ROWS (6) shapes of each kind that are the most work in Stable Video Diffusion XT, at the
slices that svd-bench chooses for the device, and gives ncnn (PyPI: ncnn, numpy) the same. Both run
on the first Vulkan device, svd-bench before and after ncnn, and the better counts. Speeds are
GFLOP/s of CPU seconds, so the device should be Mesa's software one.

ncnn is timed from host memory to host memory; what a layer takes that does next to nothing
(AbsVal) at the input's and the output's size is taken off, and so is a little too much: in ncnn's
favour. Its frames stand on top of each other in one tall picture, of which it gets as many rows as
make a GFLOP. A matrix product is the faster
of its InnerProduct and its 1×1 convolution.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ncnn
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RUNS = 1
SECONDS = 0.2
MOST_FLOP = 1e9
SHAPES = re.compile(r"(\d+)×(\d+)×(\d+)×(\d+) fp\d+ → (\d+)×(\d+)×(\d+)×(\d+) fp")


# ---- Here

def operations(build, precision, seconds, only=""):
    done = subprocess.run(
        [build / "src" / "bench" / "svd-bench", "--random", "--operations", "--json",
         f"--time={seconds}", f"--precision={precision}", f"--only={only}"],
        env={"SVD_MODEL_PATH": str(ROOT / "models"), **os.environ}, check=True,
        capture_output=True, text=True)
    return json.loads(done.stdout)["operations"]


def parse(row, shapes):
    """The kind, inputs, height, width and outputs of a product that ncnn has a layer for, or None."""
    if not re.fullmatch(r"(conv 3×3|linear)( Winograd)?( \+row)?( \+residual)*", row["operation"]):
        return None
    frames, height, width, inputs, *result, outputs = map(int, SHAPES.match(row[shapes]).groups())
    if result != [frames, height, width] or inputs < 64 or outputs < 64 or height * width < 64:
        return None
    return row["operation"].split()[0], inputs, frames * height, width, outputs


def choose(build, precision, n):
    """The n rows of each kind with the most work, each shape once."""
    chosen = {"conv": {}, "linear": {}}
    rows = [row for row in operations(build, precision, 0) if parse(row, "shapes")]
    for row in sorted(rows, key=lambda row: -row["times"] * row["flop"]):
        of_kind = chosen[parse(row, "shapes")[0]]
        if len(of_kind) < n:
            of_kind.setdefault(parse(row, "shapes"), row)
    return [row for of_kind in chosen.values() for row in of_kind.values()]


def ours(build, precision, row):
    """What was measured, and its GFLOP/s."""
    only = f"{row['stage']} {row['operation']}: {row['shapes']}"
    measured, = operations(build, precision, SECONDS, only)
    return parse(measured, "measured_shapes"), measured["measured_flop"] / measured["core_seconds"] / 1e9


# ---- ncnn

def write_network(folder, layer, weights):
    Path(folder, "net.param").write_text(f"7767517\n2 2\nInput in 0 1 in\n{layer}\n", encoding="utf-8")
    with open(Path(folder, "net.bin"), "wb") as file:
        if weights:
            file.write(bytes(4))  # fp32
            np.full(weights, 0.01, np.float32).tofile(file)


def run_seconds(folder, layer, weights, shape, half, winograd):
    """CPU seconds of the cheapest run, and the device's share of them."""
    write_network(folder, layer, weights)
    net = ncnn.Net()
    net.opt.use_vulkan_compute = True
    net.opt.num_threads = 1
    net.opt.use_bf16_storage = net.opt.use_bf16_packed = False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = half
    for name in "", "23", "43", "63":
        setattr(net.opt, f"use_winograd{name}_convolution", winograd)
    net.load_param(str(Path(folder, "net.param")))
    net.load_model(str(Path(folder, "net.bin")))
    data = ncnn.Mat(np.full(shape, 0.5, np.float32)).clone()
    best = (1e9, 0)
    for i in range(RUNS + 1):  # the first compiles
        start, device = time.process_time(), device_seconds()
        extractor = net.create_extractor()
        extractor.input("in", data)
        status, _ = extractor.extract("out")
        seconds = time.process_time() - start
        if status != 0:
            raise SystemExit(f"ncnn cannot run {layer}")
        if i > 0:
            best = min(best, (seconds, (device_seconds() - device) / seconds))
    return best


def device_seconds():
    """CPU seconds of Mesa's threads, where all that runs on the device does: ncnn has none."""
    return time.process_time() - time.thread_time()


def layers(kind, inputs, rows, width, outputs):
    """ncnn's layers for a shape, each with the shape of its input."""
    size = inputs * outputs
    if kind == "conv":
        yield f"Convolution a 1 1 in out 0={outputs} 1=3 4=1 6={9 * size}", 9 * size, (inputs, rows, width)
        return
    yield f"Convolution a 1 1 in out 0={outputs} 1=1 6={size}", size, (inputs, rows, width)
    yield f"InnerProduct a 1 1 in out 0={outputs} 2={size}", size, (rows * width, inputs)


def theirs(folder, case, half, winograd):
    """ncnn's GFLOP/s and the share of the device in it."""
    kind, inputs, rows, width, outputs = case
    flop = 2 * (9 if kind == "conv" else 1) * inputs * outputs * width  # a row
    rows = min(rows, max(round(MOST_FLOP / flop), 8))
    flop *= rows
    best = (0, 0)
    for layer, weights, shape in layers(kind, inputs, rows, width, outputs):
        seconds, share = run_seconds(folder, layer, weights, shape, half, winograd)
        output = (*shape[:-1], outputs) if len(shape) == 2 else (outputs, *shape[1:])
        copying = sum(run_seconds(folder, "AbsVal a 1 1 in out", 0, s, half, False)[0]
                      for s in (shape, output)) / 2
        best = max(best, (flop / max(seconds - copying, seconds / 2) / 1e9, share))
    return best


# ---- The table

def compare(build, folder, precision, row):
    case, before = ours(build, precision, row)
    speeds = [theirs(folder, case, precision == "fp16", winograd)
              for winograd in ((False, True) if case[0] == "conv" else (False,))]
    here = max(before, ours(build, precision, row)[1])
    kind, inputs, rows, width, outputs = case
    print(f"| {'3×3' if kind == 'conv' else 'matrix'} | {rows}×{width}×{inputs} → {outputs} "
          f"| {precision} | {here:.1f} | {speeds[0][0]:.1f} "
          f"| {f'{speeds[1][0]:.1f}' if len(speeds) > 1 else ''} "
          f"| {here / max(speed for speed, _ in speeds):.2f} "
          f"| {min(share for _, share in speeds):.0%} |", flush=True)


def main():
    build, n = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 6
    if ncnn.get_gpu_count() == 0:
        raise SystemExit("ncnn sees no Vulkan device")
    print(f"ncnn {ncnn.__version__} on {ncnn.get_gpu_info(0).device_name()}; GFLOP/s of a core\n")
    print("| product | shape | type | gst-svd | ncnn | its Winograd | ratio to the better | of ncnn "
          "on the device |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for precision in "fp32", "fp16":
            for row in choose(build, precision, n):
                compare(build, folder, precision, row)


if __name__ == "__main__":
    main()
