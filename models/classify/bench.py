"""Net to plain results: calibrated probabilities, the pooled vector and the closed-form Grad-CAM, in one graph."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.classify.net import SliceNet


class SliceBench(nn.Module):
    """Wraps a trained net; this is what is exported."""

    def __init__(self, net: SliceNet, temperature: float) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities [B, K], features [B, F], cam [B, K, h, w]."""
        activation = self.net.activation(x)
        features = activation.mean((2, 3))
        weights = self.net.fc.weight
        logits = F.linear(features, weights, self.net.fc.bias)
        cam = torch.relu(F.conv2d(activation, weights[:, :, None, None]))
        return torch.sigmoid(logits / self.temperature), features, cam
