"""What other thresholds would have done: the rule stays, the slice threshold moves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.card import Card
from models.judge.levels import slice_units
from models.judge.nouns import CaseReading
from models.judge.rates import both
from models.judge.rule import sweep as calls_at
from models.seeds.intervals import Rate

THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)


@dataclass(frozen=True)
class Point:
    """One slice threshold."""

    threshold: float
    bundled: bool  #: the card's own
    slices: dict[str, Rate]
    series: dict[str, Rate]


def sweep(cases: Sequence[CaseReading], card: Card) -> list[Point]:
    """From lenient to strict, the card's own among them."""
    known = [case for case in cases if np.isfinite(case.truth("any"))]
    cuts = sorted({*THRESHOLDS, round(card.slice_threshold, 6)})
    slices, truth = slice_units(cases, 0.5), np.array([case.truth("any") > 0.5 for case in known], bool)
    called = calls_at(known, card, cuts)
    return [
        Point(
            cut, abs(cut - card.slice_threshold) < 1e-6,
            both(slices.truth, slices.score > cut), both(truth, row),
        )
        for cut, row in zip(cuts, called, strict=True)
    ]  # fmt: skip
