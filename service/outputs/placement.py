"""How a slice lies in the patient and in the file, read from its header without trusting it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import UID

from service.dicom.uids import CT_IMAGE
from service.domain.geometry import sides
from service.outputs.source import KeySlice

Sides = tuple[str, str, str, str]
NOWHERE: Sides = ("", "", "", "")


def side_letters(header: Dataset, frame: int) -> Sides:
    """Return the letters for left, right, top and bottom; empty where the header does not tell (PS3.3 C.7.6.2)."""
    cosines = _numbers(header.get("ImageOrientationPatient") or _frame_orientation(header, frame))
    if cosines is None:
        return NOWHERE
    return sides(cosines[:3], cosines[3:])


def frame_of_reference(header: Dataset) -> str:
    """Return the Frame of Reference UID, empty when missing or no UID."""
    found = str(header.get("FrameOfReferenceUID") or "")
    return found if UID(found).is_valid else ""


def frame_number(key: KeySlice, sop_class: str) -> int | None:
    """Return the 1-based frame number of PS3.3 10.3, None for a class that has one frame."""
    return None if sop_class == CT_IMAGE or "NumberOfFrames" not in key.header else key.score.frame + 1


def _frame_orientation(header: Dataset, frame: int) -> Sequence[object] | None:
    shared = header.get("SharedFunctionalGroupsSequence") or []
    own = header.get("PerFrameFunctionalGroupsSequence") or []
    for group in [*own[frame : frame + 1], *shared]:
        plane = group.get("PlaneOrientationSequence")
        if plane:
            return plane[0].get("ImageOrientationPatient")  # type: ignore[no-any-return]
    return None


def _numbers(values: Sequence[object] | None) -> list[float] | None:
    try:
        cosines = [float(str(one)) for one in values or []]
    except ValueError:
        return None
    usable = len(cosines) == 6 and all(map(math.isfinite, cosines))
    return cosines if usable and any(cosines[:3]) and any(cosines[3:]) else None
