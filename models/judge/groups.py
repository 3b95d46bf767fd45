"""The same figures for parts of the data: by kind of bleed, vendor, slice thickness and volume of blood."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from models.card import Card
from models.judge.curves import Areas, areas
from models.judge.levels import series_units, slice_units
from models.judge.nouns import KINDS, LABELS, CaseReading, Estimate
from models.judge.rates import both, share
from models.judge.rule import calls
from models.seeds.intervals import Rate

THICKNESS_EDGES = (2.0, 4.0, 6.0)  #: mm
VOLUME_EDGES = (1.0, 5.0, 20.0)  #: ml
SIZEABLE_ML = 1.0
UNKNOWN = "not stated"


@dataclass(frozen=True)
class Kind:
    """One finding: how well its own output tells it, and how often the rule for any bleed calls its carriers."""

    label: str
    slices: int
    slice_positives: int
    slice_areas: Areas
    series: int
    series_positives: int
    series_areas: Areas
    called: Rate | None  #: series with this finding that the card's rule calls
    called_sizeable: Rate | None  #: those of them with at least SIZEABLE_ML of it


@dataclass(frozen=True)
class Group:
    """Series that share a property."""

    by: str
    name: str
    series: int
    positives: int
    roc: Estimate
    tpr: Rate | None
    tnr: Rate | None


def by_kind(cases: Sequence[CaseReading], card: Card, resamples: int) -> list[Kind]:
    """`any` first; what the reader has no output for has areas that are not defined."""
    return [_kind(cases, card, label, resamples) for label in LABELS]


def _kind(cases: Sequence[CaseReading], card: Card, label: str, resamples: int) -> Kind:
    slices, series = slice_units(cases, card.slice_threshold, label), series_units(cases, card, label)
    carriers = [case for case in cases if case.truth(label) > 0.5]
    sizeable = [case for case in carriers if volume(case, label) >= SIZEABLE_ML]
    known = label in card.labels
    return Kind(
        label, len(slices.truth), slices.positives, areas(slices, resamples) if known else no_output(label),
        len(series.truth), series.positives, areas(series, resamples) if known else no_output(label),
        _sensitivity(carriers, card), _sensitivity(sizeable, card),
    )  # fmt: skip


def no_output(label: str) -> Areas:
    """For a kind that the reader does not tell apart."""
    nothing = Estimate(None, why=f"the reader has no output for {label}")
    return Areas(nothing, nothing, nothing, 0)


def volume(case: CaseReading, label: str = "any") -> float:
    """Millilitres of one kind or of all, nan when unknown."""
    return case.volume_ml if label == "any" else float(case.volumes_ml[KINDS.index(label)])


def _sensitivity(carriers: Sequence[CaseReading], card: Card) -> Rate | None:
    return share(sum(calls(case, card) for case in carriers), len(carriers))


def by_group(cases: Sequence[CaseReading], card: Card, resamples: int) -> list[Group]:
    """Vendors, thickness, volume; volumes only where voxels tell them, each against all bleed-free series."""
    found = _groups("vendor", cases, lambda case: case.vendor.strip() or UNKNOWN, (card, resamples))
    found += _groups("slice thickness", cases, lambda case: ranged(case.thickness_mm, THICKNESS_EDGES, "mm"),
                     (card, resamples))  # fmt: skip
    return found + by_volume(cases, card, resamples)


def by_volume(cases: Sequence[CaseReading], card: Card, resamples: int) -> list[Group]:
    """Bleeding series by how much blood they hold, and all from SIZEABLE_ML on."""
    clear = [case for case in cases if case.truth("any") == 0]
    ill = [case for case in cases if case.truth("any") > 0.5 and math.isfinite(volume(case))]
    names = [ranged(0.5 * (low + high), VOLUME_EDGES, "ml") for low, high in _brackets(VOLUME_EDGES)]
    parts = {name: [case for case in ill if ranged(volume(case), VOLUME_EDGES, "ml") == name] for name in names}
    parts[f"all from {SIZEABLE_ML:g} ml"] = [case for case in ill if volume(case) >= SIZEABLE_ML]
    filled = ((name, own) for name, own in parts.items() if own)
    found = [_group("volume of blood", name, [*own, *clear], (card, resamples)) for name, own in filled]
    return [replace(group, tnr=None) for group in found]  # the same bleed-free series for all of them


def _brackets(edges: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip([0.0, *edges], [*edges, 2 * edges[-1]], strict=True))


def ranged(value: float | None, edges: Sequence[float], unit: str) -> str:
    """The bracket a value falls in, in words."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value < edges[0]:
        return f"below {edges[0]:g} {unit}"
    if value >= edges[-1]:
        return f"{edges[-1]:g} {unit} and more"
    low = max(edge for edge in edges if edge <= value)
    return f"{low:g} to below {min(edge for edge in edges if edge > value):g} {unit}"


def _groups(
    by: str, cases: Sequence[CaseReading], name_of: Callable[[CaseReading], str], how: tuple[Card, int]
) -> list[Group]:
    parts: dict[str, list[CaseReading]] = {}
    for case in sorted(cases, key=lambda one: one.thickness_mm or math.inf):
        parts.setdefault(name_of(case), []).append(case)
    names = sorted(parts) if by == "vendor" else list(parts)
    return [_group(by, name, parts[name], how) for name in names]


def _group(by: str, name: str, cases: Sequence[CaseReading], how: tuple[Card, int]) -> Group:
    card, resamples = how
    units = series_units(cases, card)
    found = both(units.truth, units.called)
    return Group(
        by, name, len(units.truth), units.positives, areas(units, resamples).roc, found.get("TPR"), found.get("TNR")
    )
