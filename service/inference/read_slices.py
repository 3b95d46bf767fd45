"""Unread slices to readings, in small batches so that each is kept soon after it is made."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

import models
from models.errors import ModelError
from service.dicom.pixels import StoredSlice, stored_slices
from service.domain.ids import PackHash
from service.domain.reading import ActivationMap, HeadLook, SliceReading
from service.domain.scan import StoredInstance
from service.errors import UndecodablePixels
from service.inference.ports import PixelFiles

log = logging.getLogger(__name__)
SliceKey = tuple[str, int, str]
#: slices read before the result is handed on
BATCH = 8
#: no CT has smaller or larger pixels, in mm; beyond them a header that lies would cost memory without end
FINEST_MM, COARSEST_MM = 0.01, 20.0


@dataclass(frozen=True, eq=False)
class _Frame:
    instance: StoredInstance
    frame: int
    pixels: models.SliceInput


class SliceReader:
    """Reads what has not been read yet; a slice that cannot be decoded becomes a reading that says so."""

    def __init__(self, reader: models.Reader, store: PixelFiles) -> None:
        self._reader = reader
        self._store = store

    @property
    def pack_hash(self) -> PackHash:
        """Return the key of this pack's readings."""
        return PackHash(self._reader.card.pack_hash)

    def read(self, instances: Iterable[StoredInstance], done: Collection[SliceKey]) -> Iterator[list[SliceReading]]:
        """Yield readings batch by batch for every frame not in ``done``."""
        waiting: list[_Frame] = []
        for instance in instances:
            wanted = _unread(instance, done)
            if not wanted:
                continue
            frames, problem = self._decode(instance, wanted)
            if problem:
                yield [self._unreadable(instance, frame, problem) for frame in wanted]
                continue
            waiting += frames
            while len(waiting) >= BATCH:
                yield self._read_batch(waiting[:BATCH])
                waiting = waiting[BATCH:]
        if waiting:
            yield self._read_batch(waiting)

    def hounsfield(self, instance: StoredInstance, frame: int) -> models.SliceInput:
        """Return one frame in HU, for the pictures."""
        frames, problem = self._decode(instance, [frame])
        if problem:
            raise UndecodablePixels(problem)
        return frames[0].pixels

    def _decode(self, instance: StoredInstance, frames: Sequence[int]) -> tuple[list[_Frame], str]:
        try:
            stored = stored_slices(self._store.path(instance.content_hash), frames)
            return [_Frame(instance, one.frame, _hounsfield(one)) for one in stored], ""
        except (UndecodablePixels, ModelError) as problem:
            log.warning("instance %s cannot be decoded: %s", instance.sop_uid, problem)
            return [], str(problem)

    def _unreadable(self, instance: StoredInstance, frame: int, problem: str) -> SliceReading:
        return SliceReading(
            sop_uid=instance.sop_uid,
            frame=frame,
            content_hash=instance.content_hash,
            pack_hash=self.pack_hash,
            probabilities=(),
            problem=problem,
        )

    def _read_batch(self, frames: Sequence[_Frame]) -> list[SliceReading]:
        parts = self._reader.read([one.pixels for one in frames])
        return [self._reading(frame, part) for frame, part in zip(frames, parts, strict=True)]

    def _reading(self, frame: _Frame, part: models.SliceParts) -> SliceReading:
        labels, rows, columns = part.cam.shape
        values = [round(float(value), 6) for value in part.probabilities]
        return SliceReading(
            sop_uid=frame.instance.sop_uid,
            frame=frame.frame,
            content_hash=frame.instance.content_hash,
            pack_hash=self.pack_hash,
            probabilities=tuple(zip(self._reader.card.labels, values, strict=True)),
            features=part.features.tobytes(),
            activation=ActivationMap(
                labels=labels, rows=rows, columns=columns, region=part.region, data=part.cam.tobytes()
            ),
            look=HeadLook(
                body_cm2=part.head.body_area_cm2,
                skull_ring=part.head.skull_closure,
                brain=part.head.brain_fraction,
                enclosed_cm2=part.head.enclosed_area_cm2,
            ),
        )


def _unread(instance: StoredInstance, done: Collection[SliceKey]) -> list[int]:
    key = (instance.sop_uid, instance.content_hash)
    return [place.frame for place in instance.header.slices if (key[0], place.frame, key[1]) not in done]


def _hounsfield(one: StoredSlice) -> models.SliceInput:
    hu = models.to_hu(one.pixels, one.slope, one.intercept, one.padding, one.padding_limit)
    if not np.isfinite(hu).all():
        raise UndecodablePixels("the rescaled pixels are not finite numbers")
    if one.row_mm is None or one.column_mm is None:
        raise UndecodablePixels("the header says no Pixel Spacing")
    if not all(FINEST_MM <= one <= COARSEST_MM for one in (one.row_mm, one.column_mm)):
        raise UndecodablePixels(f"a Pixel Spacing of {one.row_mm:.3g} x {one.column_mm:.3g} mm cannot be")
    return models.SliceInput(hu, one.row_mm, one.column_mm)
