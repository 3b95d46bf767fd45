"""Stored frames to HU, for the reader and for people: the one place where the 12-bit wrap is undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

import models
from models.errors import ModelError
from service.dicom.part10 import read_file
from service.dicom.pixels import StoredSlice, stored_slices
from service.domain.scan import StoredInstance
from service.errors import Undecodable, UndecodablePixels
from service.inference.ports import PixelFiles
from service.inference.sights import needs_repair

#: no CT has smaller or larger pixels, in mm; beyond them a header that lies would cost memory without end
FINEST_MM, COARSEST_MM = 0.01, 20.0
Hu = NDArray[np.float32]


class Hounsfield:
    """Decodes what lies in the store; a site may have the 12-bit wrap of damaged files undone."""

    def __init__(self, store: PixelFiles, repair_wrap: bool = False) -> None:
        self._store = store
        self._repair = repair_wrap

    def frames(self, instance: StoredInstance, frames: Sequence[int]) -> Iterator[tuple[int, models.SliceInput]]:
        """Yield frames as a reader takes them; UndecodablePixels says why one cannot be."""
        repair = self._repair and needs_repair(instance.header)
        for one in stored_slices(self._store.path(instance.content_hash), frames):
            yield one.frame, _for_reader(one, _rescaled(one, repair))

    def picture(self, instance: StoredInstance, frame: int) -> Hu:
        """Return one frame for people to look at; they may see what lacks the pixel size that a reader needs."""
        path = self._store.path(instance.content_hash)
        try:
            source = _opened(path) if len(instance.header.slices) > 1 else path
            return _rescaled(next(stored_slices(source, [frame])), self._repair and needs_repair(instance.header))
        except (ModelError, Undecodable) as problem:
            raise UndecodablePixels(str(problem)) from problem


@lru_cache(maxsize=1)
def _opened(path: Path) -> Dataset:
    """Keep the last file of many frames open: its frames are asked for one by one."""
    return read_file(path)


def _rescaled(one: StoredSlice, repair: bool) -> Hu:
    hu = _mended(one) if repair else models.to_hu(one.pixels, one.slope, one.intercept, one.padding, one.padding_limit)
    if not np.isfinite(hu).all():
        raise UndecodablePixels("the rescaled pixels are not finite numbers")
    return hu


def _for_reader(one: StoredSlice, hu: Hu) -> models.SliceInput:
    if one.row_mm is None or one.column_mm is None:
        raise UndecodablePixels("the header says no Pixel Spacing")
    if not all(FINEST_MM <= one <= COARSEST_MM for one in (one.row_mm, one.column_mm)):
        raise UndecodablePixels(f"a Pixel Spacing of {one.row_mm:.3g} x {one.column_mm:.3g} mm cannot be")
    return models.SliceInput(hu, one.row_mm, one.column_mm)


def _mended(one: StoredSlice) -> Hu:
    """HU with the 12-bit wrap undone; the padding value wraps along with the pixels."""
    pixels, intercept = models.repair_wrap(one.pixels)
    told = [value for value in (one.padding, one.padding_limit) if value is not None]
    moved = [float(value) for value in models.repair_wrap(told)[0]]
    return models.to_hu(pixels, one.slope, intercept, *moved)
