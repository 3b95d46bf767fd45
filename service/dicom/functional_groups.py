"""Values of one frame: per-frame functional groups, then shared ones, then the top level (PS3.3 C.7.6.16)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any

from pydicom import Dataset
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue

from service.domain.scan import Vector

#: what pydicom raises when bytes cannot become a value
BAD_VALUE = (
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    NotImplementedError,
    struct.error,
    BytesLengthException,
)
#: more frames than any CT object has; what claims more is cut here
MOST_FRAMES = 10_000
#: PS3.5 6.2: an IS is a signed number of 32 bits
LARGEST_WHOLE = 2**31 - 1
#: pixels have up to 64 bits; where the header makes no sense they have these
MOST_BITS, USUAL_BITS = 64, 16
#: legacy converted objects keep what has no macro of its own here (PS3.3 C.7.6.16.2.25 and .26)
UNASSIGNED = ("UnassignedPerFrameConvertedAttributesSequence", "UnassignedSharedConvertedAttributesSequence")


def value_of(ds: Dataset, keyword: str) -> Any:
    """Return an element's value; None when absent, empty or impossible to decode."""
    try:
        value = ds.get(keyword)
    except BAD_VALUE:
        return None
    return None if value is None or value == "" or (isinstance(value, MultiValue) and not value) else value


def first_of(value: Any) -> Any:
    """Return the first of several values, or the only one."""
    return value[0] if isinstance(value, MultiValue | list | tuple) and len(value) else value


def number(value: Any) -> float | None:
    """Return a finite number, None for anything else."""
    try:
        found = float(first_of(value))
    except BAD_VALUE:
        return None
    return found if math.isfinite(found) else None


def whole(value: Any) -> int | None:
    """Return a whole number of 32 bits at most (PS3.5 6.2, IS), None for anything else."""
    found = number(value)
    return None if found is None or abs(found) > LARGEST_WHOLE else int(found)


def as_stored(value: int | None, ds: Dataset) -> int | None:
    """Return a US or SS value with the sign the stored pixels have: devices write -2000 as 63536 and the reverse."""
    if value is None:
        return None
    allocated = whole(value_of(ds, "BitsAllocated")) or 0
    width = 1 << (allocated if 0 < allocated <= MOST_BITS else USUAL_BITS)
    low = -(width // 2) if whole(value_of(ds, "PixelRepresentation")) else 0
    return (value - low) % width + low


def vector(values: Any, start: int = 0) -> Vector | None:
    """Return three finite numbers from ``start`` on, None when one is missing."""
    try:
        triple = [number(one) for one in list(values)[start : start + 3]]
    except BAD_VALUE:
        return None
    if len(triple) != 3 or None in triple:
        return None
    x, y, z = (one for one in triple if one is not None)
    return (x, y, z)


def items_of(ds: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence, none when it is absent or no sequence."""
    found = value_of(ds, keyword)
    try:
        return [one for one in found if isinstance(one, Dataset)] if found is not None else []
    except TypeError:
        return []


class Frames:
    """The frames of one object; a single-frame object is its own only frame. Frames count from 0."""

    def __init__(self, ds: Dataset) -> None:
        self._ds = ds
        self._shared = items_of(ds, "SharedFunctionalGroupsSequence")[:1]
        self._each = items_of(ds, "PerFrameFunctionalGroupsSequence")
        told = whole(value_of(ds, "NumberOfFrames")) or 1
        self.count = min(max(1, told), MOST_FRAMES)

    @property
    def has_groups(self) -> bool:
        """Tell an enhanced object from a classic one."""
        return bool(self._shared or self._each)

    def value(self, frame: int, keyword: str, *sequences: str) -> Any:
        """Return what holds for a frame: first in the named macro sequences, then as a plain top-level element."""
        for group in self._groups(frame):
            for sequence in (*sequences, *UNASSIGNED):
                found = _in_first_item(group, sequence, keyword)
                if found is not None:
                    return found
        return value_of(self._ds, keyword)

    def _groups(self, frame: int) -> Iterable[Dataset]:
        if 0 <= frame < len(self._each):
            yield self._each[frame]
        yield from self._shared


def _in_first_item(group: Dataset, sequence: str, keyword: str) -> Any:
    for item in items_of(group, sequence)[:1]:
        return value_of(item, keyword)
    return None
