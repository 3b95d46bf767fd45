"""The default reader's network: says for each 8 mm cell whether blood is there and of which kind, and so for the slice.

A small ResNet whose maps are brought together at an eighth of the input (a feature pyramid). Trained on voxel truth,
its maps are what is shown as heat; the slice's logit is their strongest cells (the peak of a small bleed, the mean of a
larger one) beside what the deepest map says.

The net can grow without forgetting: `sharp` looks at half of the input's resolution, where a film of blood beside the
skull is still a film, and `more` holds a second block at each scale. Both begin by adding nothing, so that weights of
the smaller net, taken by `take`, say at first exactly what they said before.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRONGEST, PEAK = 6, 2  #: cells that speak for the slice, about 4 cm2; those of them that speak once more
WIDTHS = (24, 48, 96, 160)  #: at S / 4, S / 8, S / 16, S / 32
SHARP = 16  #: channels at S / 2
GROWN = ("sharp.", "sharpen.", "more.")  #: parts that weights of the smaller net lack


def _shortcut(inner: int, outer: int, stride: int) -> nn.Module:
    pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
    return nn.Sequential(pool, nn.Conv2d(inner, outer, 1, bias=False), nn.BatchNorm2d(outer))


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outer)
        self.short = nn.Identity() if inner == outer and stride == 1 else _shortcut(inner, outer, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.short(x))


def _silent(width: int) -> Block:
    """A block that passes on what it is given until it has learnt something."""
    block = Block(width, width, 1)
    nn.init.zeros_(block.norm2.weight)
    return block


class LocateNet(nn.Module):
    """[B, 3, S, S] to slice logits [B, K] and cell logits [B, K, S / 8, S / 8]."""

    def __init__(self, labels: int = 6, widths: tuple[int, ...] = WIDTHS, merged: int = 64) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.stem = nn.Sequential(nn.Conv2d(3, first, 6, 4, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU())
        self.sharp = nn.Sequential(
            nn.Conv2d(3, SHARP, 3, 2, 1, bias=False), nn.BatchNorm2d(SHARP), nn.ReLU(), Block(SHARP, SHARP, 1)
        )
        self.sharpen = nn.Conv2d(SHARP, first, 2, 2, bias=False)
        nn.init.zeros_(self.sharpen.weight)
        self.fine = Block(first, first, 1)
        self.middle = nn.Sequential(Block(first, second, 2), Block(second, second, 1))
        self.coarse = nn.Sequential(Block(second, third, 2), Block(third, third, 1))
        self.deep = nn.Sequential(Block(third, fourth, 2), Block(fourth, fourth, 1))
        self.lateral = nn.ModuleList(nn.Conv2d(width, merged, 1) for width in widths[1:])
        self.detail = nn.Conv2d(first, merged, 2, 2)
        self.merge = nn.Sequential(
            nn.BatchNorm2d(merged), nn.ReLU(), nn.Conv2d(merged, merged, 3, 1, 1, bias=False),
            nn.BatchNorm2d(merged), nn.ReLU(),
        )  # fmt: skip
        self.more = nn.ModuleDict(
            {"fine": _silent(first), "middle": _silent(second), "coarse": _silent(third), "merge": _silent(merged)}
        )
        self.cells = nn.Conv2d(merged, labels, 1)
        self.fc = nn.Linear(fourth, labels)
        self.trust = nn.Parameter(torch.full((labels,), 0.5))
        self.trust_peak = nn.Parameter(torch.full((labels,), 0.5))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Slice logits, cell logits and the pooled deepest map."""
        fine = self.more["fine"](self.fine(self.stem(x) + self.sharpen(self.sharp(x))))
        middle = self.more["middle"](self.middle(fine))
        coarse = self.more["coarse"](self.coarse(middle))
        deep = self.deep(coarse)
        maps = self.lateral[1](coarse) + _doubled(self.lateral[2](deep))
        maps = self.lateral[0](middle) + self.detail(fine) + _doubled(maps)
        cells = self.cells(self.more["merge"](self.merge(maps)))
        pooled = deep.mean((2, 3))
        strongest = cells.flatten(2).topk(STRONGEST, 2).values
        heard = self.trust * strongest.mean(2) + self.trust_peak * strongest[:, :, :PEAK].mean(2)
        return heard + self.fc(pooled), cells, pooled

    def take(self, state: Mapping[str, Tensor]) -> None:
        """Load weights; those of the smaller net leave what has grown since as it begins."""
        found = self.load_state_dict(state, strict=False)
        strange = [key for key in found.missing_keys if not key.startswith(GROWN)] + found.unexpected_keys
        if strange:
            raise ValueError(f"these weights are of another network, see {strange[0]}")


def _doubled(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2.0, mode="nearest")
