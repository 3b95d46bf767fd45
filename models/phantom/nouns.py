"""The nouns of the generator: a finished phantom and the kinds of finding."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: truth voxels carry the index of their finding in this tuple; 0 = none
FINDINGS = ("none", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")


def kinds_of(finding: str) -> tuple[str, ...]:
    """The kinds in a wish such as `epidural` or `intraparenchymal+intraventricular`; none for `none`."""
    kinds = tuple(dict.fromkeys(finding.lower().split("+")))
    unknown = [kind for kind in kinds if kind not in FINDINGS]
    if unknown or ("none" in kinds and len(kinds) > 1):
        raise ValueError(f"no such finding: {finding!r}; known are {', '.join(FINDINGS)}, or several joined by +")
    return () if kinds == ("none",) else kinds


@dataclass(frozen=True)
class Vendor:
    """How one maker's head scans look and are named."""

    name: str  #: as in Manufacturer (0008,0070)
    kernels: tuple[str, ...]
    tilts: bool


VENDORS = {
    vendor.name: vendor
    for vendor in (
        Vendor("GE MEDICAL SYSTEMS", ("STANDARD", "SOFT", "STD+"), True),
        Vendor("SIEMENS", ("H31s", "J40s", "H40s", "H37s"), True),
        Vendor("Philips", ("UB", "UC", "EB"), False),
        Vendor("TOSHIBA", ("FC21", "FC26", "FC68"), False),
    )
}


@dataclass(frozen=True, eq=False)
class Phantom:
    """A finished series: HU as a scanner would give them, and the truth behind."""

    hu: NDArray[np.int16]  # [T, H, W]
    row_mm: float
    col_mm: float
    thickness: float  #: mm
    spacing: float  #: mm between neighbouring positions
    positions: NDArray[np.float64]  # [T] mm along the slice normal, ascending from base to vertex
    tilt_degrees: float
    truth: NDArray[np.uint8]  # [T, H, W] index into FINDINGS
    finding: str  #: the main one
    kernel: str
    kvp: float
    seed: int
    volume_ml: float
    vendor: str
    age: int = 60
    content: tuple[str, ...] = ()  #: what was drawn beside a plain head, by name

    @property
    def volumes(self) -> dict[str, float]:
        """Millilitres of truth by kind, the kinds that are there only, the main one first."""
        counts = np.bincount(self.truth.ravel(), minlength=len(FINDINGS))
        voxel_ml = self.row_mm * self.col_mm * self.spacing / 1000
        order = sorted(range(1, len(FINDINGS)), key=lambda label: FINDINGS[label] != self.finding)
        return {FINDINGS[label]: float(counts[label] * voxel_ml) for label in order if counts[label]}

    @property
    def kinds(self) -> tuple[str, ...]:
        """All kinds in the truth."""
        return tuple(self.volumes)
