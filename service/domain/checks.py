"""The lines of the suitability card by name, in the order a radiologist would object, and what each one forbids."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from service.domain.series import Check


class CheckName(StrEnum):
    """Every line of the card; a series is refused with the reason of the first that fails."""

    MODALITY = "modality"
    OBJECT = "object"
    LOCALISER = "localiser"
    ORIGINAL = "original"
    ORIENTATION = "orientation"
    BODY_PART = "body part"
    CONTRAST = "contrast"
    ONE_STACK = "one stack"
    PLACES = "slice positions"
    VOLTAGE = "tube voltage"
    THICKNESS = "slice thickness"
    COUNT = "slice count"
    PIXELS = "pixels"
    CLASS = "object class"
    HEAD = "looks like a head"
    STRAYS = "stray images"
    GRID = "one pixel grid"
    DECODED = "decoding"
    GAPS = "gaps"
    COVERAGE = "coverage"
    WRAP = "pixel wrap"


#: these leave the slices readable and a bleed found in them true, but nothing found in them proves nothing
ONLY_NEGATIVES = frozenset({CheckName.STRAYS, CheckName.GRID, CheckName.DECODED, CheckName.GAPS, CheckName.COVERAGE})
#: one of these says that the series is clearly no head CT, so nobody need look at it in haste
NO_HEAD_CT = frozenset({CheckName.MODALITY, CheckName.OBJECT, CheckName.LOCALISER, CheckName.BODY_PART, CheckName.HEAD})
ORDER = {name: at for at, name in enumerate(CheckName)}


def blocks_reading(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Return the failed checks that make the series not_analysed, most telling first."""
    return tuple(one for one in failed(checks) if one.name not in ONLY_NEGATIVES)


def blocks_negative(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Return the failed checks that let a positive stand but turn a negative into not_analysed."""
    return tuple(one for one in failed(checks) if one.name in ONLY_NEGATIVES)


def failed(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Return the failed checks in the order of the card."""
    return tuple(sorted((one for one in checks if not one.passed), key=lambda one: ORDER[CheckName(one.name)]))


def clearly_no_head_ct(checks: Sequence[Check]) -> bool:
    """Tell whether the card names another modality, object or body region."""
    return any(one.name in NO_HEAD_CT for one in failed(checks))


def objection(checks: Sequence[Check]) -> int:
    """Return how far down the card the series came; the further, the more its reason tells about the study."""
    found = blocks_reading(checks) or failed(checks)
    return ORDER[CheckName(found[0].name)] if found else len(ORDER)


def line(name: CheckName, passed: bool, found: str, wanted: str, reason: str) -> Check:
    """Write one line of the card; the reason appears only where it is needed."""
    return Check(name=name.value, passed=passed, found=found, wanted=wanted, reason="" if passed else reason)
