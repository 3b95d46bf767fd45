"""Net to plain results: calibrated probabilities, the pooled vector and the map of cells, in one graph."""

import torch
from torch import Tensor, nn

from models.classify.net import LocateNet


class LocateBench(nn.Module):
    """What is exported: probabilities [B, K], features [B, F] and the map [B, K, S / 8, S / 8]."""

    def __init__(self, net: LocateNet, temperature: float) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, cells, pooled = self.net(x)
        return torch.sigmoid(logits / self.temperature), pooled, torch.sigmoid(cells / self.temperature)
