"""Trained nets to plain results, in one graph: reported probabilities, pooled features and closed-form Grad-CAM.

What is exported is anything with forward(x) -> (probabilities, features, cam); this is the one for nets whose head is
pool + linear. `smoothed` is the published map with gradients at hand; the node has its twin in models.explain.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.explain import STEPS
from models.seeds.backbones import PooledNet
from models.seeds.effclass import EffClass

Member = PooledNet | EffClass


class Bench(nn.Module):
    """One net, or several that are averaged; of a two-logit softmax head only the finding is reported."""

    def __init__(
        self, members: Sequence[Member], *, softmax: bool = False, temperature: float = 1.0, weighted: bool = False
    ) -> None:
        super().__init__()
        if weighted and (len(members) > 1 or not softmax):
            raise ValueError("the weighted map is handed out for one net with one finding alone")
        self.members = nn.ModuleList(members)
        self.softmax, self.temperature, self.weighted = softmax, temperature, weighted

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Probabilities [B, K], features [B, F], cam [B, K, h, w] >= 0, and the weighted map [B, F, h, w] if asked.

        Several members: probabilities and maps are their means; features are all their pooled vectors, then all their
        probabilities, so that a sequence stage finds each member's own.
        """
        maps = [cast(Member, net).activation(x) for net in self.members]
        pooled = [one.mean((2, 3)) for one in maps]
        chances = [self._report(F.linear(row, *self._head(at, every=True))) for at, row in enumerate(pooled)]
        cams = same_side([weighted(one, self._head(at)[0]) for at, one in enumerate(maps)])
        cam = torch.stack([torch.relu(one) for one in cams]).mean(0)
        features = torch.cat(pooled if len(maps) == 1 else [*pooled, *chances], 1)
        extra = (maps[0] * self._head(0)[0][0, :, None, None],) if self.weighted else ()
        return torch.stack(chances).mean(0), features, cam, *extra

    def _head(self, place: int, *, every: bool = False) -> tuple[Tensor, Tensor]:
        """Weight and bias of a member's head; of two logits the finding's alone, unless every row is asked for."""
        head = cast(Member, self.members[place]).fc
        rows = slice(1, None) if self.softmax and not every else slice(None)
        return head.weight[rows], head.bias[rows]

    def _report(self, logits: Tensor) -> Tensor:
        scaled = logits / self.temperature
        return torch.softmax(scaled, 1)[:, 1:] if self.softmax else torch.sigmoid(scaled)


def same_side(maps: Sequence[Tensor]) -> list[Tensor]:
    """Maps [B, K, h, w] brought to the finest of them."""
    side = max(int(one.shape[2]) for one in maps), max(int(one.shape[3]) for one in maps)
    return [one if tuple(one.shape[2:]) == side else F.interpolate(one, side, mode="bilinear") for one in maps]


def weighted(activation: Tensor, weights: Tensor) -> Tensor:
    """[B, K, h, w]: with pool + linear the gradient of a logit is its weight row over the number of positions."""
    return F.conv2d(activation, weights[:, :, None, None])


def grad_cam(net: Member, x: Tensor, row: int) -> Tensor:
    """[B, h, w] by its definition, with gradients: what the closed form has to equal over the number of positions."""
    activation = net.activation(x).detach().requires_grad_()
    logits = net.fc(activation.mean((2, 3)))
    (gradient,) = torch.autograd.grad(logits[:, row].sum(), activation)
    return torch.relu((gradient.mean((2, 3), keepdim=True) * activation).sum(1)).detach()


@torch.no_grad()
def smoothed(net: Member, x: Tensor, label: int, eigen: bool = True) -> Tensor:
    """[B, h, w] in 0..1: the published map, mean over mirrored and dimmed copies; `eigen` projects on the main axis."""
    total = torch.zeros(())
    for step in STEPS:
        for mirrored in (False, True):
            _, activation = net((x.flip(3) if mirrored else x) * step)
            one = stretched(_map(activation * net.fc.weight[label][:, None, None], eigen))
            total = total + (one.flip(2) if mirrored else one)
    return total / (2 * len(STEPS))


def _map(parts: Tensor, eigen: bool) -> Tensor:
    """[B, F, h, w] of weighted activations to [B, h, w], by the sum or by the first axis turned to agree with it."""
    summed = parts.sum(1)
    if not eigen:
        return summed
    points = parts.flatten(2).transpose(1, 2).double()
    points = points - points.mean(1, keepdim=True)
    _, _, axes = torch.linalg.svd(points, full_matrices=False)
    along = (points @ axes[:, 0, :, None])[..., 0]
    agree = (along * summed.flatten(1)).sum(1, keepdim=True)
    return cast(Tensor, along * torch.where(agree < 0, -1.0, 1.0)).reshape(summed.shape).float()


def stretched(maps: Tensor) -> Tensor:
    """Cut at zero, then each map's lowest to 0 and highest to 1."""
    cut = torch.relu(maps)
    low, high = cut.amin((1, 2), keepdim=True), cut.amax((1, 2), keepdim=True)
    return (cut - low) / (high - low).clamp_min(1e-12)
