"""The nouns of the generator: a finished phantom and the kinds of finding."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: truth voxels carry the index of their finding in this tuple; 0 = none
FINDINGS = ("none", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")


@dataclass(frozen=True)
class Vendor:
    """How one maker's head scans look and are named."""

    name: str  #: as in Manufacturer (0008,0070)
    kernels: tuple[str, ...]
    tilts: bool
    noise_hu: tuple[float, float]
    cutoff: tuple[float, float]  #: PSF width in mm (standard deviation)


VENDORS = {
    vendor.name: vendor
    for vendor in (
        Vendor("GE MEDICAL SYSTEMS", ("STANDARD", "SOFT"), True, (1.6, 3.6), (0.45, 0.65)),
        Vendor("SIEMENS", ("H31s", "J40s", "H40s"), True, (1.4, 3.2), (0.40, 0.60)),
        Vendor("Philips", ("UB", "UC"), False, (1.5, 3.4), (0.40, 0.60)),
        Vendor("TOSHIBA", ("FC21", "FC26"), False, (1.6, 3.6), (0.45, 0.70)),
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
    finding: str
    kernel: str
    kvp: float
    seed: int
    volume_ml: float
    vendor: str
