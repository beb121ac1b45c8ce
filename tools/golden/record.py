# SPDX-License-Identifier: LGPL-2.1-or-later
"""Forward hooks that note what modules return and what goes into them."""

import re

import torch


def first_tensor(output):
    """The tensor that matters of what a module returns (blocks also return their skips)."""
    if torch.is_tensor(output):
        return output
    return first_tensor(output[0])


class Recorder:
    """Context manager: notes outputs of the modules whose path matches `outputs`,
    and for those matching `inputs` their first argument (`path/input`) and, for
    residual blocks, the time embedding (`path/temb`)."""

    def __init__(self, model, outputs, inputs=None):
        self.model, self.outputs, self.inputs = model, outputs, inputs
        self.tensors, self.handles = {}, []

    def _hook(self, path):
        def note(module, args, kwargs, output):
            self.tensors[path] = first_tensor(output).detach().clone()
            if self.inputs and re.fullmatch(self.inputs, path):
                self.tensors[f"{path}/input"] = args[0].detach().clone()
                if len(args) > 1 and torch.is_tensor(args[1]):
                    self.tensors[f"{path}/temb"] = args[1].detach().clone()
        return note

    def __enter__(self):
        for path, module in self.model.named_modules():
            if re.fullmatch(self.outputs, path):
                hook = module.register_forward_hook(self._hook(path), with_kwargs=True)
                self.handles.append(hook)
        return self

    def __exit__(self, *_):
        for handle in self.handles:
            handle.remove()
