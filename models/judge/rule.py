"""The card's rule from slices to series, twin of the node's own (service/aggregation), which `models` may not import.

A test holds both to the same answer. Lengths in mm; positions ascend along the normal.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median

import numpy as np

from models.card import Card
from models.judge.nouns import Bools, CaseReading
from models.sections import Rule

SLACK_MM = 0.05  #: positions are written with few digits
GAP_FACTOR, SAME_PLACE_MM, NEIGHBOURS = 1.6, 0.05, 3  #: a step this much longer than its neighbours is a gap
RUN_MM, SHARE_PERCENT = 10.0, 5.0  #: where the card leaves the number out


@dataclass(frozen=True)
class Stack:
    """Where the slices lie and what each covers."""

    positions: tuple[float, ...]
    thickness_mm: float | None

    @property
    def steps(self) -> list[float]:
        """Distances between neighbours."""
        return [after - before for before, after in pairwise(self.positions)]


def stack_of(case: CaseReading) -> Stack:
    """The geometry of a read series."""
    return Stack(tuple(float(place) for place in case.positions), case.thickness_mm)


def calls(case: CaseReading, card: Card, threshold: float | None = None) -> bool:
    """Whether the card's rule calls the series, at the card's threshold or another one."""
    cut = card.slice_threshold if threshold is None else threshold
    return positive(stack_of(case), [float(each) > cut for each in case.column("any")], card.rule)


def positive(stack: Stack, marks: Sequence[bool], rule: Rule) -> bool:
    """The rule on slices already marked positive or not."""
    if rule.kind == "share":
        return sum(marks) >= required_count(len(marks), rule.numbers.get("share_percent", SHARE_PERCENT), rule.rounding)
    return longest_run(stack, marks) >= rule.numbers.get("run_mm", RUN_MM) - SLACK_MM and any(marks)


def required_count(number: int, percent: float, rounding: str) -> int:
    """Positive slices that a share asks for, at least one: half_even as the published code rounds, or ceil."""
    share = Fraction(str(percent)) * number / 100
    return max(1, math.ceil(share) if rounding == "ceil" else round(share))


def longest_run(stack: Stack, marks: Sequence[bool]) -> float:
    """Longest contiguous positive stretch from outer edge to outer edge; a gap breaks it."""
    gaps = gap_after(stack)
    real = [step for step in stack.steps if step > 0]
    covered = stack.thickness_mm or (median(real) if real else 0.0)
    runs = _runs(marks, gaps)
    return max((stack.positions[last] - stack.positions[first] + covered for first, last in runs), default=0.0)


def _runs(marks: Sequence[bool], gaps: frozenset[int]) -> Iterator[tuple[int, int]]:
    first: int | None = None
    for at, mark in enumerate(marks):
        if mark and first is None:
            first = at
        if first is not None and (not mark or at in gaps or at == len(marks) - 1):
            yield first, at if mark else at - 1
            first = None


def gap_after(stack: Stack) -> frozenset[int]:
    """Indices of slices that a gap follows."""
    steps = stack.steps
    return frozenset(at for at, step in enumerate(steps) if step > GAP_FACTOR * _expected(steps, at, stack))


def _expected(steps: Sequence[float], at: int, stack: Stack) -> float:
    beside = [*steps[max(0, at - NEIGHBOURS) : at], *steps[at + 1 : at + 1 + NEIGHBOURS]]
    around = [step for step in beside if step > SAME_PLACE_MM]
    return max(median(around) if around else 0.0, stack.thickness_mm or 0.0) or math.inf


def sweep(cases: Sequence[CaseReading], card: Card, thresholds: Sequence[float]) -> Bools:
    """[thresholds, cases] calls of the rule."""
    return np.array([[calls(case, card, cut) for case in cases] for cut in thresholds], bool)
