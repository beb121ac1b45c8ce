#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows what vidinterp makes between two frames: a cut, a pan, an occlusion and
a fade, by each method.

    tools/vidinterp_sheet.py docs/images/vidinterp.jpg

Needs Pillow, gst-launch-1.0 and, where gst-svd is not installed, GST_PLUGIN_PATH
and SVD_MODEL_PATH as the README says."""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
SIZE = WIDTH, HEIGHT = 320, 180
METHODS = ['duplicate', 'blend', 'flow', 'rife']
LABEL, GAP = 22, 4


def crop(picture, x, y, scale=1.0):
    """A view of the picture, moved by x and y."""
    picture = picture.resize((round(picture.width * scale),
                              round(picture.height * scale)), Image.LANCZOS)
    left = (picture.width - WIDTH) // 2 + x
    top = (picture.height - HEIGHT) // 2 + y
    return picture.crop((left, top, left + WIDTH, top + HEIGHT))


def occluded(picture, step):
    """A disc flies to the right over what moves to the left."""
    frame = crop(picture, 6 * step, 0)
    texture = crop(picture, -60, 40, 0.8)
    mask = Image.new('L', (4 * WIDTH, 4 * HEIGHT))
    x = 4 * (90 + 24 * step)
    ImageDraw.Draw(mask).ellipse((x, 160, x + 360, 520), fill=255)
    moved = Image.new('RGB', SIZE)
    moved.paste(texture, (24 * step, 0))
    frame.paste(moved, mask=mask.resize(SIZE, Image.LANCZOS))
    return frame


def cases():
    """Names and pairs of frames."""
    photo = Image.open(ROOT / 'examples/photo.jpg').convert('RGB')
    photo = photo.resize((640, round(640 * photo.height / photo.width)),
                         Image.LANCZOS)
    other = photo.transpose(Image.ROTATE_180).point(lambda v: 255 - v)
    black = Image.new('RGB', SIZE)
    return [
        ['cut', crop(photo, 0, 0), crop(other, 30, -40)],
        ['pan', crop(photo, 0, 0), crop(photo, 22, 4)],
        ['occlusion', occluded(photo, 0), occluded(photo, 1)],
        ['fade', Image.blend(crop(photo, 0, 0), black, 0.2),
         Image.blend(crop(photo, 6, 0), black, 0.26)],
    ]


def interpolate(frames, method):
    """The frame that the element makes in the middle."""
    with tempfile.TemporaryDirectory() as folder:
        for i, frame in enumerate(frames):
            frame.save(f'{folder}/in{i}.png')
        subprocess.run(
            f'gst-launch-1.0 -q multifilesrc location={folder}/in%d.png '
            'caps=image/png,framerate=10/1 ! pngdec ! videoconvert ! '
            f'video/x-raw,format=RGB ! vidinterp method={method} ! '
            'video/x-raw,framerate=20/1 ! pngenc ! '
            f'multifilesink location={folder}/out%d.png'.split(), check=True)
        return Image.open(f'{folder}/out1.png').convert('RGB')


def main(path):
    font = ImageFont.load_default()
    columns = ['first', *METHODS, 'second']
    rows = cases()
    sheet = Image.new('RGB', (len(columns) * (WIDTH + GAP) - GAP,
                              LABEL + len(rows) * (HEIGHT + GAP) - GAP),
                      'white')
    draw = ImageDraw.Draw(sheet)
    for y, (name, *frames) in enumerate(rows):
        cells = [frames[0], *(interpolate(frames, method)
                              for method in METHODS), frames[1]]
        for x, cell in enumerate(cells):
            left = x * (WIDTH + GAP)
            top = LABEL + y * (HEIGHT + GAP)
            sheet.paste(cell, (left, top))
            if y == 0:
                draw.text((left + 4, 5), columns[x], 'black', font)
            if x == 0:
                draw.text((left + 5, top + 5), name, 'white', font,
                          stroke_width=1, stroke_fill='black')
    sheet.save(path, quality=85)


main(sys.argv[1])
