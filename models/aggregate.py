"""Slice probabilities to series probabilities; validated with the weights, so it lives with them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RUN_MM = 10.0  #: a finding must fill about this much of the scan axis to count in full


@dataclass(frozen=True, eq=False)
class SeriesScores:
    """Probabilities of a whole series, in the card's label order."""

    slice_probabilities: NDArray[np.float32]  # [T, K] in the order given
    series_probabilities: NDArray[np.float32]  # [K]


def series_scores(probabilities: ArrayLike, positions: ArrayLike) -> SeriesScores:
    """Robust maximum: the best mean over a contiguous window of about RUN_MM; positions in mm, any order."""
    slices = np.asarray(probabilities, np.float32)
    place = np.asarray(positions, np.float64)
    if slices.ndim != 2 or place.shape != slices.shape[:1] or not len(place):
        raise ValueError(f"need [T, K] probabilities and T positions, got {slices.shape} and {place.shape}")
    order = np.argsort(place, kind="stable")
    width = _window(place[order])
    return SeriesScores(slices, _best_mean(slices[order], width))


def _window(ascending: NDArray[np.float64]) -> int:
    steps = np.diff(ascending)
    real = steps[steps > 0]
    if not real.size:
        return 1
    return int(np.clip(round(RUN_MM / float(np.median(real))), 1, len(ascending)))


def _best_mean(slices: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    total = np.concatenate([np.zeros((1, slices.shape[1])), np.cumsum(slices, axis=0, dtype=np.float64)])
    means = (total[width:] - total[:-width]) / width
    return np.asarray(means.max(axis=0), np.float32)
