# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tensors with names and explanations, written as golden.safetensors and golden.json."""

import json
import re

import numpy as np
import torch
from safetensors.torch import save_file


class Store:
    """Collects tensors; each has a line saying what it is."""

    def __init__(self):
        self.tensors, self.about = {}, {}

    def add(self, key, value, about):
        """Store `value` (a tensor, an array or a list of numbers) as fp32, pictures as uint8."""
        assert re.fullmatch(r"[A-Za-z0-9_./-]+", key), key
        assert key not in self.tensors, key
        tensor = torch.as_tensor(np.asarray(value) if not torch.is_tensor(value) else value)
        if tensor.dtype != torch.uint8:
            tensor = tensor.float()
            assert torch.isfinite(tensor).all(), f"{key}: not finite"
        self.tensors[key] = tensor.detach().clone().contiguous()
        self.about[key] = about
        return self.tensors[key]

    def save(self, folder, parameters):
        """Write both files; the JSON lists every key with its shape, type and meaning."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.tensors, str(folder / "golden.safetensors"))
        keys = {key: dict(shape=list(t.shape), dtype=str(t.dtype).removeprefix("torch."),
                          about=self.about[key])
                for key, t in sorted(self.tensors.items())}
        text = json.dumps(dict(parameters, keys=keys), indent=1)
        (folder / "golden.json").write_text(_compact_lists(text) + "\n")


def _compact_lists(text):
    """Put lists of numbers and the entries of `keys` on one line each."""
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]",
                  lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)
    return re.sub(r"\{\s+(\"shape\"[^{}]*?)\s+\}",
                  lambda m: "{" + re.sub(r"\n\s+", " ", m[1]) + "}", text)
