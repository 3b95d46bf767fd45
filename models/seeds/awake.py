"""Untrained networks that react: fresh ones hide behind zeroed norms and flat heads, and any comparison would pass."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.seeds.bench import Member

HEAD_SD = 0.7  #: of the heads of sequence stages
LOGIT_SD, MOST = 0.8, 4.0  #: of a slice network over the pictures it is settled on; most that its head is scaled by


def pictures(size: int, count: int = 4) -> Tensor:
    """Soft shapes in -1..1, each with more contrast than the one before."""
    coarse = torch.randn(count, 3, 8, 8) * torch.linspace(0.3, 2, count)[:, None, None, None]
    return F.interpolate(coarse, (size, size), mode="bilinear").clamp(-1, 1)


def wake(net: nn.Module) -> nn.Module:
    """Random norms (timm starts the last one of each block at zero) and strong heads along the scan."""
    for name, part in net.named_modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.1)
        if name.endswith("head") and isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, 0, HEAD_SD)
    return net.eval()


@torch.no_grad()
def settle(net: Member, given: Tensor) -> None:
    """Norms that fit what they see, and logits that tell the pictures apart."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None
    net.train()(given)
    logits, _ = net.eval()(given)
    scale = (LOGIT_SD / logits.std(0).clamp_min(1e-6)).clamp_max(MOST)
    net.fc.weight.mul_(scale[:, None])
    net.fc.bias.copy_((net.fc.bias - logits.mean(0)) * scale)
