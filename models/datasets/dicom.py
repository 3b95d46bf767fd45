"""One DICOM file: the header facts that place a slice, and its pixels in HU by the same rules as the node's.

Tolerant where files in the wild are wrong: what cannot be read becomes None, never a guess.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import SliceUnreadable
from models.reading import SliceInput
from models.volume import repair_wrap, to_hu, wrap_damaged

logging.getLogger("pydicom").setLevel(logging.ERROR)
TAGS = (
    "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality", "ImageType",
    "SeriesDescription",
    "ConvolutionKernel", "ContrastBolusAgent", "Manufacturer", "ImagePositionPatient", "ImageOrientationPatient",
    "SliceThickness", "InstanceNumber", "NumberOfFrames",
)  # fmt: skip
#: pydicom's decoder by transfer syntax, the ones the node uses; None = uncompressed
CODECS = {
    "1.2.840.10008.1.2": None, "1.2.840.10008.1.2.1": None, "1.2.840.10008.1.2.1.99": None, "1.2.840.10008.1.2.2": None,
    "1.2.840.10008.1.2.5": "pydicom",
    "1.2.840.10008.1.2.4.50": "gdcm", "1.2.840.10008.1.2.4.51": "gdcm",
    "1.2.840.10008.1.2.4.57": "gdcm", "1.2.840.10008.1.2.4.70": "gdcm",
    "1.2.840.10008.1.2.4.80": "pyjpegls", "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg", "1.2.840.10008.1.2.4.91": "pylibjpeg",
}  # fmt: skip
RLE, BIG_ENDIAN = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.2"
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Header:
    """What one file says about itself, pixels apart."""

    path: Path
    patient: str
    study: str
    series: str
    sop: str
    modality: str
    image_type: tuple[str, ...]
    description: str
    kernel: str
    contrast: bool
    vendor: str
    position: Vector | None
    normal: Vector | None  #: of length 1, its longest part positive
    thickness: float | None  #: mm
    number: int  #: Instance Number, 0 where there is none
    frames: int


def read_header(path: Path) -> Header | None:
    """The header of a file; None when it is no DICOM image."""
    import pydicom

    try:
        ds = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS))
    except (pydicom.errors.InvalidDicomError, OSError, ValueError, EOFError):
        return None
    return Header(
        path=path, patient=_text(ds, "PatientID"), study=_text(ds, "StudyInstanceUID"),
        series=_text(ds, "SeriesInstanceUID"), sop=_text(ds, "SOPInstanceUID"), modality=_text(ds, "Modality"),
        image_type=tuple(part.upper() for part in _text(ds, "ImageType").split("\\")),
        description=_text(ds, "SeriesDescription"), kernel=_text(ds, "ConvolutionKernel"),
        contrast=bool(_text(ds, "ContrastBolusAgent")), vendor=_text(ds, "Manufacturer"),
        position=_vector(_numbers(ds, "ImagePositionPatient", 3)), normal=_normal(ds),
        thickness=(_numbers(ds, "SliceThickness", 1) or (None,))[0],
        number=int((_numbers(ds, "InstanceNumber", 1) or (0.0,))[0]),
        frames=int((_numbers(ds, "NumberOfFrames", 1) or (1.0,))[0]),
    )  # fmt: skip


def _value(ds: Any, name: str) -> Any:
    try:
        return ds.get(name)
    except (ValueError, TypeError, OverflowError):
        return None  # a value its own VR forbids


def _text(ds: Any, name: str) -> str:
    value = _value(ds, name)
    if value is None:
        return ""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return str(value).strip()
    return "\\".join(str(part).strip() for part in value)


def _numbers(ds: Any, name: str, count: int) -> tuple[float, ...] | None:
    value = _value(ds, name)
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    try:
        numbers = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _vector(numbers: tuple[float, ...] | None) -> Vector | None:
    return (numbers[0], numbers[1], numbers[2]) if numbers else None


def _normal(ds: Any) -> Vector | None:
    """Across rows and columns, turned so that its longest part is positive (towards the head for axial slices)."""
    axes = _numbers(ds, "ImageOrientationPatient", 6)
    if axes is None:
        return None
    across = np.cross(axes[:3], axes[3:])
    length = float(np.linalg.norm(across))
    if length < 0.5:
        return None
    across = across / length * np.sign(across[np.abs(across).argmax()])
    return _vector(tuple(float(part) for part in across))


def read_slice(path: Path, mend_wrap: bool = False) -> SliceInput:
    """The pixels in HU; `mend_wrap` undoes the 12-bit wrap of damaged RSNA files."""
    import pydicom

    try:
        ds = pydicom.dcmread(path)
        cells, padding = _cells(ds)
        spacing = _numbers(ds, "PixelSpacing", 2)
    except SliceUnreadable:
        raise
    except Exception as problem:
        # codecs and damaged files raise whatever they like; all of it means this one slice is unreadable
        raise SliceUnreadable(f"{path}: {str(problem).splitlines()[0] if str(problem) else 'damaged'}") from problem
    if spacing is None:
        raise SliceUnreadable(f"{path} says no Pixel Spacing")
    return SliceInput(_hu(ds, cells, padding, mend_wrap), *spacing)


def _hu(ds: Any, cells: NDArray[Any], padding: tuple[int | None, int | None], mend_wrap: bool) -> NDArray[np.float32]:
    slope = (_numbers(ds, "RescaleSlope", 1) or (1.0,))[0] or 1.0
    intercept = (_numbers(ds, "RescaleIntercept", 1) or (0.0,))[0]
    if mend_wrap and wrap_damaged(int(ds.BitsStored), bool(ds.PixelRepresentation), intercept):
        cells, intercept = repair_wrap(cells)
        padding = (None, None)
    return to_hu(cells, slope, intercept, *padding)


def _cells(ds: Any) -> tuple[NDArray[Any], tuple[int | None, int | None]]:
    """Stored pixels of the first frame, and the padding value with its limit in stored units."""
    from pydicom.pixels.utils import pixel_array

    syntax = str(ds.file_meta.get("TransferSyntaxUID", ""))
    if syntax not in CODECS:
        raise SliceUnreadable(f"transfer syntax {syntax or 'unnamed'} is not read")
    if int(_value(ds, "SamplesPerPixel") or 1) != 1:
        raise SliceUnreadable("the picture is in colour")
    codec = CODECS[syntax]
    cells = pixel_array(ds, index=0, raw=True, decoding_plugin=codec) if codec else _native(ds, syntax == BIG_ENDIAN)
    padding = _stored(ds, "PixelPaddingValue")
    limit = _stored(ds, "PixelPaddingRangeLimit") if padding is not None else None
    plain = codec is None or syntax == RLE
    return (_significant(ds, cells, padding) if plain else cells), (padding, limit)


def _native(ds: Any, big_endian: bool) -> NDArray[Any]:
    """Uncompressed cells with all their allocated bits."""
    kind = np.dtype(f"{'i' if ds.PixelRepresentation else 'u'}{int(ds.BitsAllocated) // 8}")
    stored = kind.newbyteorder(">" if big_endian else "<")
    cells = np.frombuffer(ds.PixelData, stored, count=int(ds.Rows) * int(ds.Columns))
    return cells.astype(kind).reshape(int(ds.Rows), int(ds.Columns))


def _stored(ds: Any, name: str) -> int | None:
    """Padding in the sign of the pixels, whatever VR the file gave it."""
    value = (_numbers(ds, name, 1) or (None,))[0]
    if value is None:
        return None
    width = 1 << int(ds.BitsAllocated)
    low = -(width // 2) if ds.PixelRepresentation else 0
    return (int(value) - low) % width + low


def _significant(ds: Any, cells: NDArray[Any], padding: int | None) -> NDArray[Any]:
    """The stored bits out of the allocated ones, the sign spread; padding wider than the stored bits stays."""
    allocated, stored = int(ds.BitsAllocated), int(ds.BitsStored or ds.BitsAllocated)
    high = int(_value(ds, "HighBit") or stored - 1)
    if stored == allocated:
        return cells
    unsigned = np.dtype(f"u{allocated // 8}")
    moved = (cells.view(unsigned) << np.array(allocated - 1 - high, unsigned)).astype(unsigned)
    spread = moved.view(np.dtype(f"i{allocated // 8}")) if ds.PixelRepresentation else moved
    values = spread >> np.array(allocated - stored, spread.dtype)
    return np.asarray(values) if padding is None else np.where(cells == padding, cells, values)
