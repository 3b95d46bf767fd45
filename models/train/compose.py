"""One batch: phantoms beside bent real heads, and on both the same head with blood, without, and with a dark blob."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.phantom.grid import Array
from models.phantom.scanner import enlarge
from models.preprocess import windowed
from models.train.augment import augment
from models.train.data import LABELS, MAP, SPEC, SliceSet

BATCH = 32
BLOOD_HU, DARK_HU = (48, 78), (2, 20)
DARK_SHARE = 0.35  #: of the bleed-free partners that get an old infarct's shape instead of blood
LEAST_MM2, LEAST_HU = 60.0, 10.0  #: blood that is smaller, or no brighter than this above the brain, does not count
TRIES = 5
Drawn = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Pools:
    """What batches are drawn from."""

    phantoms: SliceSet
    bent: SliceSet | None = None


@dataclass(eq=False)
class Rows:
    """A batch while it is put together: HU, labels, weights and blood maps 0..1."""

    hu: NDArray[np.float32]
    labels: NDArray[np.float32]
    weight: NDArray[np.float32]
    blood: NDArray[np.float32]


def batch(pools: Pools, share: float, seed: int) -> Drawn:
    """Images, labels, slice weights and blood maps of one step; `share` of them bent heads; the seed decides all."""
    rng = np.random.default_rng(seed)
    pairs = round(BATCH * share / 2) if pools.bent else 0
    rows = from_phantoms(pools.phantoms, BATCH - 2 * pairs, rng)
    if pools.bent and pairs:
        rows = _stacked(rows, from_bent(pools.bent, pools.phantoms, pairs, rng))
    hu, blood = augment(torch.from_numpy(rows.hu), torch.from_numpy(rows.blood), torch.Generator().manual_seed(seed))
    images = torch.from_numpy(windowed(hu.numpy(), SPEC)).contiguous(memory_format=torch.channels_last)
    return images, torch.from_numpy(rows.labels), torch.from_numpy(rows.weight), blood


def from_phantoms(data: SliceSet, count: int, rng: np.random.Generator) -> Rows:
    """Half bleeds, each kind as often as the others; neighbours of the same kind are mixed in as thick slices do."""
    picked = rng.integers(len(data.hu), size=count)
    for place in range(count // 2):
        own = np.flatnonzero(data.labels[:, 1 + place % (len(LABELS) - 1)])
        if len(own):
            picked[place] = rng.choice(own)
    beside = np.clip(picked + rng.choice([-1, 1], count), 0, len(data.hu) - 1)
    alike = (data.patient[beside] == data.patient[picked]) & (data.labels[beside, 0] == data.labels[picked, 0])
    mixed = (rng.uniform(0, 0.35, count) * alike * (rng.random(count) < 0.4)).astype(np.float32)[:, None, None]
    hu = data.hu[picked] * (1 - mixed) + data.hu[beside] * mixed
    return Rows(
        np.asarray(hu, np.float32),
        data.labels[picked],
        data.weight[picked],
        np.asarray(data.blood[picked] / 255, np.float32),
    )


def from_bent(bent: SliceSet, donors: SliceSet, pairs: int, rng: np.random.Generator) -> Rows:
    """Each head twice: once with a phantom's blood, once without it or with something dark in the same shape."""
    candidates = np.flatnonzero(donors.labels[:, 0] > 0)
    room = bent.blood.mean(axis=(1, 2)) + 8.0
    chosen = rng.choice(len(bent.hu), pairs, p=room / room.sum())
    hosts = bent.hu[chosen].astype(np.float32)
    rows = Rows(
        np.concatenate([hosts, hosts]), np.zeros((2 * pairs, len(LABELS)), np.float32),
        np.ones(2 * pairs, np.float32), np.zeros((2 * pairs, MAP, MAP), np.float32),
    )  # fmt: skip
    for place, head in enumerate(hosts):
        for donor in rng.choice(candidates, TRIES):
            share = _where_it_fits(donors.blood[donor], bent.blood[chosen[place]], head)
            bloody = _set_in(head, share, BLOOD_HU, rng)
            if float(((bloody - head) > LEAST_HU).sum()) * SPEC.mm_per_pixel**2 >= LEAST_MM2:
                rows.hu[place], rows.labels[place] = bloody, donors.labels[donor]
                rows.blood[place] = share.reshape(MAP, -1, MAP, SPEC.size // MAP).mean(axis=(1, 3))
                if rng.random() < DARK_SHARE:
                    rows.hu[pairs + place] = _set_in(head, share, DARK_HU, rng)
                break
    return rows


def _where_it_fits(blood: NDArray[np.uint8], room: NDArray[np.uint8], head: Array) -> Array:
    inside = enlarge(room / np.float32(255), SPEC.size) * (head > 0) * (head < 90)
    return np.asarray(np.clip(enlarge(blood / np.float32(255), SPEC.size) * 1.3 - 0.15, 0, 1) * inside, np.float32)


def _set_in(head: Array, share: Array, densities: tuple[int, int], rng: np.random.Generator) -> Array:
    rough = enlarge(rng.normal(0, 2, (32, 32)).astype(np.float32), SPEC.size)
    return np.asarray(head + share * (rng.uniform(*densities) + rough - head), np.float32)


def _stacked(first: Rows, second: Rows) -> Rows:
    return Rows(
        np.concatenate([first.hu, second.hu]), np.concatenate([first.labels, second.labels]),
        np.concatenate([first.weight, second.weight]), np.concatenate([first.blood, second.blood]),
    )  # fmt: skip
