# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all trainings do alike."""

import argparse

import torch

import architecture


def parser(description, minutes, batch, rate):
    """The options that all have, with what each takes unless told."""
    options = argparse.ArgumentParser(description=description.splitlines()[0])
    options.add_argument("--out", required=True, help="folder of checkpoints, with latent_code.pt in it")
    options.add_argument("--photos", help="folder of photographs; without it drawings are used")
    options.add_argument("--minutes", type=float, default=minutes)
    options.add_argument("--steps", type=int, default=10**9, help="stop earlier after so many steps")
    options.add_argument("--batch", type=int, default=batch)
    options.add_argument("--device", default=architecture.default_device(), help="cpu or cuda (default: %(default)s)")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--rate", type=float, default=rate, help="Muon's learning rate")
    return options


def set_up(args):
    """Before anything is computed."""
    torch.set_num_threads(args.threads)
    torch.set_float32_matmul_precision("high")  # TensorFloat-32 on graphics cards
    torch.manual_seed(args.seed)


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


class Trainer:
    """Networks, their optimizer and their average, and the checkpoint that holds all of them."""

    def __init__(self, checkpoint, modules, optimizer, average):
        self.checkpoint, self.modules, self.optimizer, self.average = checkpoint, modules, optimizer, average
        self.step, self.spent = 0, 0.0

    def state(self):
        return {
            "now": {name: module.state_dict() for name, module in self.modules.items()},
            "average": self.average.state, "average_steps": self.average.steps,
            "optimizer": self.optimizer.state_dict(), "step": self.step, "spent": self.spent,
        }

    def restore(self, saved):
        for name, module in self.modules.items():
            module.load_state_dict(saved["now"][name])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.average.state, self.average.steps = saved["average"], saved["average_steps"]
        self.step, self.spent = saved["step"], saved["spent"]

    def resume(self, rate, device):
        """From the checkpoint, if there is one, at another rate for matrices."""
        if not self.checkpoint.exists():
            return
        self.restore(torch.load(self.checkpoint, weights_only=True, map_location=device))
        self.optimizer.set_rate(rate)
        print(f"resumed at step {self.step}")

    def save(self):
        """Whoever reads it meanwhile, or after an interruption, finds a whole one."""
        temporary = self.checkpoint.with_suffix(".new")
        torch.save(self.state(), temporary)
        temporary.replace(self.checkpoint)
