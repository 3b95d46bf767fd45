"""Net to plain results: calibrated probabilities, the pooled vector and the map of cells, in one graph."""

import torch
from torch import Tensor, nn

from models.classify.net import LocateNet


class LocateBench(nn.Module):
    """What is exported: probabilities [B, K], features [B, F] and the map [B, K, S / 8, S / 8].

    A head and its mirror image bleed alike, so `mirror` reads both and takes the mean of the logits.
    """

    def __init__(self, net: LocateNet, temperature: float, *, mirror: bool = False) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature
        self.mirror = mirror

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, cells, pooled = self.net(x)
        if self.mirror:
            other = self.net(x.flip(-1))
            logits, cells, pooled = (logits + other[0]) / 2, (cells + other[1].flip(-1)) / 2, (pooled + other[2]) / 2
        return torch.sigmoid(logits / self.temperature), pooled, torch.sigmoid(cells / self.temperature)
