"""What the reader is shown for each slice: itself, with the slices beside it where the pack looks at them. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from models import around, wrap_damaged
from service.domain.geometry import Geometry, PlacedSlice, geometry_of
from service.domain.ids import PixelsHash
from service.domain.reading import SliceKey
from service.domain.scan import InstanceHeader, StoredInstance


@dataclass(frozen=True)
class Place:
    """One frame of one stored instance."""

    instance: StoredInstance
    frame: int


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One slice and what is looked at together with it; above is nearer the top of the head."""

    slice: Place
    above: Place | None
    below: Place | None
    #: what it is averaged with, where it is thinner than the pack likes
    slab: tuple[Place, ...] = ()
    pixels_hash: PixelsHash
    #: no slice that may still come can change what is beside it
    settled: bool

    @property
    def key(self) -> SliceKey:
        """Return what its reading is kept under, beside the pack."""
        return self.slice.instance.sop_uid, self.slice.frame, self.pixels_hash

    @property
    def places(self) -> tuple[Place, ...]:
        """Return every frame that it takes to read it."""
        return tuple(one for one in (self.slice, self.above, self.below, *self.slab) if one)


def sights_of(instances: Sequence[StoredInstance], neighbours: int, repair: bool, slab_mm: float = 0.0) -> list[Sight]:
    """Return one sight per frame: as the instances come for a slice alone, ascending where others count."""
    places = [Place(one, place.frame) for one in instances for place in one.header.slices]
    if not neighbours and not slab_mm:
        return [_alone(place, repair) for place in places]
    stack = geometry_of(instances)
    named = {(place.instance.sop_uid, place.frame): place for place in places}
    ordered = [named.pop((one.sop_uid, one.frame)) for one in stack.slices]
    joined = stack.touches
    if neighbours:
        beside = [_between(ordered, at, joined, repair) for at in range(len(ordered))]
        return [*beside, *(_between([place], 0, (), repair) for place in named.values())]
    slabs = _slabs(stack, slab_mm)
    thick = [_thick(ordered, at, (slabs[at], joined), repair) for at in range(len(ordered))]
    return [*thick, *(_alone(place, repair) for place in named.values())]


def needs_repair(header: InstanceHeader) -> bool:
    """Tell whether the header looks as after the 12-bit wrap (unsigned, 12 bits, no negative intercept)."""
    if header.bits_stored is None or header.signed is None:
        return False
    return wrap_damaged(header.bits_stored, header.signed, header.intercept or 0.0)


def _alone(place: Place, repair: bool) -> Sight:
    return Sight(slice=place, above=None, below=None, pixels_hash=PixelsHash(_pixels(place, repair)), settled=True)


def _between(ordered: Sequence[Place], at: int, joined: Sequence[bool], repair: bool) -> Sight:
    below = ordered[at - 1] if at else None
    above = ordered[at + 1] if at + 1 < len(ordered) else None
    parts = [f"{_pixels(one, repair)}@{one.frame}" if one else "" for one in (above, ordered[at], below)]
    return Sight(
        slice=ordered[at],
        above=above,
        below=below,
        pixels_hash=PixelsHash(_digest("|".join(parts))),
        settled=bool(above and below and joined[at] and joined[at - 1]),
    )


def _slabs(stack: Geometry, slab_mm: float) -> list[tuple[int, ...] | None]:
    """Return the others of each slice's slab, of its own time point; None where it stands alone for good."""
    found: list[tuple[int, ...] | None] = [None] * len(stack.slices)
    times: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(stack.slices):
        times[one.time_point].append(at)
    for members in times.values():
        own = [stack.slices[at] for at in members]
        slabs = around([one.place_mm for one in own], [one.thickness or 0.0 for one in own], slab_mm)
        for at, others in zip(members, slabs, strict=True):
            if _is_thin(stack.slices[at], slab_mm):
                found[at] = tuple(members[other] for other in others)
    return found


def _is_thin(one: PlacedSlice, slab_mm: float) -> bool:
    return one.thickness is not None and one.thickness < slab_mm


def _thick(
    ordered: Sequence[Place], at: int, beside: tuple[tuple[int, ...] | None, Sequence[bool]], repair: bool
) -> Sight:
    """Return a slice with the rest of its slab; it is settled when what lies beyond the slab touches it."""
    others, joined = beside
    alone = _alone(ordered[at], repair)
    if others is None:
        return alone
    first, last = min((at, *others)), max((at, *others))
    settled = first > 0 and last < len(ordered) - 1 and all(joined[first - 1 : last + 1])
    if not others:
        return replace(alone, settled=settled)
    parts = [f"{_pixels(ordered[each], repair)}@{ordered[each].frame}" for each in (at, *others)]
    name = PixelsHash(_digest("|".join(["slab", *parts])))
    return replace(alone, slab=tuple(ordered[each] for each in others), pixels_hash=name, settled=settled)


def _pixels(place: Place, repair: bool) -> str:
    """Name the pixels of one frame: the content's own name unless they are mended before they are read."""
    content = place.instance.content_hash
    return _digest(f"unwrapped|{content}") if repair and needs_repair(place.instance.header) else content


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
