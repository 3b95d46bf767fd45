"""The slice network: a small plain ResNet whose head is pool + linear, so its Grad-CAM has a closed form."""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F


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


class SliceNet(nn.Module):
    """[B, 3, 256, 256] to logits [B, K]; the last map is [B, 8 * width, 16, 16]."""

    def __init__(self, labels: int = 6, width: int = 24) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width // 2, 3, 2, 1, bias=False), nn.BatchNorm2d(width // 2), nn.ReLU(),  # 128
            nn.Conv2d(width // 2, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),  # 64
        )  # fmt: skip
        self.stages = nn.Sequential(
            Block(width, width, 1),  # 64
            Block(width, 2 * width, 2),  # 32
            Block(2 * width, 4 * width, 2),  # 16
            Block(4 * width, 8 * width, 1),  # 16: kept fine, for the map
        )
        self.fc = nn.Linear(8 * width, labels)

    def activation(self, x: Tensor) -> Tensor:
        """The last feature map A."""
        return cast(Tensor, self.stages(self.stem(x)))

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.fc(self.activation(x).mean((2, 3))))
