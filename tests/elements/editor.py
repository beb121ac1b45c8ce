#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vidinterp as an effect in GStreamer's editing services, where the frame rate
stays: renders a clip of half the project's rate with it. All frames must be
there, and those that the project's rate repeats must show motion."""

import glob
import os
import subprocess
import tempfile

FPS, SECONDS = 24, 2
CLIP = (f'gst-launch-1.0 -q videotestsrc pattern=ball num-buffers={FPS} ! '
        'video/x-raw,width=160,height=120,framerate=12/1 ! jpegenc ! avimux ! '
        'filesink location=clip.avi')
RENDER = ('ges-launch-1.0 +clip clip.avi +effect vidinterp '
          f'--track-types video --video-caps video/x-raw,framerate={FPS}/1 '
          '-o film.avi -f video/x-msvideo:image/jpeg')
SPLIT = ('gst-launch-1.0 -q filesrc location=film.avi ! avidemux ! '
         'multifilesink location=%05d.jpg')


def run(line):
    print('$', line, flush=True)
    subprocess.run(line.split(), timeout=100, check=True)


def read(name):
    with open(name, 'rb') as file:
        return file.read()


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for line in (CLIP, RENDER, SPLIT):
            run(line)
        frames = [read(name) for name in sorted(glob.glob('*.jpg'))]
        os.chdir('/')
    assert len(frames) == FPS * SECONDS, f'{len(frames)} frames'
    # Those around the end have nothing after them.
    unlike = len(set(frames))
    assert unlike > 0.9 * len(frames), f'only {unlike} unlike frames'


main()
