"""The nouns that cross the one door into `models`: a slice goes in, its parts come out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.anatomy import HeadFacts
from models.errors import SliceUnreadable

Region = tuple[float, float, float, float]  #: top, left, bottom, right in source pixels; may reach outside the image


@dataclass(frozen=True, eq=False)
class SliceInput:
    """One axial slice in HU with its pixel size in mm."""

    hu: NDArray[np.float32]  # [H, W]
    row_mm: float  #: distance between rows
    col_mm: float  #: distance between columns

    def __post_init__(self) -> None:
        if self.hu.ndim != 2 or 0 in self.hu.shape:
            raise SliceUnreadable(f"shape is {self.hu.shape}")
        if not (self.row_mm > 0 and self.col_mm > 0):
            raise SliceUnreadable(f"pixel size is {self.row_mm} x {self.col_mm} mm")


#: the slice above and the one below in the scan; None at its edge, where the slice itself stands in
Beside = tuple[SliceInput | None, SliceInput | None]


@dataclass(frozen=True, eq=False)
class SliceParts:
    """What the network says about one slice; a fact that is stored and never computed twice."""

    probabilities: NDArray[np.float32]  # [K] calibrated, in the card's label order
    features: NDArray[np.float16]  # [F] pooled vector
    cam: NDArray[np.float16]  # [K, h, w] Grad-CAM in closed form, >= 0
    region: Region  #: the part of the source slice that the cam covers
    head: HeadFacts
