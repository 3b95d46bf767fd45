"""How often each slice is drawn: the harder a network found it, the more often.

Most slices are soon learnt; a stage that draws by difficulty spends its steps on sinuses, calcium and small bleeds.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from models.classify.net import LocateNet
from models.preprocess import windowed
from models.train.augment import augment
from models.train.compose import Pool, Pools
from models.train.data import LABELS, SPEC, labels_of

EVEN = 0.4  #: share that is drawn without regard to difficulty
LOT = 64


def by_difficulty(pools: Pools, checkpoint: Path, kept: Path) -> Pools:
    """Both worlds with the odds that this network gives them; what was worked out is kept and taken up again."""
    kept.mkdir(parents=True, exist_ok=True)
    net = LocateNet(len(LABELS))
    state = torch.load(checkpoint, weights_only=True)
    net.take(state.get("average", state["net"]))
    net.eval()
    return Pools(_with_odds(pools.phantoms, net, kept / "phantoms.npy"), _with_odds(pools.bent, net, kept / "bent.npy"))


def _with_odds(pool: Pool | None, net: LocateNet, path: Path) -> Pool | None:
    if pool is None:
        return None
    if not path.exists():
        np.save(path.with_suffix(".new.npy"), odds_of(losses(pool, net)))
        path.with_suffix(".new.npy").replace(path)
    return replace(pool, odds=np.load(path))


def odds_of(losses: NDArray[np.float32]) -> NDArray[np.float64]:
    """Chances that sum to one, never none for a slice."""
    odds = EVEN / len(losses) + (1 - EVEN) * losses.astype(np.float64) / max(float(losses.sum()), 1e-9)
    return np.asarray(odds / odds.sum(), np.float64)


@torch.no_grad()
def losses(pool: Pool, net: LocateNet) -> NDArray[np.float32]:
    """Cross entropy of `any` for each slice as it is, slices of unknown truth 0."""
    found = []
    for at in range(0, len(pool.areas), LOT):
        hu = pool.slices.hu[at : at + LOT].astype(np.float32)
        shares = (pool.slices.shares[at : at + LOT] / np.float32(255)).astype(np.float32)
        shares *= not pool.slices.full.size  # a host is judged without the blood that may be set into it
        labels, weights = labels_of(shares)
        generator = torch.Generator().manual_seed(at)
        seen, _ = augment(torch.from_numpy(hu), torch.from_numpy(shares), generator, plain=True)
        logits = net(torch.from_numpy(windowed(seen.numpy(), SPEC)))[0][:, 0]
        each = F.binary_cross_entropy_with_logits(logits, torch.from_numpy(labels[:, 0]), reduction="none")
        found.append(each.numpy() * weights[:, 0])
    return np.concatenate(found)
