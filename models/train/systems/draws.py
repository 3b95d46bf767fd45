"""Which slices or scans a step learns from: a pure function of seed, stage and step, so a killed run goes on alike."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.train.systems.shelf import SliceTable

Order = NDArray[np.intp]


def rng_of(seed: int, stage: str, *counts: int) -> np.random.Generator:
    """Random numbers of one place in a run."""
    return np.random.default_rng([seed, *stage.encode(), *counts])


def every(table: SliceTable, per_series: int, rng: np.random.Generator) -> Order:
    """All slices in a drawn order."""
    return rng.permutation(len(table))


def balanced(table: SliceTable, per_series: int, rng: np.random.Generator) -> Order:
    """All slices with a bleed and as many without, in a drawn order."""
    bleeding = table.labels[:, 0] > 0.5
    yes, no = np.flatnonzero(bleeding), np.flatnonzero(~bleeding)
    count = min(len(yes), len(no))
    return rng.permutation(np.concatenate([rng.permutation(yes)[:count], rng.permutation(no)[:count]]))


def middle(table: SliceTable, per_series: int, rng: np.random.Generator) -> Order:
    """`per_series` of each series, nearer to mid-scan more often; the last slice of a series is never drawn."""
    chosen = []
    for own in np.split(np.arange(len(table)), np.flatnonzero(np.diff(table.case)) + 1):
        place, length = table.place[own], table.length[own]
        merit = np.maximum(np.minimum(place, length - 1 - place) / 4, 1) * (place < length - 1)
        if merit.sum() > 0:
            chosen.append(rng.choice(own, per_series, p=merit / merit.sum()))
    return rng.permutation(np.concatenate(chosen))


#: by the recipe's word; each takes the table, slices per series and random numbers
DRAWS: Mapping[str, Callable[[SliceTable, int, np.random.Generator], Order]] = {
    "all": every, "balanced": balanced, "middle": middle,
}  # fmt: skip


def scan_window(length: int, crop: int, thin_out: float, rng: np.random.Generator) -> Order:
    """Slices of a scan that one step sees: every second one at times, then `crop` neighbours of what is left."""
    kept = np.arange(length)
    if length > 10 and rng.random() < thin_out:
        kept = kept[int(rng.integers(2)) :: 2]
    if not crop or len(kept) <= crop:
        return kept
    start = int(rng.integers(len(kept) - crop + 1))
    return kept[start : start + crop]
