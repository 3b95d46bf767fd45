"""Read series as units to count: slices, series, patients; the any column or one kind."""

from collections.abc import Sequence

import numpy as np

from models.card import Card
from models.judge.nouns import LABELS, CaseReading, Units
from models.judge.rule import calls

LEVELS = ("slice", "series", "patient")


def patients_of(cases: Sequence[CaseReading]) -> list[int]:
    """A number for each case's patient, in the order of first appearance."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(f"{case.source}/{case.patient}", len(numbers)) for case in cases]


def slice_units(cases: Sequence[CaseReading], threshold: float, label: str = "any") -> Units:
    """Every slice whose truth is known."""
    at = LABELS.index(label)
    truth = np.concatenate([case.slice_truth[:, at] for case in cases])
    score = np.concatenate([case.column(label) for case in cases]).astype(np.float64)
    lengths = [len(case.positions) for case in cases]
    patient = np.repeat(np.array(patients_of(cases), np.intp), lengths)
    known = np.isfinite(truth) & np.isfinite(score)
    return Units(
        "slice", truth[known] > 0.5, score[known], score[known] > threshold, patient[known], int((~known).sum())
    )


def series_units(cases: Sequence[CaseReading], card: Card, label: str = "any") -> Units:
    """Every series whose truth is known; a kind is called where its probability exceeds one half."""
    rows = [
        (case.truth(label), case.score(label), _called(case, card, label), patient)
        for case, patient in zip(cases, patients_of(cases), strict=True)
    ]
    truth, score, called, patient = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    known = np.isfinite(truth) & np.isfinite(score)
    return Units(
        "series", truth[known] > 0.5, score[known], called[known] > 0.5, patient[known].astype(np.intp),
        int((~known).sum()),
    )  # fmt: skip


def _called(case: CaseReading, card: Card, label: str) -> bool:
    return calls(case, card) if label == "any" else case.score(label) > 0.5


def patient_units(series: Units) -> Units:
    """A patient is positive, or called, when any of its series is; its score is the highest of its series."""
    names, place = np.unique(series.patient, return_inverse=True)
    top = np.full(len(names), -np.inf)
    np.maximum.at(top, place, series.score)
    truth, called = (
        np.bincount(place, weights=mark, minlength=len(names)) > 0 for mark in (series.truth, series.called)
    )
    return Units("patient", truth, top, called, names)


def levels(cases: Sequence[CaseReading], card: Card) -> dict[str, Units]:
    """All three for `any`."""
    series = series_units(cases, card)
    return {
        "slice": slice_units(cases, card.slice_threshold),
        "series": series,
        "patient": patient_units(series),
    }
