"""Saraswathi and Leela Lakshmi: ResNet-50 with a two-class head on finished pictures."""

from models.seeds.backbones import Backbone, PooledNet
from models.seeds.systems import SARASWATHI

RESNET = Backbone("resnet50")


def slice_net(spec: Backbone = RESNET, pretrained: bool = False) -> PooledNet:
    """Two logits (no, yes) for softmax."""
    return PooledNet(spec, len(SARASWATHI.labels), pretrained)
