"""Do probabilities mean what they say: reliability bins, Brier score, expected calibration error."""

from dataclasses import dataclass

import numpy as np

from models.judge.nouns import Units
from models.seeds.intervals import Rate, exact

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Units whose probability lies in one tenth, and how many of them are positive."""

    low: float
    high: float
    mean: float  #: of the probabilities
    observed: Rate


@dataclass(frozen=True)
class Calibration:
    """One level's calibration."""

    brier: float
    ece: float
    bins: tuple[Bin, ...]


def calibration(units: Units) -> Calibration | None:
    """None when there is nothing to compare; empty bins are left out."""
    if not len(units.truth):
        return None
    from sklearn.metrics import brier_score_loss

    score = np.clip(units.score, 0, 1)
    place = np.minimum((score * BINS).astype(int), BINS - 1)
    bins = tuple(_bin(units, score, place == at, at) for at in range(BINS) if (place == at).any())
    gaps = [each.observed.of * abs(each.mean - each.observed.value) for each in bins]
    return Calibration(
        brier=float(brier_score_loss(units.truth, score, pos_label=True)), ece=sum(gaps) / len(score), bins=bins
    )


def _bin(units: Units, score: np.ndarray, inside: np.ndarray, at: int) -> Bin:
    observed = exact(int(units.truth[inside].sum()), int(inside.sum()))
    return Bin(at / BINS, (at + 1) / BINS, float(score[inside].mean()), observed)
