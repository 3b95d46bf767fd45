"""One series as a stack to scroll: each slice with its place, sides, score and the name of its picture. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.domain.geometry import geometry_of, sides
from service.domain.ids import SopUid
from service.domain.scan import InstanceHeader, SlicePlace, StoredInstance
from service.domain.verdict import SeriesConclusion, SliceScore
from service.ledger.stacks import SeriesPile

FrameKey = tuple[SopUid, int]
NOWHERE = ("", "", "", "")


@dataclass(frozen=True, kw_only=True)
class ShownSlice:
    """One frame in the order it is scrolled."""

    #: content and frame: the same name always means the same pixels
    name: str
    sop_uid: SopUid
    frame: int
    instance_number: int | None
    #: along the normal of the stack; None for a slice whose header does not place it among the others
    place_mm: float | None
    rows: int
    columns: int
    row_mm: float
    column_mm: float
    #: letters at the left, right, top and bottom of the picture
    sides: tuple[str, str, str, str]
    score: SliceScore | None
    #: 1 for the most telling slice, 2 for the next; None for no key slice
    key: int | None
    #: names what the heat is made from; empty where there is none to show
    heat: str

    @property
    def label(self) -> str:
        """Return the number the scanner gave it."""
        return str(self.instance_number) if self.instance_number is not None else "?"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Slices ascending along the normal; those that lie nowhere come last."""

    slices: tuple[ShownSlice, ...]
    #: where to open: the most telling slice, else the middle
    start: int
    threshold: float | None
    #: changes whenever something of this stack does
    stamp: str

    @property
    def keys(self) -> tuple[int, ...]:
        """Return the places of the key slices, most telling first."""
        ranked = sorted((one.key, at) for at, one in enumerate(self.slices) if one.key is not None)
        return tuple(at for _, at in ranked)


def stack_of(pile: SeriesPile, heat_floor: float) -> Stack:
    """Order the frames of a series and lay what was concluded beside them."""
    images = {one.sop_uid: one for one in pile.instances if one.header.has_pixels}
    placed = geometry_of(list(images.values())).slices
    places = {(one.sop_uid, one.frame): one.place_mm for one in placed}
    order = [*places, *_lost(images.values(), places)]  # fmt: skip
    scores, ranks = _scores(pile.conclusion)
    marks = _Marks(scores=scores, ranks=ranks, heat_floor=heat_floor, pack=_pack(pile.conclusion))
    slices = tuple(_shown(images[key[0]], key[1], places.get(key), marks) for key in order)
    return Stack(slices=slices, start=_start(slices), threshold=_threshold(pile.conclusion), stamp=_stamp(slices))


@dataclass(frozen=True, kw_only=True)
class _Marks:
    """What is laid beside the frames."""

    scores: Mapping[FrameKey, SliceScore]
    ranks: Mapping[FrameKey, int]
    heat_floor: float
    pack: str


def _lost(images: Iterable[StoredInstance], places: Mapping[FrameKey, float]) -> list[FrameKey]:
    """Return the frames that lie nowhere, in the order of their numbers."""
    frames = [(one, place.frame) for one in images for place in one.header.slices]
    lost = [(one, frame) for one, frame in frames if (one.sop_uid, frame) not in places]
    ranked = sorted(lost, key=lambda pair: (pair[0].header.instance_number or 0, pair[0].sop_uid, pair[1]))
    return [(one.sop_uid, frame) for one, frame in ranked]


def _scores(conclusion: SeriesConclusion | None) -> tuple[dict[FrameKey, SliceScore], dict[FrameKey, int]]:
    if conclusion is None:
        return {}, {}
    named = [(one.sop_uid, one.frame) for one in conclusion.slices]
    ranks = {named[at]: rank for rank, at in enumerate(conclusion.key_slices, 1)}
    return dict(zip(named, conclusion.slices, strict=True)), ranks


def _shown(image: StoredInstance, frame: int, place_mm: float | None, marks: _Marks) -> ShownSlice:
    key, header = (image.sop_uid, frame), image.header
    score = marks.scores.get(key)
    return ShownSlice(
        name=f"{image.content_hash}-{frame}",
        sop_uid=image.sop_uid,
        frame=frame,
        instance_number=header.instance_number,
        place_mm=place_mm,
        rows=header.rows or 0,
        columns=header.columns or 0,
        row_mm=header.row_mm or 0.0,
        column_mm=header.column_mm or 0.0,
        sides=_sides(header, frame),
        score=score,
        key=marks.ranks.get(key),
        heat=heat_name(score, marks.pack) if score and score.probability > marks.heat_floor else "",
    )


def heat_name(score: SliceScore, pack_hash: str) -> str:
    """Name what the heat of a slice is made from: pack, pixels shown and probability."""
    text = f"{pack_hash}|{score.sop_uid}|{score.frame}|{score.shown}|{score.probability!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sides(header: InstanceHeader, frame: int) -> tuple[str, str, str, str]:
    place: SlicePlace | None = next((one for one in header.slices if one.frame == frame), None)
    if place is None or place.row_cosine is None or place.column_cosine is None:
        return NOWHERE
    if not any(place.row_cosine) or not any(place.column_cosine):
        return NOWHERE
    return sides(place.row_cosine, place.column_cosine)


def _start(slices: Sequence[ShownSlice]) -> int:
    def telling(at: int) -> tuple[bool, int, float]:
        one = slices[at]
        return one.key is not None, -(one.key or 0), one.score.probability if one.score else 0.0

    anything = any(one.score for one in slices)
    return max(range(len(slices)), key=telling) if anything else len(slices) // 2


def _threshold(conclusion: SeriesConclusion | None) -> float | None:
    return conclusion.decision.threshold if conclusion and conclusion.decision else None


def _pack(conclusion: SeriesConclusion | None) -> str:
    return conclusion.pack_hash if conclusion else ""


def _stamp(slices: Sequence[ShownSlice]) -> str:
    return hashlib.sha256(repr(slices).encode()).hexdigest()[:16]
