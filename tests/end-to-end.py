#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs examples/picture-to-clip as a person would and looks at what it makes.

Good pictures must become clips that show them and move; for everything bad
there must be one clear error, no crash and no clip. Prints TAP, the frames go
to build/end-to-end/ as contact sheets.
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, ImageOps
from skimage import data as skimage_data

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tools' / 'train'))
from measures import best_similarity, psnr  # noqa: E402
BUILD = pathlib.Path(os.environ.get('BUILD', ROOT / 'build')).resolve()
MODEL = ROOT / 'models' / 'svd-tiny'
TIMEOUT = 600

results = []


def report(name, problem=None):
    """One line of TAP."""
    results.append(problem is None)
    print('ok' if problem is None else 'not ok', len(results), '-', name, flush=True)
    if problem is not None:
        print('#', problem.replace('\n', '\n# '), flush=True)


def picture_to_clip(*arguments, **environment):
    """Its status and all that it says."""
    command = [ROOT / 'examples' / 'picture-to-clip', *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=TIMEOUT, text=True,
                          env=dict(os.environ, BUILD=str(BUILD), **environment))
    return done.returncode, done.stdout


# Good pictures.

def recommended():
    return json.loads((MODEL / 'recommended.json').read_text())


def fitted(picture):
    """As fit=crop does it."""
    size = recommended()['width'], recommended()['height']
    return np.asarray(ImageOps.fit(picture.convert('RGB'), size, Image.Resampling.LANCZOS))


def read_clip(path):
    """Frames in the model's own size, and the size of those in the file."""
    raw = path.with_suffix('.raw')
    caps = subprocess.run(
        ['gst-launch-1.0', '-v', 'filesrc', f'location={path}', '!', 'decodebin', '!',
         'videoconvert', '!', 'video/x-raw,format=RGB', '!', 'filesink', f'location={raw}'],
        check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout
    field = {name: int(caps.rpartition(f'{name}=(int)')[2].split(',')[0])
             for name in ('width', 'height')}
    shape = field['height'], field['width'], 3
    frames = np.frombuffer(raw.read_bytes(), np.uint8).reshape(-1, *shape)
    size = recommended()['width'], recommended()['height']
    small = [np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX))
             for frame in frames]
    return np.stack(small).astype(np.float64), shape


def difference(a, b):
    return np.mean(np.abs(a - b))


def contact_sheet(frames, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.hstack(frames[::3]).astype(np.uint8)).save(path)


def check_clip(name, picture, clip):
    frames, shape = read_clip(clip)
    contact_sheet(frames, BUILD / 'end-to-end' / f'{name}.png')

    count = recommended()['num_frames']
    report(f'{name}: {count} frames',
           None if len(frames) == count else f'there are {len(frames)}')
    report(f'{name}: frames of 512x512',
           None if shape == (512, 512, 3) else f'they are {shape}')

    likeness = psnr(frames[0], fitted(picture))
    report(f'{name}: the first frame is the picture at 22 dB ({likeness:.1f})',
           None if likeness >= 22 else f'only {likeness:.1f} dB')

    moved = difference(frames[0], frames[-1])
    report(f'{name}: it changes (mean of 3, is {moved:.1f})',
           None if moved >= 3 else f'first and last frame differ by {moved:.2f} only')

    # What dissolves changes too, but no movement of the camera explains it.
    explained, zoom = best_similarity(frames[0], frames[-1])
    report(f'{name}: the camera moves (explains 1 dB; {explained:.1f} dB, zoom {zoom:.2f})',
           None if explained >= 1 else f'only {explained:.2f} dB')

    jumps = [difference(a, b) for a, b in zip(frames, frames[1:])]
    report(f'{name}: no frame jumps (at most 25, is {max(jumps):.1f})',
           None if max(jumps) <= 25 else f'changes: {np.round(jumps, 1)}')

    kept = [frame.std() / frames[0].std() for frame in frames]
    report(f'{name}: contrast stays ({min(kept):.2f} to {max(kept):.2f})',
           None if 0.6 <= min(kept) and max(kept) <= 1.6 else f'{np.round(kept, 2)}')


def check_picture(name, picture, path, folder):
    clip = folder / f'{name}.mp4'
    status, output = picture_to_clip(path, clip, 'seed=1')
    print('# ' + output.strip().replace('\n', '\n# '), flush=True)
    if status != 0 or not clip.is_file():
        report(f'{name}: a clip is made', f'status {status}')
        return
    report(f'{name}: a clip is made')
    report(f'{name}: progress is shown', None if 'step 1 of' in output else output)
    check_clip(name, picture, clip)


def good_pictures(folder):
    """The one in the repository, and one that is a PNG with quotes in its name,
    both in no training set."""
    photo = ROOT / 'examples' / 'photo.jpg'
    check_picture('photo', Image.open(photo), photo, folder)

    cat = Image.fromarray(skimage_data.chelsea()).rotate(90, expand=True)
    path = folder / 'a "cat" upright.png'
    cat.save(path)
    check_picture('cat', cat, path, folder)


# The evaluator of tools/train, with the embedded model.

def evaluation(folder):
    photos, out = folder / 'held-out', folder / 'evaluation'
    photos.mkdir()
    Image.fromarray(skimage_data.coffee()).save(photos / 'things-coffee.png')
    done = subprocess.run(
        [sys.executable, ROOT / 'tools' / 'train' / 'evaluate.py', '--quick', '--model', MODEL,
         '--photos', photos, '--out', out],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, text=True,
        env=dict(os.environ, BUILD=str(BUILD)))
    if done.returncode != 0:
        report('evaluation', done.stdout)
        return
    summary = json.loads((out / 'summary.json').read_text())
    found = {gate['gate']: gate for gate in summary['gates']}
    for name in ('explained motion, dB', "warp error, times the exact clip's",
                 'flow at bucket 0, pixels a frame', 'kinds whose flow does not follow the buckets'):
        gate = found[name]
        report(f'evaluation: {name}: {gate["value"]} ({gate["bar"]})',
               None if gate['met'] else 'missed')


# Bad input.

def check_error(name, word, folder, *arguments, **environment):
    """It fails, says word in one line of error, and leaves no clip."""
    photo = ROOT / 'examples' / 'photo.jpg'
    if not arguments or '=' in str(arguments[0]):
        arguments = (photo, folder / 'none.mp4', *arguments)
    try:
        status, output = picture_to_clip(*arguments, **environment)
    except subprocess.TimeoutExpired:
        report(name, 'it hangs')
        return
    problem = None
    if status != 1:
        problem = f'status {status}'
    elif word not in output:
        problem = f'does not say "{word}"'
    elif 'CRITICAL' in output or 'dumped' in output:
        problem = 'says CRITICAL'
    elif (folder / 'none.mp4').exists():
        problem = 'leaves a clip'
    report(name, problem and f'{problem}:\n{output}')


def spoiled_model(folder, name):
    """A copy of the model and one of its files to spoil."""
    copy = folder / name.replace('/', '-')
    shutil.copytree(MODEL, copy)
    return copy, copy / name


def bad_pictures(folder):
    text = folder / 'text.jpg'
    text.write_text('This is no picture.\n' * 100)
    empty = folder / 'empty.png'
    empty.touch()
    photo = (ROOT / 'examples' / 'photo.jpg').read_bytes()
    short = folder / 'short.jpg'
    short.write_bytes(photo[:len(photo) // 2])
    header = struct.pack('>4sIIBBBBB', b'IHDR', 0, 0, 8, 2, 0, 0, 0)
    nothing = folder / 'nothing.png'
    nothing.write_bytes(b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + header + b'\0' * 4)
    clip = folder / 'none.mp4'

    check_error('no such picture', 'no picture', folder, folder / 'missing.jpg', clip)
    check_error('an empty file', 'empty', folder, empty, clip)
    check_error('a text file', 'text', folder, text, clip)
    check_error('half a JPEG', 'No valid frames', folder, short, clip)
    check_error('a picture of 0x0', '', folder, nothing, clip)
    check_error('no folder for the clip', 'missing', folder,
                ROOT / 'examples' / 'photo.jpg', folder / 'missing' / 'none.mp4')


def bad_models(folder):
    check_error('no such model', 'There is no model', folder, f'model={folder}/missing')

    copy, weights = spoiled_model(folder, 'unet/diffusion_pytorch_model.safetensors')
    os.truncate(weights, weights.stat().st_size - 1000)
    check_error('a truncated weights file', weights.name, folder, f'model={copy}')

    copy, config = spoiled_model(folder, 'vae/config.json')
    settings = json.loads(config.read_text())
    settings['block_out_channels'][-1] *= 2
    config.write_text(json.dumps(settings))
    check_error('a config that contradicts the weights', 'vae', folder, f'model={copy}')

    copy, config = spoiled_model(folder, 'unet/config.json')
    config.write_text('{"sample_size": ')
    check_error('half a config', 'config.json', folder, f'model={copy}')


def bad_properties(folder):
    check_error('a width of 100', '104', folder, 'width=100')
    check_error('no such property', 'wdith', folder, 'wdith=128')
    check_error('no such device', 'ace-of-base', folder, 'device=ace-of-base')
    nowhere = str(folder / 'no-driver.json')
    check_error('no Vulkan device', 'Vulkan', folder,
                VK_ICD_FILENAMES=nowhere, VK_DRIVER_FILES=nowhere)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        bad_pictures(folder)
        bad_models(folder)
        bad_properties(folder)
        good_pictures(folder)
        evaluation(folder)
    print(f'1..{len(results)}')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
