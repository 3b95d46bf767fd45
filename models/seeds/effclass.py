"""EfficientClassification: EfficientDet-D0's pyramid, unrolled to a picture that a ResNet18 reads. 512 x 512 only.

The five transposed convolutions bring every level of the pyramid to exactly 224 x 224; for another input size the sides
differ and nothing fits. Between the pyramid and the ResNet there is no norm and no activation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from models.seeds.backbones import Backbone, build, trunk
from models.seeds.systems import EFFCLASS
from models.seeds.torchvision_shim import import_effdet

RESNET18 = Backbone("resnet18")
PICTURE = 224  #: side of what the ResNet reads


class Unroll(NamedTuple):
    """One transposed convolution."""

    channels: int
    kernel: int
    stride: int
    padding: int
    dilation: int

    def side(self, length: int) -> int:
        """Side of the output for an input of this side."""
        return (length - 1) * self.stride - 2 * self.padding + self.dilation * (self.kernel - 1) + 1


#: one per level of the pyramid, P3 to P7
UNROLLS = (Unroll(16, 19, 3, 1, 2), Unroll(12, 9, 7, 1, 1), Unroll(8, 24, 9, 2, 4), Unroll(4, 28, 9, 1, 6),
           Unroll(2, 30, 8, 2, 7))  # fmt: skip


@dataclass(frozen=True)
class EffClassConfig:
    """The published network; tests swap in smaller parts."""

    detector: Mapping[str, Any] = field(default_factory=dict)  #: changes to effdet's efficientdet_d0
    reader: Backbone = RESNET18


class Pyramid(nn.Module):
    """Backbone and BiFPN of the detector, heads left off; only the backbone is ever pretrained."""

    def __init__(self, changes: Mapping[str, Any], pretrained: bool) -> None:
        super().__init__()
        effdet = import_effdet()
        from omegaconf import OmegaConf

        config = OmegaConf.merge(effdet.get_efficientdet_config("efficientdet_d0"), dict(changes))
        whole = build(
            lambda weights: cast(nn.Module, effdet.EfficientDet(config, pretrained_backbone=weights)),
            str(config.backbone_name),
            pretrained,
        )
        self.backbone, self.fpn = cast(nn.Module, whole.backbone), cast(nn.Module, whole.fpn)
        self.channels = int(config.fpn_channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        return list(self.fpn(self.backbone(x)))


class EffClass(nn.Module):
    """[B, 3, 512, 512] to logits [B, 2] (no, yes) and the last ResNet map [B, 512, 7, 7]."""

    def __init__(self, config: EffClassConfig | None = None, pretrained: bool = False) -> None:
        super().__init__()
        config = config or EffClassConfig()
        self.det = Pyramid(config.detector, pretrained)
        self.deconvs = nn.ModuleList(
            nn.ConvTranspose2d(
                self.det.channels, one.channels, one.kernel, one.stride, one.padding, dilation=one.dilation
            )
            for one in UNROLLS
        )
        self.conv0 = nn.Conv2d(sum(one.channels for one in UNROLLS), 16, 5, padding=2)
        self.conv1 = nn.Conv2d(16, 3, 3, padding=1)
        self.resnet = trunk(config.reader, pretrained)
        self.fc = nn.Linear(int(cast(Any, self.resnet).num_features), len(EFFCLASS.labels))

    def picture(self, x: Tensor) -> Tensor:
        """What the ResNet reads: the pyramid unrolled to [B, 3, 224, 224]."""
        if tuple(x.shape[2:]) != (EFFCLASS.size, EFFCLASS.size):
            raise ValueError(f"effclass reads {EFFCLASS.size} x {EFFCLASS.size} alone, got {tuple(x.shape[2:])}")
        maps = [unroll(level) for unroll, level in zip(self.deconvs, self.det(x), strict=True)]
        return cast(Tensor, self.conv1(self.conv0(torch.cat(maps, 1))))

    def activation(self, x: Tensor) -> Tensor:
        """The map after the ResNet's last block."""
        return cast(Tensor, cast(Any, self.resnet).forward_features(self.picture(x)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        activation = self.activation(x)
        return cast(Tensor, self.fc(activation.mean((2, 3)))), activation
