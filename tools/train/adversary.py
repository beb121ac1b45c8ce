# SPDX-License-Identifier: LGPL-2.1-or-later
"""What keeps later frames sharp: a critic of codes, and the energy of each channel.

A regression predicts the mean of all that may come, and the mean is blurred. Two
terms beside the squared error say that a frame must also look like one:

* a small critic tells predicted from true codes of the same frame of the same
  clip (relativistic logistic loss, gradient penalties on both sides: Huang and
  others, "The GAN is dead; long live the GAN!", 2024);
* the energy of each channel in windows of WINDOW² codes is that of the true frame.
"""

import torch
from torch import nn
from torch.nn import functional as F

import architecture
import clips

WIDTH = 64
PENALTY, PENALTY_EVERY = 0.001, 4
ALONE = 60  # steps that the critic learns before it is heard
WINDOW, STRIDE = 8, 4
CRITIC_WEIGHT = 0.2
ENERGY_PART = 4.0  # of the squared error's gradient
TONE = 4
TONE_PART = 8.0  # likewise


def flat(codes):
    """[batch, frames, height, width, channels] to pictures, channels first."""
    return codes.flatten(0, 1).permute(0, 3, 1, 2)


def energy_loss(made, clean):
    """Squared log ratio of local energies, channel by channel."""
    made, clean = (F.avg_pool2d(flat(x).square(), WINDOW, STRIDE) for x in (made, clean))
    floor = 0.02 * clean.mean((0, 2, 3), keepdim=True)
    return ((made + floor) / (clean + floor)).log().square().mean()


def tone(error):
    """What of an error is a shift of tone: its mean over TONE² codes, [batch, frames, height, width, channels].

    The two terms above do not mind such shifts, and the eye does.
    """
    mean = F.avg_pool2d(flat(error), TONE)
    mean = mean.repeat_interleave(TONE, 2).repeat_interleave(TONE, 3)
    return mean.permute(0, 2, 3, 1).reshape(error.shape)


class Critic(nn.Module):
    """One verdict a code, from it and its surroundings, frame 0's codes and how far they moved."""

    def __init__(self, device):
        super().__init__()
        channels = 2 * architecture.LATENT_CHANNELS + 2
        self.layers = nn.Sequential(
            nn.Conv2d(channels, WIDTH, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(WIDTH, 1, 3, padding=1),
        ).to(device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.parameters(), 2e-3, (0.5, 0.99))
        self.steps = 0

    def forward(self, codes, beside):
        return self.layers(torch.cat([codes, beside], 1))

    def learn(self, made, clean, beside):
        """One step of telling made from true codes."""
        penalised = self.steps % PENALTY_EVERY == 0
        self.steps += 1
        both = [flat(x).detach().requires_grad_(penalised) for x in (made, clean)]
        false, true = (self(x, beside) for x in both)
        loss = F.softplus(false - true).mean()
        if penalised:
            for verdict, codes in zip((false, true), both):
                (slope,) = torch.autograd.grad(verdict.sum(), codes, create_graph=True)
                loss = loss + PENALTY * PENALTY_EVERY * slope.square().sum(1).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    def state(self):
        return {"weights": self.state_dict(), "optimizer": self.optimizer.state_dict(), "steps": self.steps}

    def load_state(self, state):
        self.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = state["steps"]


def surroundings(picture, frames, controls, numbers):
    """What the critic sees beside the codes: frame 0's, and how many codes each point has moved."""
    height, width = picture.shape[1:3]
    still = clips.sample_points([clips.Controls(bucket=0)], numbers, width, height)
    moved = clips.sample_points(controls, numbers, width, height) - still
    codes = torch.tensor([width / 2, height / 2], device=moved.device)
    return flat(torch.cat([picture[:, None].expand_as(frames), moved * codes], -1))


def push(critic, made, clean, beside, pull):
    """Gradient of both terms at predicted codes; pull: the norm of the squared error's gradient there."""
    critic.learn(made, clean, beside)
    if critic.steps <= ALONE:
        return torch.zeros_like(made)
    made = made.requires_grad_()
    true = critic(flat(clean), beside).detach()
    doubt = F.softplus(true - critic(flat(made), beside)).mean()
    (sharper,) = torch.autograd.grad(doubt, made)
    (stronger,) = torch.autograd.grad(energy_loss(made, clean), made)
    return CRITIC_WEIGHT * sharper + ENERGY_PART * pull / stronger.norm().clamp_min(1e-12) * stronger
