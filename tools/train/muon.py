# SPDX-License-Identifier: LGPL-2.1-or-later
"""Muon for matrices and convolutions, Adam for everything else.

Training time is what this model lacks most. Muon (Keller Jordan and others,
2024) replaces a weight's momentum by the nearest orthogonal matrix, so that
rare directions learn as fast as common ones; on small networks it needs far
fewer steps than Adam. The Newton-Schulz iteration costs a few per cent of a
step here.
"""

import torch


def orthogonalize(matrices, rounds=5):
    """Matrices of one shape, [n, rows, columns], each to the nearest orthogonal one or nearly so."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    for _ in range(rounds):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


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
            update = self.update_matrices if group["muon"] else self.update_others
            update(group, [p for p in group["params"] if p.grad is not None])

    def update_matrices(self, group, parameters):
        """Those of one shape together: a graphics card is idle between small products."""
        alike = {}
        for p in parameters:
            state = self.state[p]
            if not state:
                state["m"] = torch.zeros_like(p)
            state["m"].mul_(group["momentum"]).add_(p.grad)
            update = p.grad.add(state["m"], alpha=group["momentum"]).reshape(p.shape[0], -1)
            alike.setdefault(update.shape, []).append((p, update))
        for (rows, columns), found in alike.items():
            updates = orthogonalize(torch.stack([update for _, update in found]))
            scale = group["lr"] * max(1, rows / columns) ** 0.5
            for (p, _), update in zip(found, updates):
                p.mul_(1 - group["lr"] * group["decay"])
                p.add_(update.reshape(p.shape), alpha=-scale)

    def update_others(self, group, parameters):
        for p in parameters:
            state = self.state[p]
            if not state:
                state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
            state["step"] += 1
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
            values = {key: value for key, value in module.state_dict().items() if value.is_floating_point()}
            torch._foreach_lerp_([self.state[name][key] for key in values], list(values.values()), 1 - keep)
