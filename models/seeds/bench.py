"""Slice network to plain results: reported probabilities, pooled features and closed-form Grad-CAM, in one graph."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.seeds.backbones import PooledNet
from models.seeds.effclass import EffClass
from models.seeds.systems import SOFTMAX, System

#: brightness steps of the smoothed map; each also mirrored
STEPS = (0.9, 1.0, 1.1)


class SeedBench(nn.Module):
    """Wraps a trained net; columns are `system.findings`: of a two-logit head only the finding is reported."""

    def __init__(self, net: PooledNet | EffClass, system: System, temperature: float = 1.0) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature
        self.softmax = system.head == SOFTMAX

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities [B, K], features [B, F], cam [B, K, h, w] (positions times Grad-CAM, >= 0)."""
        logits, activation = self.net(x)
        weights, scaled = self.net.fc.weight, logits / self.temperature
        if self.softmax:
            probabilities, weights = torch.softmax(scaled, 1)[:, 1:], weights[1:]
        else:
            probabilities = torch.sigmoid(scaled)
        return probabilities, activation.mean((2, 3)), torch.relu(weighted(activation, weights))


def weighted(activation: Tensor, weights: Tensor) -> Tensor:
    """[B, K, h, w]: with pool + linear the gradient of a logit is its weight row over the number of positions."""
    return F.conv2d(activation, weights[:, :, None, None])


@torch.no_grad()
def smoothed(net: PooledNet | EffClass, x: Tensor, label: int, eigen: bool = True) -> Tensor:
    """[B, h, w] in 0..1: the published map, mean over mirrored and dimmed copies; `eigen` projects on the main axis."""
    total = torch.zeros(())
    for step in STEPS:
        for mirrored in (False, True):
            _, activation = net((x.flip(3) if mirrored else x) * step)
            one = stretched(_map(activation * net.fc.weight[label][:, None, None], eigen))
            total = total + (one.flip(2) if mirrored else one)
    return total / (2 * len(STEPS))


def _map(parts: Tensor, eigen: bool) -> Tensor:
    """[B, F, h, w] of weighted activations to [B, h, w], by the sum or by the first principal axis."""
    if not eigen:
        return parts.sum(1)
    points = parts.flatten(2).transpose(1, 2)
    points = points - points.mean(1, keepdim=True)
    _, _, axes = torch.linalg.svd(points, full_matrices=False)
    along = (points @ axes[:, 0, :, None])[..., 0]
    return cast(Tensor, along).reshape(parts.shape[0], *parts.shape[2:])


def stretched(maps: Tensor) -> Tensor:
    """Cut at zero, then each map's lowest to 0 and highest to 1."""
    cut = torch.relu(maps)
    low, high = cut.amin((1, 2), keepdim=True), cut.amax((1, 2), keepdim=True)
    return (cut - low) / (high - low).clamp_min(1e-12)
