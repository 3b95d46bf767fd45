"""Files to series: grouped by Series Instance UID, sorted along the normal, and what is no head CT stack left out."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from models.datasets.dicom import Header, Vector, read_header
from models.datasets.nouns import Case, Labels, series_from_slices

LEAST_SLICES = 8  #: shorter series are no scan of a head
SAME_PLACE_MM = 0.05
PARALLEL = 0.999
AXIAL = 0.7  #: cosine between the normal and the body axis; a tilted gantry stays above it
MANY = 4000  #: files from which several processes read headers

Left = Counter[str]  #: what was left out, by reason


@dataclass(frozen=True)
class Stack:
    """One axial series in ascending order."""

    headers: tuple[Header, ...]
    positions_mm: tuple[float, ...]

    @property
    def first(self) -> Header:
        """The lowest slice; what it says about patient and scanner holds for all."""
        return self.headers[0]

    @property
    def thickness_mm(self) -> float:
        """As the header says, else the distance between slices."""
        said = [one.thickness for one in self.headers if one.thickness]
        return float(median(said)) if said else float(median(np.diff(self.positions_mm)))


def headers_in(files: Sequence[Path], left: Left) -> list[Header]:
    """The headers of the files that are DICOM images."""
    if len(files) < MANY:
        read: Iterable[Header | None] = map(read_header, files)
    else:
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            read = list(pool.map(read_header, files, chunksize=256))
    found = [one for one in read if one is not None]
    if len(found) < len(files):
        left["files that are no DICOM"] += len(files) - len(found)
    return found


def stacks_of(headers: Iterable[Header], left: Left) -> list[Stack]:
    """The axial series among the headers, in the order of their UIDs."""
    series: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        reason = _unfit(header)
        if reason:
            left[reason] += 1
        else:
            series[header.series].append(header)
    found = [_stack(series[uid], left) for uid in sorted(series)]
    return [one for one in found if one]


def _unfit(header: Header) -> str:
    """Why one image is no slice of a head CT, else empty."""
    reasons = {
        "images that are no CT": header.modality not in ("CT", ""),
        "scouts": "LOCALIZER" in header.image_type,
        "multi-frame images": header.frames > 1,
        "images without position or orientation": header.position is None or header.normal is None,
        "images without UIDs": not (header.series and header.sop),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _stack(headers: Sequence[Header], left: Left) -> Stack | None:
    normal = Counter(header.normal for header in headers if header.normal).most_common(1)[0][0]
    straight = [header for header in headers if header.normal and _dot(header.normal, normal) > PARALLEL]
    placed = sorted(((_place(one, normal), one.number, one.sop, one) for one in straight), key=lambda each: each[:3])
    kept = [one for at, one in enumerate(placed) if not at or one[0] - placed[at - 1][0] > SAME_PLACE_MM]
    left["slices at a place another one has"] += len(placed) - len(kept)
    left["images that face another way than their series"] += len(headers) - len(straight)
    reason = "series that are not axial" if abs(normal[2]) < AXIAL else ""
    if reason or len(kept) < LEAST_SLICES:
        left[reason or f"series of fewer than {LEAST_SLICES} slices"] += 1
        return None
    return Stack(tuple(one[3] for one in kept), tuple(one[0] for one in kept))


def _place(header: Header, normal: Vector) -> float:
    assert header.position is not None
    return round(_dot(header.position, normal), 4)


def _dot(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def case_from(
    stack: Stack, source: str, labels: Mapping[str, Labels] | None, series_labels: Mapping[str, int] | None = None
) -> Case:
    """A stack with its truth: per slice where `labels` has it, else for the series."""
    first = stack.first
    known = None
    if labels is not None:
        known = {one.sop: labels[one.sop] for one in stack.headers if one.sop in labels}
    if series_labels is None:
        series_labels = series_from_slices(known or {})
    return Case(
        patient=first.patient or first.study or first.series, study=first.study, series=first.series,
        files=tuple(one.path for one in stack.headers), sop_uids=tuple(one.sop for one in stack.headers),
        labels=known, series_labels=series_labels, vendor=first.vendor, thickness_mm=stack.thickness_mm, source=source,
        positions_mm=stack.positions_mm,
    )  # fmt: skip
