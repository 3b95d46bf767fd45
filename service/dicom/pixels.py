"""Stored pixels of a slice and what turns them into HU; decoded with BSD and MIT codecs only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from service.dicom import uids
from service.dicom.functional_groups import Frames, as_stored, number, value_of, whole
from service.dicom.part10 import read_file
from service.errors import Undecodable, UndecodablePixels

NATIVE = frozenset({uids.IMPLICIT_LE, uids.EXPLICIT_LE, uids.EXPLICIT_BE, uids.DEFLATED_LE})
#: decoding plugin of pydicom by syntax; named, so that an installed GPL codec is never picked up
CODECS = {
    uids.RLE: "pydicom",
    uids.JPEG_BASELINE: "gdcm",
    uids.JPEG_EXTENDED: "gdcm",
    uids.JPEG_LOSSLESS: "gdcm",
    uids.JPEG_LOSSLESS_SV1: "gdcm",
    uids.JPEG_LS: "pyjpegls",
    uids.JPEG_LS_NEAR: "pyjpegls",
    uids.J2K_LOSSLESS: "pylibjpeg",
    uids.J2K: "pylibjpeg",
}
ALLOCATED = (8, 16, 32)
#: rows or columns beyond this are no CT slice but an attack on memory
LARGEST_SIDE = 16384


@dataclass(frozen=True, kw_only=True)
class StoredSlice:
    """One frame as stored: HU = pixels x slope + intercept, except where the pixels are padding (PS3.3 C.7.5.1.1.2)."""

    #: counts from 0; a reference to it says one more (0008,1160)
    frame: int
    pixels: NDArray[np.generic]
    slope: float
    intercept: float
    padding: int | None
    padding_limit: int | None
    row_mm: float | None
    column_mm: float | None
    bits_stored: int
    signed: bool


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """The Image Pixel facts (PS3.3 C.7.6.3) that native bytes are read by."""

    rows: int
    columns: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    frames: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the unsigned type of one allocated cell."""
        return np.dtype(f"u{self.allocated // 8}")

    @property
    def frame_bytes(self) -> int:
        """Return the size of one native frame."""
        return self.rows * self.columns * self.dtype.itemsize


def stored_slices(source: Path | Dataset, frames: Sequence[int] | None = None) -> Iterator[StoredSlice]:
    """Yield the wanted frames of a file (from 0; default all), each decoded once; UndecodablePixels says why not."""
    ds = source if isinstance(source, Dataset) else _read(source)
    syntax = _syntax(ds)
    groups = Frames(ds)
    layout = _layout(ds, groups.count)
    wanted = list(range(layout.frames)) if frames is None else list(frames)
    beyond = [one for one in wanted if not 0 <= one < layout.frames]
    if beyond:
        raise UndecodablePixels(f"frame {beyond[0] + 1} of {layout.frames} does not exist")
    decoded = _native(ds, layout, syntax, wanted) if syntax in NATIVE else _encapsulated(ds, layout, syntax, wanted)
    padding = as_stored(whole(value_of(ds, "PixelPaddingValue")), ds)
    limit = as_stored(whole(value_of(ds, "PixelPaddingRangeLimit")), ds)
    for frame, cells in zip(wanted, decoded, strict=True):
        pixels = _significant(cells, layout, padding) if syntax in NATIVE or syntax == uids.RLE else cells
        yield _stored_slice(groups, frame, layout, _Padded(pixels=pixels, padding=padding, limit=limit))


def stored_slice(source: Path | Dataset, frame: int = 0) -> StoredSlice:
    """Return one frame; read several of one file with ``stored_slices``."""
    return next(stored_slices(source, [frame]))


@dataclass(frozen=True, kw_only=True)
class _Padded:
    pixels: NDArray[np.generic]
    padding: int | None
    limit: int | None


def _stored_slice(groups: Frames, frame: int, layout: _Layout, cells: _Padded) -> StoredSlice:
    slope = number(groups.value(frame, "RescaleSlope", "PixelValueTransformationSequence"))
    intercept = number(groups.value(frame, "RescaleIntercept", "PixelValueTransformationSequence"))
    spacing = groups.value(frame, "PixelSpacing", "PixelMeasuresSequence")
    pair = [number(one) for one in spacing] if spacing is not None and not isinstance(spacing, str | float) else []
    row_mm, column_mm = (*pair, None, None)[:2]
    return StoredSlice(
        frame=frame,
        pixels=cells.pixels,
        slope=slope or 1.0,
        intercept=intercept or 0.0,
        padding=cells.padding,
        padding_limit=cells.limit if cells.padding is not None else None,
        row_mm=row_mm,
        column_mm=column_mm,
        bits_stored=layout.stored,
        signed=layout.signed,
    )


def _read(path: Path) -> Dataset:
    try:
        return read_file(path)
    except Undecodable as problem:
        raise UndecodablePixels(str(problem)) from problem


def _syntax(ds: Dataset) -> str:
    meta = getattr(ds, "file_meta", None)
    syntax = str(meta.get("TransferSyntaxUID", "")) if meta is not None else ""
    if syntax not in NATIVE and syntax not in CODECS:
        known = uids.uid_name(syntax) if syntax else "an unnamed transfer syntax"
        raise UndecodablePixels(f"pixels in {known} are kept but not read")
    return syntax


def _layout(ds: Dataset, frames: int) -> _Layout:
    """Check the Image Pixel module as far as a CT slice needs it."""
    if value_of(ds, "PixelData") is None:
        raise UndecodablePixels("the object has no pixel data")
    facts = {one: whole(value_of(ds, one)) for one in ("Rows", "Columns", "BitsAllocated")}
    rows, columns, allocated = (facts[one] or 0 for one in ("Rows", "Columns", "BitsAllocated"))
    stored = whole(value_of(ds, "BitsStored")) or allocated
    high_bit = whole(value_of(ds, "HighBit"))
    photometric = str(value_of(ds, "PhotometricInterpretation") or "MONOCHROME2").strip()
    _require(0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE, f"the picture is {columns} x {rows} pixels")
    _require((whole(value_of(ds, "SamplesPerPixel")) or 1) == 1, "the picture is in colour")
    _require(
        photometric in ("MONOCHROME1", "MONOCHROME2"), f"photometric interpretation {photometric} is not greyscale"
    )
    _require(allocated in ALLOCATED, f"{allocated} bits allocated per pixel are not readable")
    _require(0 < stored <= allocated, f"{stored} of {allocated} bits stored")
    top = stored - 1 if high_bit is None or not stored - 1 <= high_bit < allocated else high_bit
    return _Layout(
        rows=rows,
        columns=columns,
        allocated=allocated,
        stored=stored,
        high_bit=top,
        signed=bool(whole(value_of(ds, "PixelRepresentation"))),
        frames=frames,
    )


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise UndecodablePixels(reason)


def _native(ds: Dataset, layout: _Layout, syntax: str, wanted: Sequence[int]) -> Iterator[NDArray[np.generic]]:
    """Cut frames out of uncompressed bytes (PS3.5 8.1.1, A.1 to A.3, A.5)."""
    data = ds.PixelData
    expected = layout.frame_bytes * layout.frames
    if len(data) < expected:
        raise UndecodablePixels(f"the pixel data has {len(data)} bytes where {expected} are declared")
    order: Literal[">", "<"] = ">" if syntax == uids.EXPLICIT_BE else "<"
    for frame in wanted:
        cells = np.frombuffer(
            data,
            layout.dtype.newbyteorder(order),
            count=layout.rows * layout.columns,
            offset=frame * layout.frame_bytes,
        )
        yield cells.astype(layout.dtype).reshape(layout.rows, layout.columns)


def _encapsulated(ds: Dataset, layout: _Layout, syntax: str, wanted: Sequence[int]) -> Iterator[NDArray[np.generic]]:
    """Decode frames of a compressed syntax, one at a time (PS3.5 A.4)."""
    decoder = get_decoder(UID(syntax))
    frames = decoder.iter_array(ds, indices=wanted, raw=True, decoding_plugin=CODECS[syntax], allow_excess_frames=False)
    for frame in wanted:
        cells = _decode(frames, frame, syntax)
        if cells.shape != (layout.rows, layout.columns):
            raise UndecodablePixels(
                f"frame {frame + 1} decodes to {cells.shape}, declared is {layout.rows} x {layout.columns}"
            )
        yield cells


def _decode(frames: Iterator[tuple[NDArray[np.generic], Any]], frame: int, syntax: str) -> NDArray[np.generic]:
    try:
        return next(frames)[0]
    except StopIteration:
        raise UndecodablePixels(f"frame {frame + 1} is missing from the pixel data") from None
    except Exception as problem:
        # codecs raise whatever they like; every failure of theirs means this one slice is unreadable
        reason = f"frame {frame + 1} ({uids.uid_name(syntax)}) cannot be decoded: {_codec_words(problem)}"
        raise UndecodablePixels(reason) from problem


def _codec_words(problem: Exception) -> str:
    """Return the last line a codec says, unless it only tells that the codec itself stumbled."""
    words = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return words[-1] if words and "object has no attribute" not in words[-1] else "the stream is damaged"


def _significant(cells: NDArray[np.generic], layout: _Layout, padding: int | None) -> NDArray[np.generic]:
    """Take the stored bits out of the allocated ones and spread the sign; padding wider than the stored bits stays."""
    whole_cells = cells.view(layout.dtype)
    signed_type = np.dtype(f"i{layout.allocated // 8}")
    as_written = whole_cells.view(signed_type) if layout.signed else whole_cells
    if layout.stored == layout.allocated:
        return as_written
    left = layout.allocated - 1 - layout.high_bit
    shifted = (whole_cells << np.array(left, layout.dtype)).astype(layout.dtype)
    spread = shifted.view(signed_type) if layout.signed else shifted
    values = spread >> np.array(layout.allocated - layout.stored, spread.dtype)
    if padding is None:
        return np.asarray(values)
    return np.where(as_written == padding, as_written, values)
