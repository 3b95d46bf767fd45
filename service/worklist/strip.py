"""The per-slice probability strip as SVG geometry; pure, in user units that the page stretches to its width."""

from __future__ import annotations

from dataclasses import dataclass

from service.worklist.stack import ShownSlice, Stack
from service.worklist.words import counted, percent

WIDTH, HEIGHT = 1000.0, 100.0
#: what a slice that was read shows at least, and what one shows that was not
LEAST, UNREAD = 2.0, 1.0


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One slice: left edge, top, width and height, and what the pointer shows."""

    x: float
    y: float
    width: float
    height: float
    #: over or under the threshold, or none where nobody read the slice
    tone: str
    key: bool
    title: str
    number: str
    probability: str

    @property
    def middle(self) -> float:
        """Return where a mark for this slice stands."""
        return round(self.x + self.width / 2, 2)


@dataclass(frozen=True, kw_only=True)
class Strip:
    """All slices in the order they are scrolled."""

    bars: tuple[Bar, ...]
    width: float
    height: float
    #: height of the slice threshold; None where the rule has none
    threshold_y: float | None
    threshold: str
    summary: str


def strip_of(stack: Stack) -> Strip:
    """Lay out the slices of a stack."""
    step = WIDTH / max(1, len(stack.slices))
    over = stack.threshold
    return Strip(
        bars=tuple(_bar(one, at * step, step) for at, one in enumerate(stack.slices)),
        width=WIDTH,
        height=HEIGHT,
        threshold_y=round(HEIGHT * (1 - over), 2) if over is not None else None,
        threshold=percent(over),
        summary=_summary(stack),
    )


def _summary(stack: Stack) -> str:
    read = [one.score for one in stack.slices if one.score]
    if not read:
        return f"{counted(len(stack.slices), 'slice', 'slices')}, none read"
    positive = sum(one.positive for one in read)
    left = len(stack.slices) - len(read)
    unread = f", {left} not read" if left else ""
    return f"{positive} of {len(read)} slices above the slice threshold{unread}"


def _bar(one: ShownSlice, left: float, step: float) -> Bar:
    score = one.score
    height = max(LEAST, HEIGHT * score.probability) if score else UNREAD
    place = "no place" if one.place_mm is None else f"{one.place_mm:.1f} mm"
    chance = percent(score.probability) if score else "not read"
    return Bar(
        x=round(left + step * 0.1, 3),
        y=round(HEIGHT - height, 3),
        width=round(step * 0.8, 3),
        height=round(height, 3),
        tone="none" if score is None else "over" if score.positive else "under",
        key=one.key is not None,
        title=f"Image {one.label}, {place}: {chance}",
        number=one.label,
        probability=chance,
    )
