#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs pipelines, most of them to an error, with GStreamer's leaks tracer and
fails if an object, buffer, event or caps outlives its pipeline."""

import os
import subprocess
import sys

PICTURE = 'videotestsrc num-buffers=1 ! video/x-raw,width=64,height=48'
VIDEO = 'videotestsrc num-buffers=5 ! video/x-raw,width=64,height=48'
SMALL = 'width=64 height=64 num-frames=1 steps=1'
TENSOR = ('other/tensors,format=static,num_tensors=1,types=(string)float32,'
          'dimensions=(string)')

# [launch line, what its error says or None for success]
LINES = [
    [f'{PICTURE} ! svdbin {SMALL} ! fakesink', None],
    [f'{VIDEO} ! vidinterp ! video/x-raw,framerate=70/1 ! fakesink', None],
    [f'{VIDEO} ! vidinterp slowdown=3 method=duplicate ! fakesink', None],
    [f'{VIDEO},interlace-mode=interleaved ! vidinterp ! fakesink',
     'deinterlace'],
    [f'{PICTURE} ! svdbin {SMALL} model=/no/such/folder ! fakesink',
     '/no/such/folder'],
    [f'{PICTURE} ! svdbin {SMALL} device=ace-of-base ! fakesink',
     'ace-of-base'],
    [f'{PICTURE} ! svdbin {SMALL} width=100 ! fakesink', '104x'],
    [f'filesrc location={__file__} ! svddecode ! fakesink', 'caps'],
    [f'filesrc location={__file__} ! {TENSOR}8:8:16:2 ! svddecode ! fakesink',
     'blocksize'],
    [f'filesrc location={__file__} ! {TENSOR}8:8:3:2 ! svddecode ! fakesink',
     'channels'],
    [f'filesrc location={__file__} ! {TENSOR}8:zero ! svddecode ! fakesink',
     'zero'],
]


def run(program, line):
    env = dict(os.environ, GST_TRACERS='leaks', GST_DEBUG='GST_TRACER:7',
               GST_DEBUG_NO_COLOR='1')
    result = subprocess.run([program, *line.split()], env=env, timeout=120,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    return result.returncode, result.stdout


def check(program, line, text):
    print('$ gst-launch-1.0', line, flush=True)
    code, output = run(program, line)
    leaks = [row for row in output.splitlines() if ':: object-alive,' in row]
    errors = [row for row in output.splitlines() if row.startswith('ERROR')]

    if leaks:
        return 'leaks:\n' + '\n'.join(leaks)
    if 'CRITICAL' in output or code < 0:
        return output
    if text is None:
        return None if code == 0 else output
    if code == 0 or not errors or text not in errors[0]:
        return f'does not say {text}:\n' + output
    return None


def main(program):
    problems = [check(program, *line) for line in LINES]
    sys.exit('\n'.join(problem for problem in problems if problem) or 0)


main(sys.argv[1])
