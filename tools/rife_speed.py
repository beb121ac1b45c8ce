# SPDX-License-Identifier: LGPL-2.1-or-later
"""CPU seconds of a frame between two, by rife-ncnn-vulkan and here: rife_speed.py BUILD

Both run on the first Vulkan device, which should be Mesa's software device: only there
CPU seconds are all that counts. Frames are 640×352; the first of each is not counted.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "golden")]
import rife  # noqa: E402
import rife_model  # noqa: E402

WIDTH, HEIGHT, FRAMES = 640, 352, 3


def theirs(oracle, model, version):
    rng = np.random.Generator(np.random.PCG64(0))
    frames = list(rng.integers(0, 256, (2, HEIGHT, WIDTH, 3), np.uint8))
    network = rife.open_network(oracle, model, version, gpu=0)
    for i in range(FRAMES + 1):
        start = time.process_time()
        rife.interpolate(oracle, network, frames, 0.5, rife.ALIGNMENT[version])
        if i > 0:
            yield time.process_time() - start


def ours(build, model):
    program = [str(build / "tests" / "models" / "bench-rife"), str(model), str(WIDTH), str(HEIGHT),
               str(FRAMES)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def main():
    build = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        models = {"v4": Path(folder) / "v4", "v4.26": ROOT / "models" / "rife-v4.26"}
        rife_model.make("v4", models["v4"])
        oracle = rife.load_oracle(folder)
        for version, model in models.items():
            for name, seconds in (("rife-ncnn-vulkan", theirs(oracle, model, version)),
                                  ("gst-svd", ours(build, model))):
                print(f"{version:6} {name:17}", *(f"{s:6.2f}" for s in seconds), flush=True)


if __name__ == "__main__":
    main()
