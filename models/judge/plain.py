"""Judgements as JSON and cases as CSV."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.card import Card
from models.judge.nouns import KINDS, LABELS, CaseReading
from models.judge.rule import calls
from models.seeds.intervals import Rate

OUTCOMES = {(True, True): "TP", (True, False): "FN", (False, True): "FP", (False, False): "TN"}


def plain(thing: object) -> Any:
    """Dataclasses as objects, shares with their value, what is no finite number as null."""
    if is_dataclass(thing) and not isinstance(thing, type):
        found = {field.name: plain(getattr(thing, field.name)) for field in fields(thing)}
        return {"value": thing.value, **found} if isinstance(thing, Rate) else found
    if isinstance(thing, Mapping):
        return {str(key): plain(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [plain(each) for each in thing]
    if isinstance(thing, float | np.floating):
        return float(thing) if math.isfinite(thing) else None
    return str(thing) if isinstance(thing, Path) else thing


def write_json(path: Path, thing: Mapping[str, object]) -> None:
    """Readable, stable order."""
    path.write_text(json.dumps(plain(thing), indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def outcome(case: CaseReading, card: Card) -> str:
    """TP, FN, FP or TN of the card's rule; empty when the truth is not known."""
    truth = case.truth("any")
    return OUTCOMES[truth > 0.5, calls(case, card)] if math.isfinite(truth) else ""


def write_cases(path: Path, cases: Sequence[CaseReading], card: Card) -> None:
    """One line per series."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(HEADS)
        rows.writerows(_row(case, card) for case in cases)


HEADS = (
    "patient", "study", "series", "source", "vendor", "thickness_mm", "slices", "outcome", "ml_any",
    *(f"true_{label}" for label in LABELS), *(f"ml_{kind}" for kind in KINDS), *(f"p_{label}" for label in LABELS),
    "key_slice", "key_position_mm", "key_probability", "hottest_row", "hottest_col", "hottest_to_blood_mm", "seconds",
)  # fmt: skip


def _row(case: CaseReading, card: Card) -> list[object]:
    at = case.spot.slice
    return [
        case.patient, case.study, case.series, case.source, case.vendor, _short(case.thickness_mm),
        len(case.positions), outcome(case, card), _short(case.volume_ml),
        *(_short(each, 0) for each in case.series_truth),
        *(_short(each) for each in case.volumes_ml), *(_short(case.score(label), 6) for label in LABELS),
        at, _short(float(case.positions[at]), 2), _short(float(case.column("any")[at]), 6),
        _short(case.spot.row, 1), _short(case.spot.col, 1), _short(case.spot.plane_mm, 2), _short(case.seconds, 4),
    ]  # fmt: skip


def _short(value: float | None, digits: int = 3) -> str:
    """A number for a table; empty for what is not known, inf for what is nowhere."""
    if value is None or math.isnan(value):
        return ""
    return "inf" if math.isinf(value) else f"{value:.{digits}f}"
