"""Read series made of numbers alone, for the judge's tests."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from models import find_pack, series_scores
from models.judge.nouns import KINDS, LABELS, CaseReading, Spot

ABSENT = Spot(0, float("nan"), float("nan"), float("nan"), float("nan"))


def reading(any_column: Sequence[float], truth: Sequence[float], **facts: Any) -> CaseReading:
    """Make a series with these probabilities of any bleed and this slice truth; all blood is of one kind."""
    kind = facts.pop("kind", "subdural")
    count, at = len(any_column), LABELS.index(kind)
    table = np.full((count, len(LABELS)), 0.01, np.float32)
    table[:, 0] = table[:, at] = any_column
    slices = np.zeros((count, len(LABELS)))
    slices[:, 0] = slices[:, at] = truth
    positions = np.arange(count) * 5.0
    series = np.nan_to_num(slices).max(axis=0)
    volumes = np.zeros(len(KINDS))
    volumes[at - 1] = facts.pop("ml", 2.0) * series[0]
    usual: dict[str, Any] = {
        "patient": "p", "study": "1", "series": "1.1", "source": "folder", "vendor": "SIEMENS", "thickness_mm": 5.0,
        "labels": LABELS, "positions": positions, "probabilities": table,
        "series_probabilities": series_scores(table, positions).series_probabilities, "slice_truth": slices,
        "series_truth": series, "volume_ml": float(volumes.sum()),
        "volumes_ml": volumes, "spot": ABSENT, "seconds": 0.5,
    }  # fmt: skip
    return CaseReading(**(usual | facts))


def card(**changes: Any) -> Any:
    """Give the bundled card with a plain operating point, or with other facts."""
    from dataclasses import replace

    from models.sections import Rule

    rule = Rule("run", MappingProxyType({"run_mm": 10.0}))
    return replace(find_pack("default"), **({"slice_threshold": 0.5, "rule": rule} | changes))


def crowd(patients: int = 12) -> list[CaseReading]:
    """Make a small set: every other patient bleeds, one bleed is missed, one clear head is called."""
    rng = np.random.default_rng(5)
    cases = []
    for number in range(patients):
        ill = number % 2 == 0
        truth = [0, 0, 1, 1, 1, 0] if ill else [0] * 6
        column = np.where(np.array(truth) > 0, 0.1 if number == 2 else 0.9, 0.1)
        column[4:] = 0.6 if number == 3 else column[4:]
        column = np.clip(column + rng.normal(0, 0.03, 6), 0.001, 0.999)
        cases.append(
            reading(
                column, truth, patient=f"p{number}", series=f"1.{number}",
                vendor=("SIEMENS", "Philips")[number % 3 > 0], thickness_mm=(1.0, 5.0)[number % 4 > 0],
                kind=KINDS[number // 2 % 5], ml=0.5 + number,
                spot=Spot(3, 10.0, 10.0, 2.0 if ill else float("inf"), 1.0 if ill else float("inf")),
            )
        )  # fmt: skip
    return cases
