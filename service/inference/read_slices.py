"""Sights to readings, in small batches so that each is kept soon after it is made; and a stack's readings refined."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import models
from models.errors import ModelError
from service.domain.ids import PackHash, SopUid
from service.domain.reading import ActivationMap, HeadLook, SliceKey, SliceReading
from service.domain.scan import StoredInstance
from service.errors import UndecodablePixels
from service.inference.hounsfield import Hounsfield
from service.inference.ports import PixelFiles
from service.inference.sights import Place, Sight, needs_repair, sights_of

log = logging.getLogger(__name__)
#: slices read before the result is handed on
BATCH = 8
#: a frame in HU, or the sentence that says why it cannot be decoded
Decoded = models.SliceInput | str
Pixels = models.SliceInput | None


@dataclass(frozen=True, eq=False)
class _Shown:
    """A sight with its pixels, or the sentence that says why there are none."""

    sight: Sight
    pixels: Decoded
    beside: tuple[Pixels, Pixels]


class SliceReader:
    """Reads what has not been read yet; a slice that cannot be decoded becomes a reading that says so."""

    def __init__(self, reader: models.Reader, store: PixelFiles, repair_wrap: bool = False) -> None:
        self._reader = reader
        self._hounsfield = Hounsfield(store, repair_wrap)
        self._repair = repair_wrap

    @property
    def pack_hash(self) -> PackHash:
        """Return the key of this pack's readings."""
        return PackHash(self._reader.card.pack_hash)

    def sights(self, instances: Sequence[StoredInstance]) -> list[Sight]:
        """Say for every frame what this pack is shown."""
        spec = self._reader.card.preprocess
        return sights_of(instances, spec.neighbours, self._repair, spec.slab_mm)

    def repaired(self, instances: Sequence[StoredInstance]) -> int:
        """Count the images whose 12-bit wrap is undone before they are read."""
        return sum(needs_repair(one.header) for one in instances) if self._repair else 0

    def read(self, sights: Sequence[Sight], done: Collection[SliceKey]) -> Iterator[list[SliceReading]]:
        """Yield readings batch by batch for every sight not in ``done``."""
        wanted = [one for one in sights if one.key not in done]
        shelf = _Shelf(self._decode, wanted)
        for start in range(0, len(wanted), BATCH):
            yield self._read_batch([shelf.show(one) for one in wanted[start : start + BATCH]])

    def refine(self, readings: Sequence[SliceReading], places_mm: Sequence[float]) -> list[SliceReading]:
        """Let the pack's sequence stage look at a whole stack, ascending; without one the readings stay as they are."""
        if self._reader.card.sequence is None or not readings:
            return list(readings)
        labels = self._reader.card.labels
        features = np.stack([np.frombuffer(one.features, np.float16) for one in readings]).astype(np.float32)
        table = np.array([[one.probability(label) for label in labels] for one in readings], np.float32)
        refined = self._reader.refine(features, table, np.asarray(places_mm, np.float64))
        return [replace(one, probabilities=_named(labels, row)) for one, row in zip(readings, refined, strict=True)]

    def hounsfield(self, instance: StoredInstance, frame: int) -> models.SliceInput:
        """Return one frame in HU, for the pictures."""
        (found,) = self._decode(instance, [frame]).values()
        if isinstance(found, str):
            raise UndecodablePixels(found)
        return found

    def _decode(self, instance: StoredInstance, frames: Sequence[int]) -> dict[int, Decoded]:
        try:
            return dict(self._hounsfield.frames(instance, frames))
        except (UndecodablePixels, ModelError) as problem:
            log.warning("instance %s cannot be decoded: %s", instance.sop_uid, problem)
            return dict.fromkeys(frames, str(problem))

    def _read_batch(self, shown: Sequence[_Shown]) -> list[SliceReading]:
        seen = [(one, one.pixels) for one in shown if not isinstance(one.pixels, str)]
        beside = [one.beside for one, _ in seen] if self._reader.card.preprocess.neighbours else None
        parts = self._reader.read([pixels for _, pixels in seen], beside)
        found = {one.sight.key: part for (one, _), part in zip(seen, parts, strict=True)}
        return [self._reading(one, found.get(one.sight.key)) for one in shown]

    def _reading(self, shown: _Shown, part: models.SliceParts | None) -> SliceReading:
        sop_uid, frame, pixels_hash = shown.sight.key
        reading = SliceReading(
            sop_uid=sop_uid,
            frame=frame,
            pixels_hash=pixels_hash,
            pack_hash=self.pack_hash,
            probabilities=(),
            problem=shown.pixels if isinstance(shown.pixels, str) else "",
        )
        return _filled(reading, part, self._reader.card.labels) if part else reading


class _Shelf:
    """Decoded images: each is decoded once for all who look at it, and let go after the last of them."""

    def __init__(self, decode: Callable[[StoredInstance, Sequence[int]], dict[int, Decoded]], sights: Sequence[Sight]):
        self._decode = decode
        self._asked = Counter(place.instance.sop_uid for sight in sights for place in sight.places)
        self._frames: dict[SopUid, set[int]] = defaultdict(set)
        for sight in sights:
            for place in sight.places:
                self._frames[place.instance.sop_uid].add(place.frame)
        self._held: dict[SopUid, dict[int, Decoded]] = {}

    def show(self, sight: Sight) -> _Shown:
        """Give a sight its pixels; a neighbour that cannot be decoded is missing."""
        pixels, above, below = self._take(sight.slice), self._beside(sight.above), self._beside(sight.below)
        others = [found for found in map(self._beside, sight.slab) if found]
        shown = pixels if isinstance(pixels, str) else models.thickened(pixels, others)
        return _Shown(sight, shown, (above, below))

    def _beside(self, place: Place | None) -> Pixels:
        found = self._take(place) if place else None
        return None if isinstance(found, str) else found

    def _take(self, place: Place) -> Decoded:
        uid = place.instance.sop_uid
        if uid not in self._held:
            self._held[uid] = self._decode(place.instance, sorted(self._frames[uid]))
        found = self._held[uid][place.frame]
        self._asked[uid] -= 1
        if not self._asked[uid]:
            del self._held[uid]
        return found


def _filled(reading: SliceReading, part: models.SliceParts, labels: Sequence[str]) -> SliceReading:
    planes, rows, columns = part.cam.shape
    return replace(
        reading,
        probabilities=_named(labels, part.probabilities),
        features=part.features.tobytes(),
        activation=ActivationMap(
            labels=planes, rows=rows, columns=columns, region=part.region, data=part.cam.tobytes()
        ),
        look=HeadLook(
            body_cm2=part.head.body_area_cm2,
            skull_ring=part.head.skull_closure,
            brain=part.head.brain_fraction,
            enclosed_cm2=part.head.enclosed_area_cm2,
        ),
    )


def _named(labels: Sequence[str], values: NDArray[np.float32]) -> tuple[tuple[str, float], ...]:
    return tuple(zip(labels, (round(float(value), 6) for value in values), strict=True))
