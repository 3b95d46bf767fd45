"""The per-slice probability strip as SVG geometry; pure, in user units."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.verdict import SeriesConclusion, SliceScore
from service.worklist.words import percent

WIDTH, HEIGHT = 1000.0, 150.0
#: the widest a bar gets, so that a short series does not look like a wall
WIDEST = 26.0


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One slice: left edge, top, width and height, and what the pointer shows."""

    x: float
    y: float
    width: float
    height: float
    positive: bool
    key: bool
    title: str
    number: str
    probability: str


@dataclass(frozen=True, kw_only=True)
class Strip:
    """All slices from the first to the last along the normal."""

    bars: tuple[Bar, ...]
    width: float
    height: float
    #: height of the slice threshold; None where the rule has none
    threshold_y: float | None
    threshold: str
    summary: str


def strip_of(conclusion: SeriesConclusion) -> Strip | None:
    """Lay out the slices that were read; None when none was."""
    if not conclusion.slices:
        return None
    step = min(WIDTH / len(conclusion.slices), WIDEST)
    decision = conclusion.decision
    positive = sum(one.positive for one in conclusion.slices)
    return Strip(
        bars=tuple(_bar(one, at, step, conclusion.key_slices) for at, one in enumerate(conclusion.slices)),
        width=round(step * len(conclusion.slices), 2),
        height=HEIGHT,
        threshold_y=round(HEIGHT * (1 - decision.threshold), 2) if decision else None,
        threshold=percent(decision.threshold) if decision else "",
        summary=f"{positive} of {len(conclusion.slices)} slices above the slice threshold",
    )


def _bar(score: SliceScore, at: int, step: float, keys: tuple[int, ...]) -> Bar:
    height = max(2.0, HEIGHT * score.probability)
    number = str(score.instance_number if score.instance_number is not None else at + 1)
    chance = percent(score.probability)
    return Bar(
        x=round(at * step + step * 0.1, 2),
        y=round(HEIGHT - height, 2),
        width=round(step * 0.8, 2),
        height=round(height, 2),
        positive=score.positive,
        key=at in keys,
        title=f"Image {number}, {score.place_mm:.1f} mm: {chance}",
        number=number,
        probability=chance,
    )
