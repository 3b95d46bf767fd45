"""One batch: phantoms, flat drawings and bent real heads, these twice: with blood, and without or with something dark.

A batch is a function of its seed alone, so that a run that was killed goes on as if nothing had been.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.phantom.grid import Array
from models.phantom.scanner import enlarge
from models.preprocess import windowed
from models.train.augment import augment
from models.train.data import CELL_MM2, KINDS, MAP, SPEC, SliceSet, labels_of
from models.train.simple import draw_simple

BATCH = 32
BLOOD_HU, SPREAD_HU = (42, 82), (36, 68)  #: of clots; of blood between gyri and in ventricles
THIN = ("subarachnoid", "intraventricular")
DARK_HU, DARK_SHARE = (4, 22), 0.3  #: the bleed-free partner sometimes has an old infarct's shape instead
#: the order in which a batch takes the kinds; the two that are hardest to see come twice
TURNS = [KINDS.index(kind) for kind in (
    "subdural", "subarachnoid", "epidural", "intraparenchymal", "intraventricular", "subdural", "subarachnoid",
)]  # fmt: skip
BRIGHTER = 8.0  #: HU; blood no brighter than this above what it replaces does not count


@dataclass(frozen=True, eq=False)
class Drawn:
    """What one step learns from."""

    images: torch.Tensor  # [B, 3, S, S]
    labels: torch.Tensor  # [B, 6]
    weights: torch.Tensor  # [B, 6]
    blood: torch.Tensor  # [B, 5, MAP, MAP] 0..1


@dataclass(frozen=True, eq=False)
class Pool:
    """Slices of one world and what is known of them beforehand."""

    slices: SliceSet
    areas: NDArray[np.float32]  # [N, 5]
    odds: NDArray[np.float64] | None = None  # [N], None = all alike

    def pick(self, kind: int | None, rng: np.random.Generator) -> int | None:
        """A slice with this kind of blood, or any; None where there is none."""
        own = np.arange(len(self.areas)) if kind is None else np.flatnonzero(self.areas[:, kind] >= CELL_MM2)
        if not len(own):
            return None
        odds = None if self.odds is None else self.odds[own] / self.odds[own].sum()
        return int(rng.choice(own, p=odds))

    @classmethod
    def of(cls, slices: SliceSet) -> "Pool":
        """Count the blood once."""
        return cls(slices, slices.areas())


@dataclass(frozen=True, eq=False)
class Pools:
    """The two worlds; either may be missing."""

    phantoms: Pool | None
    bent: Pool | None


@dataclass(eq=False)
class Rows:
    """A batch while it is put together."""

    hu: NDArray[np.float32]
    shares: NDArray[np.float32]


@dataclass(frozen=True)
class Mix:
    """How a batch is shared out among the worlds; phantoms get the rest."""

    bent: float = 0.5
    simple: float = 0.125
    plain: bool = False  #: almost no augmentation, to measure what it brings


def batch(pools: Pools, mix: Mix, seed: int) -> Drawn:
    """One step's slices; the seed decides all."""
    rng = np.random.default_rng(seed)
    parts = [rows for rows in _parts(pools, mix, rng) if len(rows.hu)]
    hu, shares = np.concatenate([part.hu for part in parts]), np.concatenate([part.shares for part in parts])
    labels, weights = labels_of(shares)
    generator = torch.Generator().manual_seed(seed)
    seen, blood = augment(torch.from_numpy(hu), torch.from_numpy(shares), generator, plain=mix.plain)
    images = torch.from_numpy(windowed(seen.numpy(), SPEC)).contiguous(memory_format=torch.channels_last)
    return Drawn(images, torch.from_numpy(labels), torch.from_numpy(weights), blood)


def _parts(pools: Pools, mix: Mix, rng: np.random.Generator) -> list[Rows]:
    simple = round(BATCH * mix.simple)
    rest = BATCH - simple
    pairs = 0 if pools.bent is None else rest // 2 if pools.phantoms is None else round(BATCH * mix.bent / 2)
    parts = [from_simple(simple, rng)]
    if pools.phantoms:
        parts.append(from_phantoms(pools.phantoms, rest - 2 * pairs, rng))
    if pools.bent:
        parts.append(from_bent(pools.bent, pairs, rng))
    return parts


def from_simple(count: int, rng: np.random.Generator) -> Rows:
    """Flat drawings."""
    drawn = [draw_simple(rng) for _ in range(count)]
    empty = Rows(np.zeros((0, SPEC.size, SPEC.size), np.float32), np.zeros((0, len(KINDS), MAP, MAP), np.float32))
    return Rows(np.stack([hu for hu, _ in drawn]), np.stack([share for _, share in drawn])) if drawn else empty


def from_phantoms(pool: Pool, count: int, rng: np.random.Generator) -> Rows:
    """Half of them bleeds, the kinds in turn."""
    picked = np.array([_one(pool, place if place < count // 2 else None, rng) for place in range(count)], np.intp)
    order = np.argsort(picked)  # a mapped file is read in its order
    back = np.argsort(order)
    hu = pool.slices.hu[picked[order]][back].astype(np.float32)
    return Rows(hu, (pool.slices.shares[picked[order]][back] / np.float32(255)).astype(np.float32))


def from_bent(pool: Pool, pairs: int, rng: np.random.Generator) -> Rows:
    """Each head twice; the kinds in turn as far as there are heads with them."""
    bleeding = pairs - pairs // 5  # a fifth come as they are, mostly without blood
    chosen = np.array([_one(pool, place if place < bleeding else None, rng) for place in range(pairs)], np.intp)
    hosts = pool.slices.hu[chosen].astype(np.float32)
    kinds = pool.slices.shares[chosen] / np.float32(255)
    rows = Rows(np.concatenate([hosts, hosts]), np.zeros((2 * pairs, len(KINDS), MAP, MAP), np.float32))
    for place, host in enumerate(hosts):
        full = pool.slices.full[chosen[place]] / np.float32(255)
        bloody = set_in(host, full, blood_hu(kinds[place], rng), rng)
        seen = _visible(host, bloody, full)
        rows.hu[place], rows.shares[place] = bloody, kinds[place] * seen
        if rng.random() < DARK_SHARE:
            rows.hu[pairs + place] = set_in(host, full, DARK_HU, rng)
    return rows


def _one(pool: Pool, turn: int | None, rng: np.random.Generator) -> int:
    """The kinds in turn; any slice where no turn is given or nothing is to be had."""
    found = None if turn is None else pool.pick(TURNS[turn % len(TURNS)], rng)
    return int(pool.pick(None, rng) or 0) if found is None else found


def blood_hu(kinds: NDArray[np.float32], rng: np.random.Generator) -> tuple[float, float]:
    """How dense this blood is: spread thin it is less so."""
    main = KINDS[int(kinds.sum(axis=(1, 2)).argmax())]
    return SPREAD_HU if main in THIN else BLOOD_HU


def set_in(head: Array, share: Array, densities: tuple[float, float], rng: np.random.Generator) -> Array:
    """Mix something of a drawn density into the slice; clots are uneven."""
    knots = int(rng.choice([16, 32, 56]))
    rough = enlarge(rng.normal(0, rng.uniform(0.5, 6), (knots, knots)).astype(np.float32), SPEC.size)
    return np.asarray(head + share * (rng.uniform(*densities) + rough - head), np.float32)


def _visible(host: Array, bloody: Array, full: Array) -> float:
    """1 where the blood stands out, 0 where nobody could see it."""
    where = full > 0.5
    if not where.any():
        return 1.0
    return float(np.median((bloody - host)[where]) >= BRIGHTER)
