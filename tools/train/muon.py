# SPDX-License-Identifier: LGPL-2.1-or-later
"""Muon for matrices and convolutions, Adam for everything else.

Training time is what this model lacks most. Muon (Keller Jordan and others,
2024) replaces a weight's momentum by the nearest orthogonal matrix, so that
rare directions learn as fast as common ones; on small networks it needs far
fewer steps than Adam. The Newton-Schulz iteration costs a few per cent of a
step here.
"""

import torch


def orthogonalize(matrix, rounds=5):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    for _ in range(rounds):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """lr is for matrices (a step changes a weight by about lr of its natural size), adam_lr for the rest."""

    def __init__(self, parameters, lr=0.02, adam_lr=1e-3, momentum=0.95, decay=0.0):
        matrices, others = [], []
        for parameter in parameters:
            big = parameter.dim() >= 2 and min(parameter.shape[0], parameter[0].numel()) >= 8
            (matrices if big else others).append(parameter)
        groups = [
            {"params": matrices, "base": lr, "lr": lr, "muon": True},
            {"params": others, "base": adam_lr, "lr": adam_lr, "muon": False},
        ]
        super().__init__([g for g in groups if g["params"]], {"momentum": momentum, "decay": decay})

    def set_rate(self, lr):
        """Another rate for matrices, after resuming."""
        for group in self.param_groups:
            if group["muon"]:
                group["base"] = lr

    def scale(self, factor):
        """Schedules multiply both rates."""
        for group in self.param_groups:
            group["lr"] = group["base"] * factor

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["step"] = 0
                    state["m"] = torch.zeros_like(p)
                    if not group["muon"]:
                        state["v"] = torch.zeros_like(p)
                state["step"] += 1
                if group["muon"]:
                    state["m"].mul_(group["momentum"]).add_(p.grad)
                    update = p.grad.add(state["m"], alpha=group["momentum"]).reshape(p.shape[0], -1)
                    rows, columns = update.shape
                    update = orthogonalize(update) * max(1, rows / columns) ** 0.5
                    if group["decay"]:
                        p.mul_(1 - group["lr"] * group["decay"])
                    p.add_(update.view(p.shape), alpha=-group["lr"])
                else:
                    m, v, t = state["m"], state["v"], state["step"]
                    m.lerp_(p.grad, 0.1)
                    v.lerp_(p.grad.square(), 0.01)
                    p.addcdiv_(m / (1 - 0.9**t), (v / (1 - 0.99**t)).sqrt_().add_(1e-8), value=-group["lr"])


class Average:
    """Exponential moving average of weights: what is exported.

    Its memory grows with the run, so that early, bad weights are forgotten.
    """

    def __init__(self, modules, longest=0.9995):
        self.modules, self.longest, self.steps = modules, longest, 0
        self.state = {k: {n: t.detach().clone() for n, t in m.state_dict().items()} for k, m in modules.items()}

    @torch.no_grad()
    def update(self):
        self.steps += 1
        keep = min(self.longest, (1 + self.steps) / (10 + self.steps))
        for name, module in self.modules.items():
            for key, value in module.state_dict().items():
                if value.is_floating_point():
                    self.state[name][key].lerp_(value, 1 - keep)
