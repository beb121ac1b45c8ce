#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vidinterp as an effect in GStreamer's editing services: renders a clip with
it, and looks whether all frames are there."""

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


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for line in (CLIP, RENDER, SPLIT):
            run(line)
        frames = len(glob.glob('*.jpg'))
        os.chdir('/')
    assert frames == FPS * SECONDS, f'{frames} frames'


main()
