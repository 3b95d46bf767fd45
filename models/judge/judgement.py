"""All that can be said about a reader on one set of cases, as data; the report only prints it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.card import Card
from models.judge.calibration import Calibration, calibration
from models.judge.curves import Areas, areas
from models.judge.groups import Group, Kind, by_group, by_kind
from models.judge.levels import LEVELS, levels
from models.judge.loss import WEIGHTS, label_losses, rsna_loss
from models.judge.nouns import LABELS, CaseReading, Estimate, Units
from models.judge.rates import Rates, count, rates_of, share
from models.judge.rule import calls
from models.judge.spots import NEAR_MM
from models.judge.sweep import Point, sweep
from models.seeds.intervals import Rate


@dataclass(frozen=True)
class Level:
    """Slices, series or patients."""

    name: str
    units: int
    positives: int
    unknown: int  #: left out, truth not known
    rates: Rates
    areas: Areas
    calibration: Calibration | None


@dataclass(frozen=True)
class Loss:
    """The RSNA metric and its parts."""

    weighted: Estimate
    by_label: dict[str, float]
    weights: dict[str, float]


@dataclass(frozen=True)
class Hits:
    """Hottest point of the key slice of each true positive series, where voxel truth exists."""

    plane: Rate | None  #: within NEAR_MM of blood in the same slice
    volume: Rate | None  #: within NEAR_MM of blood anywhere in the scan
    near_mm: float = NEAR_MM


@dataclass(frozen=True)
class Judgement:
    """The whole answer."""

    series: int
    patients: int
    slices: int
    levels: dict[str, Level]
    loss: Loss
    kinds: list[Kind]
    groups: list[Group]
    points: list[Point]
    hits: Hits


def judge(cases: Sequence[CaseReading], card: Card, resamples: int = 2000) -> Judgement:
    """Count, draw, compare; the bootstrap's seed is fixed."""
    units = levels(cases, card)
    return Judgement(
        series=len(cases), patients=len({(case.source, case.patient) for case in cases}),
        slices=sum(len(case.positions) for case in cases),
        levels={name: level(units[name], resamples) for name in LEVELS},
        loss=loss(cases), kinds=by_kind(cases, card, resamples), groups=by_group(cases, card, resamples),
        points=sweep(cases, card), hits=hits(cases, card),
    )  # fmt: skip


def level(units: Units, resamples: int) -> Level:
    """One level."""
    return Level(
        units.level, len(units.truth), units.positives, units.unknown,
        rates_of(count(units.truth, units.called)), areas(units, resamples), calibration(units),
    )  # fmt: skip


def loss(cases: Sequence[CaseReading]) -> Loss:
    """Over all slices of known truth, columns brought to the house order."""
    truth = np.concatenate([case.slice_truth for case in cases])
    given = np.concatenate([np.stack([case.column(label) for label in LABELS], axis=1) for case in cases])
    return Loss(rsna_loss(truth, given), label_losses(truth, given), dict(WEIGHTS))


def hits(cases: Sequence[CaseReading], card: Card) -> Hits:
    """Of the true positives whose blood is known voxel by voxel."""
    seen = [case for case in cases if case.truth("any") > 0.5 and calls(case, card)]
    spots = [case.spot for case in seen if not np.isnan(case.spot.plane_mm)]
    near = [sum(getattr(spot, name) <= NEAR_MM for spot in spots) for name in ("plane_mm", "volume_mm")]
    return Hits(share(near[0], len(spots)), share(near[1], len(spots)))
