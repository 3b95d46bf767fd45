"""Stacks of slices made of header facts alone, and real series from the shared data folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydicom
import pytest

from service.dicom.headers import parse
from service.dicom.uids import CT_IMAGE
from service.domain.geometry import Geometry, geometry_of
from service.domain.ids import ContentHash, SeriesUid, SopUid
from service.domain.scan import InstanceHeader, SlicePlace, StoredInstance, Vector

DATA = Path(__file__).parents[3] / "shared" / "data"
SERIES = SeriesUid("1.2.3.4")
ACROSS: Vector = (1.0, 0.0, 0.0)
BACK: Vector = (0.0, 1.0, 0.0)
DOWN: Vector = (0.0, 0.0, -1.0)


def ct(**facts: Any) -> InstanceHeader:
    """Make the header of an ordinary head CT slice, with any fact replaced."""
    usual: dict[str, Any] = {
        "modality": "CT",
        "sop_class": CT_IMAGE,
        "image_type": ("ORIGINAL", "PRIMARY", "AXIAL"),
        "body_part": "HEAD",
        "kvp": 120.0,
        "row_mm": 0.45,
        "column_mm": 0.45,
        "rows": 512,
        "columns": 512,
        "has_pixels": True,
    }
    return InstanceHeader(**(usual | facts))


def place(
    z: float, thickness: float | None = 5.0, tilt: float = 0.0, axes: tuple[Vector, Vector] | None = None
) -> SlicePlace:
    """Make one axial place at height ``z``, tilted about the left-right axis by ``tilt`` degrees."""
    angle = math.radians(tilt)
    row, column = axes or (ACROSS, (0.0, math.cos(angle), -math.sin(angle)))
    return SlicePlace(frame=1, position=(-115.0, -115.0, z), row_cosine=row, column_cosine=column, thickness=thickness)


def instance(number: int, where: SlicePlace | None, **facts: Any) -> StoredInstance:
    """Make one stored instance of the series."""
    header = ct(**({"instance_number": number, "slices": (where,) if where else ()} | facts))
    return StoredInstance(
        sop_uid=SopUid(f"1.2.3.4.{number}"),
        series_uid=SERIES,
        content_hash=ContentHash(f"{number:064x}"),
        transfer_syntax="1.2.840.10008.1.2.1",
        header=header,
    )


def stack(
    heights: Sequence[float], thickness: float | None = 5.0, tilt: float = 0.0, **facts: Any
) -> list[StoredInstance]:
    """Make a series of one slice per height, numbered from 1 in the order given."""
    return [instance(at, place(z, thickness, tilt), **facts) for at, z in enumerate(heights, 1)]


def even(number: int, step: float = 5.0) -> list[float]:
    """Return evenly spaced heights."""
    return [at * step for at in range(number)]


def geometry(heights: Sequence[float], thickness: float | None = 5.0) -> Geometry:
    """Place a plain stack."""
    return geometry_of(stack(heights, thickness))


def real_series(folder: str) -> list[StoredInstance]:
    """Read the one series of a folder of the shared data, or skip with the way to get it."""
    where = DATA / folder
    if not where.is_dir():
        pytest.skip(f"{folder} is absent: put the shared CT files at ../shared/data beside the repository")
    files = sorted(one for one in where.iterdir() if one.is_file() and one.name not in ("DIRFILE", "README.md"))
    return [_stored(pydicom.dcmread(one), at) for at, one in enumerate(files)]


def _stored(data_set: pydicom.Dataset, at: int) -> StoredInstance:
    found = parse(data_set)
    return StoredInstance(
        sop_uid=found.sop_uid or SopUid(str(at)),
        series_uid=found.series_uid,
        content_hash=ContentHash(f"{at:064x}"),
        transfer_syntax="",
        header=found.header,
    )
