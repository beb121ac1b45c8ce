# SPDX-License-Identifier: LGPL-2.1-or-later
"""What both trainings do alike."""

import torch


def rate(fraction, step, tail):
    """Warm up, hold, and come down straight to zero over the last part of the time."""
    return min(1, (step + 1) / 60, max(0.0, (1 - fraction) / tail))


def channels_last(parameters):
    """Kernels of convolutions as the fast passes' activations lie."""
    for p in parameters:
        if p.dim() == 4:
            p.data = p.data.contiguous(memory_format=torch.channels_last)


def compiled(functions, wanted):
    return [torch.compile(f, dynamic=False) if wanted else f for f in functions]


def write_checkpoint(path, state):
    """Whoever reads it meanwhile, or after an interruption, finds a whole one."""
    temporary = path.with_suffix(".new")
    torch.save(state, temporary)
    temporary.replace(path)
