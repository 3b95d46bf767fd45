"""Wang et al.: three CNNs per slice, then one network along the scan that holds Sequence Model 1 and 2.

Tensors: features [B, T, M, F] of M backbones, probabilities [B, T, M, 6], spacing [B, T] in mm to the next slice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.seeds.backbones import Backbone, PooledNet
from models.seeds.systems import WANG_CNNS, WANG_WINDOWS

LABELS = len(WANG_WINDOWS.labels)
BACKBONES = tuple(Backbone(name) for name in WANG_CNNS)


def slice_net(spec: Backbone, pretrained: bool = False) -> PooledNet:
    """Six sigmoid logits, `any` first; both input variants have three channels."""
    return PooledNet(spec, LABELS, pretrained)


@dataclass(frozen=True)
class SequenceConfig:
    """The published sequence network for M backbones."""

    backbones: int = 1
    features: int = 2048
    hidden: int = 512
    squeezed: int = 128
    gru: int = 96
    wide: int = 512  #: channels after the first convolution along the scan
    narrow: int = 256  #: and after the later ones
    dropout: float = 0.5


def channels(probabilities: Tensor, spacing: Tensor) -> Tensor:
    """[B, 2M + 2, T, 6]: the mean, M cyclic differences, the M sets themselves, the spacing."""
    sets = probabilities.permute(0, 2, 1, 3)
    following = torch.cat([sets[:, 1:], sets[:, :1]], 1)
    gap = spacing[:, None, :, None].expand(-1, 1, -1, sets.shape[3])
    return torch.cat([sets.mean(1, keepdim=True), sets - following, sets, gap], 1)


def _along(inner: int, outer: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    """Convolution along the scan alone; the six labels share its weights."""
    reach = dilation * (kernel - 1) // 2
    conv = nn.Conv2d(inner, outer, (kernel, 1), padding=(reach, 0), dilation=(dilation, 1), bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outer), nn.ReLU())


class _Recurrent(nn.Module):
    """Two layers of BiGRU and a linear head: [B, T, inner] to [B, T, 6]."""

    def __init__(self, inner: int, hidden: int) -> None:
        super().__init__()
        self.gru = nn.GRU(inner, hidden, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, LABELS)

    def forward(self, x: Tensor) -> Tensor:
        along, _ = self.gru(x)
        return cast(Tensor, self.head(along))


class FeatureStage(nn.Module):
    """Sequence Model 1: features [B, T, M, F] to logits [B, T, 6]."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(
            nn.Dropout2d(config.dropout),
            nn.Conv2d(config.features, config.hidden, 1, bias=False), nn.BatchNorm2d(config.hidden), nn.ReLU(),
            nn.Dropout2d(config.dropout),
            nn.Conv2d(config.hidden, config.squeezed, 1, bias=False), nn.BatchNorm2d(config.squeezed), nn.ReLU(),
            nn.Dropout2d(config.dropout),
        )  # fmt: skip
        self.direct = nn.Linear(config.squeezed * config.backbones, LABELS)
        self.recurrent = _Recurrent(config.squeezed * config.backbones, config.gru)

    def forward(self, features: Tensor) -> Tensor:
        squeezed = self.squeeze(features.permute(0, 3, 1, 2))  # [B, squeezed, T, M]
        rows = squeezed.permute(0, 2, 1, 3).flatten(2)
        return cast(Tensor, self.direct(rows) + self.recurrent(rows))


class ScoreStage(nn.Module):
    """Sequence Model 2: channels [B, 2M + 3, T, 6] to logits [B, T, 6]."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            _along(2 * config.backbones + 3, config.wide, 5),
            _along(config.wide, config.narrow, 3, 2),
            _along(config.narrow, config.narrow, 3, 4),
            _along(config.narrow, config.narrow, 3, 2),
        )
        self.direct = nn.Conv2d(config.narrow, 1, (3, 1), padding=(1, 0), bias=False)
        self.recurrent = _Recurrent(config.narrow * LABELS, config.gru)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.convs(x)
        return cast(Tensor, self.direct(maps)[:, 0] + self.recurrent(maps.permute(0, 2, 1, 3).flatten(2)))


class SequenceModel(nn.Module):
    """Both stages; logits of the second and of the first, for both are trained."""

    def __init__(self, config: SequenceConfig | None = None) -> None:
        super().__init__()
        config = config or SequenceConfig()
        self.first, self.second = FeatureStage(config), ScoreStage(config)

    def forward(self, features: Tensor, probabilities: Tensor, spacing: Tensor) -> tuple[Tensor, Tensor]:
        early = self.first(features)
        x = torch.cat([channels(probabilities, spacing), torch.sigmoid(early)[:, None]], 1)
        return self.second(x), early


class BothWays(nn.Module):
    """Probabilities [B, T, 6]: the mean of the scan read forward and reversed; spacing turns round, sign kept."""

    def __init__(self, model: SequenceModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Tensor, probabilities: Tensor, spacing: Tensor) -> Tensor:
        ahead, _ = self.model(features, probabilities, spacing)
        back, _ = self.model(features.flip(1), probabilities.flip(1), spacing.flip(1))
        return (torch.sigmoid(ahead) + torch.sigmoid(back).flip(1)) / 2


class ChainAverage(nn.Module):
    """The paper's ensemble: one chain per backbone, probabilities averaged; the code has one joint model."""

    def __init__(self, models: Sequence[SequenceModel]) -> None:
        super().__init__()
        self.chains = nn.ModuleList(BothWays(model) for model in models)

    def forward(self, features: Tensor, probabilities: Tensor, spacing: Tensor) -> Tensor:
        each = [
            chain(features[:, :, place : place + 1], probabilities[:, :, place : place + 1], spacing)
            for place, chain in enumerate(self.chains)
        ]
        return torch.stack(each).mean(0)


class WangScan(nn.Module):
    """What the slice graph hands on [B, T, F], probabilities [B, T, 6] and spacing to probabilities [B, T, 6].

    F = the pooled vectors of all members, then, when they are several, their 6 probabilities each.
    """

    def __init__(self, widths: Sequence[int], reader: BothWays | ChainAverage, padded: int) -> None:
        super().__init__()
        self.widths, self.padded, self.reader = tuple(widths), padded, reader
        self.inputs = ("features", "spacing") if len(self.widths) > 1 else ("features", "probabilities", "spacing")

    def forward(self, features: Tensor, *rest: Tensor) -> Tensor:
        """The graph's inputs in the order of `inputs`."""
        *vectors, sets = torch.split(features, [*self.widths, features.shape[2] - sum(self.widths)], 2)
        if len(self.widths) == 1:
            sets = rest[0]
        members = sets.reshape(*sets.shape[:2], len(self.widths), LABELS)
        return cast(Tensor, self.reader(same_width(vectors, self.padded), members, rest[-1]))


def scan_reader(widths: Sequence[int], sizes: Mapping[str, int], *, chains: bool = False) -> WangScan:
    """The code's joint model over all members, or the paper's average of one chain per member; `sizes` for tests."""
    count = 1 if chains else len(widths)
    config = replace(SequenceConfig(count), **sizes)
    if chains:
        return WangScan(widths, ChainAverage([SequenceModel(config) for _ in widths]), config.features)
    return WangScan(widths, BothWays(SequenceModel(config)), config.features)


def same_width(features: Sequence[Tensor], width: int = 2048) -> Tensor:
    """Vectors [B, T, F] of several backbones to [B, T, M, width], short ones filled with zeros."""
    return torch.stack([F.pad(one, (0, width - one.shape[2])) for one in features], 2)
