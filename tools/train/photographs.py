#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Collect freely licensed photographs from Debian packages for training.

Debian checks the licence of everything it ships and records it in each
package's copyright file, so its wallpaper and educational packages are a
source that anyone can fetch again, unchanged, with apt alone. (palapeli-data is
not among them: its own files put two of its photographs under the GFDL.) Only
pictures that look like photographs are kept (large enough, many colours, no
alpha), and four packages are never trained on: they are what evaluate.py
measures with.
"""

import argparse
import io
import pathlib
import struct
import subprocess
import zlib

import numpy as np
from PIL import Image, ImageOps

# Package, licences of its pictures, and whom its copyright file names.
SOURCES = [
    ("gcompris-qt-data", "GPL-3+ with pictures under CC-BY-SA, CC-BY and public domain",
     "Timothée Giet, Bruno Coudoin and the GCompris authors"),
    ("plasma-workspace-wallpapers", "GPL-2+ (LGPL-3 upstream)", "KDE Visual Design Group"),
    ("lomiri-wallpapers-16.04", "CC-BY-4.0, CC-BY-SA-4.0, CC0-1.0",
     "Aitzol Berasategi, Peter Nerlich, Sander Klootwijk, Bolly, Trevor “Freespace”, "
     "Clemens Engelhardt, Abhishek Mudgal, Jakub Mede"),
    ("lomiri-wallpapers-20.04", "CC-BY-SA-3.0",
     "Jasper Roks, Aury88, Lukas Baubkus, HEROBRINE7GAMER"),
    ("lxqt-themes", "CC-BY-SA-3.0, LGPL-2.1+", "Giacomo Barazzetti and the LXQt team"),
    ("mate-backgrounds", "GPL-2+, CC-BY-SA-4.0",
     "Charles Barbin, Lennart Poettering, Marco Cogoni, Jens Ansorg, Timothy Schellhase, "
     "blackcombwhistler07, Sergey Nazarov, Jean-François Fortin Tam, l0r4n0n and others"),
    ("ukui-wallpapers", "CC-BY-SA-3.0", "Ubuntu Kylin community contributors"),
    ("gnome-backgrounds", "CC-BY-SA-2.0, CC-BY-SA-3.0, CC-BY-2.0",
     "the GNOME project's background contributors"),
]
# Never trained on: package, and the pictures in it that evaluate.py uses, by kind.
HELD_OUT = {
    "python3-skimage": {
        "astronaut.png": "people", "camera.png": "people", "chelsea.png": "animals", "coffee.png": "things",
        "motorcycle_left.png": "things", "coins.png": "things", "rocket.jpg": "night",
        "hubble_deep_field.jpg": "night", "moon.png": "night", "page.png": "text",
    },
    "python-matplotlib-data": {"grace_hopper.jpg": "people"},
    "python3-sklearn": {"china.jpg": "buildings", "flower.jpg": "plants"},
    "opencv-doc": {
        "messi5.jpg": "people", "baboon.jpg": "animals", "butterfly.jpg": "animals", "building.jpg": "buildings",
        "home.jpg": "buildings", "leuvenA.jpg": "buildings", "aloeL.jpg": "plants", "fruits.jpg": "things",
        "stuff.jpg": "things", "aero1.jpg": "landscapes", "ela_original.jpg": "landscapes",
        "box_in_scene.png": "text", "graf1.png": "drawings", "starry_night.jpg": "drawings",
    },
}

SHORTEST = 400  # pixels: smaller pictures have no detail left to zoom into
STORED = 448  # shortest side kept; clips are rendered from this
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def fetch(package, folder):
    """Download and unpack one Debian package without installing it."""
    root = folder / package
    if not root.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-q", "-o", "DPkg::Lock::Timeout=900", "download", package], cwd=folder, check=True)
        archive = next(folder.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg", "-x", str(archive), str(root)], check=True)
        archive.unlink()
    return root


def resource_files(data):
    """Files inside a compiled Qt resource (.rcc): pairs of path and bytes."""
    if data[:4] != b"qres":
        return
    version, tree, blobs, names = struct.unpack(">4I", data[4:20])
    size = 22 if version >= 2 else 14

    def walk(index, path):
        at = tree + size * index
        name_at, flags = struct.unpack(">IH", data[at:at + 6])
        if index:
            length = struct.unpack(">H", data[names + name_at:names + name_at + 2])[0]
            start = names + name_at + 6
            path = path + "/" + data[start:start + 2 * length].decode("utf-16-be")
        if flags & 2:
            count, first = struct.unpack(">II", data[at + 6:at + 14])
            for child in range(first, first + count):
                yield from walk(child, path)
            return
        start = blobs + struct.unpack(">I", data[at + 10:at + 14])[0]
        length = struct.unpack(">I", data[start:start + 4])[0]
        content = data[start + 4:start + 4 + length]
        if flags & 1:
            content = zlib.decompress(content[4:])
        if not flags & 4:  # Zstandard, never used for pictures
            yield path, content

    yield from walk(0, "")


def candidates(root):
    """Every picture file below a folder, those inside Qt resources too."""
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        if path.suffix.lower() in SUFFIXES:
            yield str(path.relative_to(root)), path.read_bytes()
        elif path.suffix == ".rcc":
            for name, content in resource_files(path.read_bytes()):
                if pathlib.PurePath(name).suffix.lower() in SUFFIXES:
                    yield f"{path.relative_to(root)}:{name}", content


def photograph(content, shortest=SHORTEST):
    """The picture as RGB if it looks like a photograph, otherwise None."""
    try:
        picture = Image.open(io.BytesIO(content))
        if min(picture.size) < shortest or picture.mode not in ("RGB", "L", "RGBA", "P"):
            return None
        if picture.format == "JPEG":
            picture.draft("RGB", (2 * STORED, 2 * STORED))
        if "A" in picture.getbands() or "transparency" in picture.info:
            if picture.convert("RGBA").getchannel("A").getextrema()[0] < 255:
                return None
        picture = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None
    scale = max(STORED / min(picture.size), 960 / max(picture.size))
    if scale < 1:
        picture = picture.resize([max(1, round(s * scale)) for s in picture.size], Image.Resampling.LANCZOS)
    pixels = np.asarray(picture)
    small = np.asarray(picture.resize((64, 64), Image.Resampling.BOX)).astype(np.float32)
    # Drawings and gradients have few colours and almost no fine texture.
    white = (pixels == 255).all(2).mean()  # cut-outs on paper
    colours = len(np.unique((pixels[::3, ::3] // 8).reshape(-1, 3), axis=0))
    grey = pixels.astype(np.float32).mean(2)
    texture = np.median(np.abs(np.diff(grey, axis=1)))
    if white > 0.2 or colours < 600 or texture < 0.6 or small.std() < 12:
        return None
    return picture


def collect(folder, packages):
    """Photographs of several packages as JPEG files in folder/photos; returns their paths."""
    folder = pathlib.Path(folder)
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    for package in packages:
        done = photos / f"{package}.txt"
        if done.exists():
            continue
        seen, kept = set(), []
        for name, content in candidates(fetch(package, folder / "packages")):
            picture = photograph(content)
            if picture is None:
                continue
            # The same wallpaper often comes in several sizes: keep one.
            mark = np.asarray(picture.convert("L").resize((8, 8), Image.Resampling.BOX)) // 12
            if mark.tobytes() in seen:
                continue
            seen.add(mark.tobytes())
            file = photos / f"{package}-{len(kept):03d}.jpg"
            picture.save(file, quality=95)
            kept.append(f"{file.name}\t{name}")
        done.write_text("\n".join(kept) + "\n")
        print(f"{package}: {len(kept)} photographs", flush=True)
    return sorted(p for package in packages for p in photos.glob(f"{package}-[0-9]*.jpg"))


def training(folder):
    return collect(folder, [name for name, _, _ in SOURCES])


def held_out(folder):
    """The evaluation pictures: pairs of kind and path."""
    folder = pathlib.Path(folder) / "held-out"
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    found = []
    for package, pictures in HELD_OUT.items():
        if not all((photos / f"{kind}-{name}.png").exists() for name, kind in pictures.items()):
            for path in sorted(fetch(package, folder / "packages").rglob("*")):
                if path.name in pictures and path.is_file():
                    Image.open(path).convert("RGB").save(photos / f"{pictures[path.name]}-{path.name}.png")
        found += [(kind, photos / f"{kind}-{name}.png") for name, kind in pictures.items()]
    return sorted((kind, path) for kind, path in found if path.exists())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    args = parser.parse_args()
    print(len(training(args.folder)), "for training,", len(held_out(args.folder)), "held out")
