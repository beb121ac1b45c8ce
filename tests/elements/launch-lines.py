#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the launch lines of the elements' documentation, one after the other in
an empty folder with a photo.jpg, as a reader would. Only the clips are shorter
and sampled in one step, to save time."""

import os
import re
import subprocess
import sys
import tempfile

PHOTO = ('gst-launch-1.0 -q videotestsrc num-buffers=1 ! '
         'video/x-raw,width=320,height=240 ! jpegenc ! '
         'filesink location=photo.jpg')


def launch_lines(path):
    """The lines between |[ and ]| of the SECTION comment."""
    with open(path, encoding='utf-8') as source:
        comment = source.read().partition('SECTION:')[2].partition('*/')[0]
    text = re.sub(r'^ \* ?', '', comment, flags=re.MULTILINE)
    return [block.strip() for block in
            re.findall(r'\|\[(.*?)\]\|', text, re.DOTALL)]


def shorten(line):
    """Clips of 2 frames instead of the model's 14."""
    line = re.sub(r'(svdsample|svdbin) ', r'\1 steps=1 num-frames=2 ', line)
    if ':14,' in line:
        line = re.sub(r'blocksize=(\d+)',
                      lambda size: f'blocksize={int(size[1]) // 7}', line)
    return line.replace(':14,', ':2,')


def run(line):
    print('$', line, flush=True)
    return subprocess.run(line, shell=True, timeout=250).returncode


def check(path):
    lines = launch_lines(path)
    assert lines, f'{path} has no launch line'
    for line in lines:
        assert run(shorten(line)) == 0, f'{path}: the launch line fails'

        written = re.findall(r'filesink location=(\S+)', line)
        for name in written:
            assert os.path.getsize(name) > 0, f'{path}: {name} is empty'


def main(paths):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.abspath(path) for path in paths]
        os.chdir(folder)
        assert run(PHOTO) == 0
        for path in paths:
            check(path)
        os.chdir('/')


main(sys.argv[1:])
