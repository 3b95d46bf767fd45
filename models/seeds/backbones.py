"""Pooled slice networks with a linear head: any timm network by name, so that Grad-CAM has a closed form."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from torch import Tensor, nn

from models.seeds.torchvision_shim import import_timm

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backbone:
    """A timm network by name; small ones for tests differ from the published ones in these fields alone."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)  #: what timm's constructor takes beside the name


def build(make: Callable[[bool], nn.Module], name: str, pretrained: bool) -> nn.Module:
    """Run `make(pretrained)`; where the weights are neither cached nor reachable, say so and start from scratch."""
    if not pretrained:
        return make(False)
    try:
        return make(True)
    except (OSError, RuntimeError) as unreachable:
        why = str(unreachable).partition("\n")[0]
        log.warning("no pretrained weights for %s (%s); it trains from scratch", name, why)
        return make(False)


def trunk(spec: Backbone, pretrained: bool = False) -> nn.Module:
    """A timm network without its classifier; `forward_features` gives the last map after its activation."""

    def make(weights: bool) -> nn.Module:
        net = import_timm().create_model(spec.name, pretrained=weights, num_classes=0, **spec.options)
        return cast(nn.Module, net)

    return build(make, spec.name, pretrained)


class PooledNet(nn.Module):
    """[B, 3, H, W] to logits [B, K] and the last map [B, F, h, w]; the mean of that map is the feature vector."""

    def __init__(self, spec: Backbone, labels: int, pretrained: bool = False) -> None:
        super().__init__()
        self.trunk = trunk(spec, pretrained)
        self.fc = nn.Linear(int(cast(Any, self.trunk).num_features), labels)

    def activation(self, x: Tensor) -> Tensor:
        """The last feature map."""
        return cast(Tensor, cast(Any, self.trunk).forward_features(x))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        activation = self.activation(x)
        return cast(Tensor, self.fc(activation.mean((2, 3)))), activation
