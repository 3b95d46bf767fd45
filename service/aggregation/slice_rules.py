"""From slices to one series: the two decision rules, as pure functions of marks along the stack. Lengths in mm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median

from service.domain.pack import PackFacts
from service.domain.verdict import Decision
from service.settings import PolicySettings

#: positions are written with few digits; a run is not too short by less than this
SLACK_MM = 0.05


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One read slice on the normal: where it lies, what it covers, whether it is positive, whether a gap follows."""

    place_mm: float
    thickness: float | None
    positive: bool
    gap_after: bool = False


def required_count(number: int, percent: float, rounding: str) -> int:
    """Return how many positive slices a share asks for, at least one.

    half_even is what Python's round does, and so the published code; ceil is 'at least n percent', the paper's words.
    The share is computed exactly, so that 7 % of 100 is 7 and not a little more.
    """
    share = Fraction(str(percent)) * number / 100
    return max(1, math.ceil(share) if rounding == "ceil" else round(share))


def share_rule(marks: Sequence[Mark], threshold: float, percent: float, rounding: str) -> Decision:
    """Call a series positive when a share of its slices is; order and place do not matter."""
    positives, needed = sum(one.positive for one in marks), required_count(len(marks), percent, rounding)
    sentence = (
        f"{positives} of {len(marks)} slices above {_limit(threshold)}; "
        f"{needed} {'is' if needed == 1 else 'are'} needed ({f'{percent:g} %, {rounding}' if percent else 'any slice'})"
    )
    return _decision("share", positives >= needed, sentence, marks, threshold)


def run_rule(marks: Sequence[Mark], threshold: float, run_mm: float) -> Decision:
    """Call a series positive when neighbouring positive slices cover a length; marks ascend along the normal.

    The length of a run goes from the outer edge of its first slice to that of its last; a gap breaks a run.
    """
    runs = [(_length(run, marks), len(run)) for run in _runs(marks)]
    longest, slices = max(runs, default=(0.0, 0))
    positive = slices > 0 and longest >= run_mm - SLACK_MM
    if not slices:
        sentence = f"no slice above {_limit(threshold)}"
    elif slices == 1:
        sentence = f"1 slice over {longest:.3g} mm above {_limit(threshold)}"
    else:
        sentence = f"{slices} neighbouring slices over {longest:.3g} mm above {_limit(threshold)}"
    return _decision("run", positive, f"{sentence}; {run_mm:g} mm are needed", marks, threshold)


def decide(marks: Sequence[Mark], pack: PackFacts, policy: PolicySettings) -> Decision:
    """Apply the site's rule, or the pack's own where the site leaves it to the pack."""
    threshold, numbers = slice_threshold(pack, policy), dict(pack.rule_numbers)
    rule, own = (pack.rule, numbers) if policy.rule == "pack" else (policy.rule, {})
    if rule == "share":
        percent = own.get("share_percent", policy.share_percent)
        return share_rule(marks, threshold, percent, policy.rounding or pack.rounding)
    return run_rule(marks, threshold, own.get("run_mm", policy.run_mm))


def slice_threshold(pack: PackFacts, policy: PolicySettings) -> float:
    """Return the site's slice threshold, else the pack's."""
    return pack.slice_threshold if policy.slice_threshold is None else policy.slice_threshold


def _limit(threshold: float) -> str:
    """Write a threshold with two digits, or with a third where two would tell another number."""
    return f"{threshold:.2f}" if round(threshold, 2) == threshold else f"{threshold:.3g}"


def _decision(rule: str, positive: bool, sentence: str, marks: Sequence[Mark], threshold: float) -> Decision:
    return Decision(
        rule=rule,
        positive=positive,
        sentence=sentence,
        threshold=threshold,
        positive_slices=sum(one.positive for one in marks),
        read_slices=len(marks),
    )


def _runs(marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    run: list[Mark] = []
    for one in marks:
        if one.positive:
            run.append(one)
        if run and (one.gap_after or not one.positive):
            yield run
            run = []
    if run:
        yield run


def _length(run: Sequence[Mark], marks: Sequence[Mark]) -> float:
    usual = _usual_step(marks)
    ends = [one.thickness or usual for one in (run[0], run[-1])]
    return run[-1].place_mm - run[0].place_mm + sum(ends) / 2


def _usual_step(marks: Sequence[Mark]) -> float:
    """Return what a slice covers where no thickness is stated."""
    steps = [after.place_mm - before.place_mm for before, after in pairwise(marks)]
    real = [step for step in steps if step > 0]
    return median(real) if real else 0.0
