"""NIfTI volumes through nibabel (MIT, in the train extra): voxels as images are shown, slices from below to above."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ExtraMissing


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan turned so that [slice, row, column] goes up, to the back and to the patient's left."""

    voxels: NDArray[Any]  # [T, H, W]
    stored_slice: NDArray[np.intp]  # [T] index along the file's third axis
    row_mm: float
    col_mm: float
    step_mm: float
    flips: tuple[bool, bool, bool]  #: of slice, row and column against the file


def open_image(path: Path) -> Any:
    """The lazily read image."""
    try:
        import nibabel
    except ImportError as missing:
        raise ExtraMissing("nibabel") from missing
    return nibabel.load(path)


def read_array(path: Path) -> NDArray[np.float32]:
    """Voxels as the file orders them, [x, y, z], scaled."""
    return np.asarray(open_image(path).dataobj, np.float32)


def read_volume(path: Path) -> Volume:
    """Voxels as images are shown; the third axis of the file must be the body axis."""
    image = open_image(path)
    flips, size = _flips(image), tuple(float(mm) for mm in image.header.get_zooms()[:3])
    return Volume(
        turned(np.asarray(image.dataobj, np.float32), flips), _stored(image.shape[2], flips[0]),
        row_mm=size[1], col_mm=size[0], step_mm=size[2], flips=flips,
    )  # fmt: skip


def slice_count(path: Path) -> int:
    """How many slices a volume has, without reading it."""
    return int(open_image(path).shape[2])


def stored_order(path: Path) -> NDArray[np.intp]:
    """[T] index along the file's third axis, from below to above."""
    image = open_image(path)
    return _stored(image.shape[2], _flips(image)[0])


def thickness(path: Path) -> float:
    """Distance between slices in mm."""
    return float(open_image(path).header.get_zooms()[2])


def turned(voxels: NDArray[Any], flips: tuple[bool, bool, bool]) -> NDArray[Any]:
    """[x, y, z] to [slice, row, column] with the axes turned over that the scan needs."""
    sheets = voxels.transpose(2, 1, 0)
    return sheets[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]


def _stored(count: int, flipped: bool) -> NDArray[np.intp]:
    order = np.arange(count)
    return order[::-1].copy() if flipped else order


def _flips(image: Any) -> tuple[bool, bool, bool]:
    """NIfTI axes grow to right, front and top; pictures grow to the patient's left and to the back."""
    direction = np.sign(np.diag(image.affine)[:3])
    return bool(direction[2] < 0), bool(direction[1] > 0), bool(direction[0] > 0)
