"""Burduja et al.: ResNeXt-101 per slice, features reduced to 120, then a BiLSTM along the scan."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from models.seeds.backbones import Backbone, PooledNet
from models.seeds.features import Reduction, selection
from models.seeds.systems import BURDUJA

LABELS = len(BURDUJA.labels)
RESNEXT = Backbone("resnext101_32x8d")


def slice_net(spec: Backbone = RESNEXT, pretrained: bool = False) -> PooledNet:
    """Six sigmoid logits, `any` last; features are the pooled 2048."""
    return PooledNet(spec, LABELS, pretrained)


def as_linear(reduction: Reduction) -> nn.Linear:
    """A fitted PCA or selection as a layer, so that it travels inside the graph."""
    kept, features = reduction.weight.shape
    layer = nn.Linear(features, kept)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(reduction.weight))
        layer.bias.copy_(torch.from_numpy(reduction.bias))
    return layer.requires_grad_(False)


@dataclass(frozen=True)
class LstmConfig:
    """The published sequence stage."""

    features: int = 120
    hidden: int = 256
    layers: int = 3
    between: float = 0.3  #: dropout between the layers
    before: float = 0.5  #: dropout before the head


class ScanLstm(nn.Module):
    """Reduced features [B, T, 120] and slice probabilities [B, T, 6] to logits [B, T, 6]; any T, nothing padded."""

    def __init__(self, config: LstmConfig | None = None) -> None:
        super().__init__()
        config = config or LstmConfig()
        self.lstm = nn.LSTM(
            config.features + LABELS, config.hidden, config.layers, batch_first=True, dropout=config.between,
            bidirectional=True,
        )  # fmt: skip
        self.dropout = nn.Dropout(config.before)
        self.head = nn.Linear(2 * config.hidden + LABELS, LABELS)

    def forward(self, features: Tensor, probabilities: Tensor) -> Tensor:
        along, _ = self.lstm(torch.cat([features, probabilities], 2))
        return cast(Tensor, self.head(self.dropout(torch.cat([along, probabilities], 2))))


class ScanReader(nn.Module):
    """Pooled features [B, T, 2048] and slice probabilities [B, T, 6] to probabilities [B, T, 6]; the exported graph."""

    inputs = ("features", "probabilities")

    def __init__(self, reduction: Reduction, stage: ScanLstm) -> None:
        super().__init__()
        self.reduce = as_linear(reduction)
        self.stage = stage

    def forward(self, features: Tensor, probabilities: Tensor) -> Tensor:
        return torch.sigmoid(cast(Tensor, self.stage(self.reduce(features), probabilities)))


def scan_reader(width: int, config: LstmConfig | None = None) -> ScanReader:
    """Ready to be trained or loaded: until a reduction is fitted it keeps the first columns."""
    config = config or LstmConfig()
    return ScanReader(selection(range(config.features), width), ScanLstm(config))
