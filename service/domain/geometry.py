"""Where the slices of a series lie along their normal; pure arithmetic on header facts, lengths in mm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from service.domain.ids import ContentHash, SopUid
from service.domain.scan import SlicePlace, StoredInstance, Vector

#: a step this much longer than expected is a gap
GAP_FACTOR = 1.6
#: two slices nearer than this lie at one place
SAME_PLACE_MM = 0.05
#: how many steps on each side tell what step to expect
NEIGHBOURS = 3
#: covered slices touch when the step is at most this share of their thickness
TOUCH_FACTOR = 1.25


@dataclass(frozen=True, kw_only=True)
class PlacedSlice:
    """One frame with its place along the normal of its series."""

    sop_uid: SopUid
    frame: int
    content_hash: ContentHash
    instance_number: int | None
    place_mm: float
    thickness: float | None
    time_point: str


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """The stack as it lies; ``slices`` ascend along the normal."""

    slices: tuple[PlacedSlice, ...]
    unplaced: int
    #: share of frames that face another way than the first
    astray: int
    normal: Vector | None
    #: angle between the slice normal and the body axis
    tilt_degrees: float | None

    @property
    def steps(self) -> tuple[float, ...]:
        """Return the distances between neighbours."""
        places = [one.place_mm for one in self.slices]
        return tuple(after - before for before, after in zip(places, places[1:], strict=False))

    @property
    def extent_mm(self) -> float:
        """Return the length from the first slice's centre to the last one's."""
        return self.slices[-1].place_mm - self.slices[0].place_mm if self.slices else 0.0

    @property
    def median_step(self) -> float | None:
        """Return the usual distance between neighbours, None with fewer than two places."""
        real = [step for step in self.steps if step > SAME_PLACE_MM]
        return median(real) if real else None

    @property
    def same_place(self) -> int:
        """Return how many slices lie where another one lies."""
        return sum(step <= SAME_PLACE_MM for step in self.steps)

    @property
    def time_points(self) -> int:
        """Return the number of time points: 1 unless the series is 4D."""
        return len({one.time_point for one in self.slices}) or 1

    @property
    def gaps(self) -> tuple[str, ...]:
        """Name each gap by the instance it follows and the slices it swallowed."""
        return tuple(
            _gap_name(self.slices[at], step, _expected(self, at))
            for at, step in enumerate(self.steps)
            if step > GAP_FACTOR * _expected(self, at)
        )

    @property
    def spacing_sentence(self) -> str:
        """Say the spacing in words, uneven ones with each distance."""
        real = sorted({round(step, 1) for step in self.steps if step > SAME_PLACE_MM})
        if not real:
            return "no spacing"
        if real[-1] - real[0] <= 0.2:
            return f"even spacing of {real[0]:g} mm"
        listed = ", ".join(f"{step:g}" for step in real[:4])
        return f"uneven spacing ({listed}{' ...' if len(real) > 4 else ''} mm)"

    def touching(self) -> bool:
        """Tell whether the slices leave no room between them, judged by their thickness."""
        return all(
            step <= TOUCH_FACTOR * _mean_thickness(before, after)
            for step, before, after in zip(self.steps, self.slices, self.slices[1:], strict=False)
        )


def geometry_of(instances: Sequence[StoredInstance]) -> Geometry:
    """Place every frame of the instances along the normal of the first frame that has one."""
    frames = [(one, place) for one in instances for place in one.header.slices]
    normal = next((found for _, place in frames if (found := _normal(place))), None)
    placed = [
        _placed(instance, place, normal)
        for instance, place in frames
        if normal and place.position and _aligned(place, normal)
    ]
    missing = sum(place.position is None or _normal(place) is None for _, place in frames)
    ordered = sorted(placed, key=lambda one: (one.place_mm, one.time_point, one.instance_number or 0, one.sop_uid))
    return Geometry(
        slices=tuple(ordered),
        unplaced=missing,
        astray=len(frames) - missing - len(placed),
        normal=normal,
        tilt_degrees=_angle_to_axis(normal) if normal else None,
    )


def _placed(instance: StoredInstance, place: SlicePlace, normal: Vector) -> PlacedSlice:
    assert place.position is not None
    return PlacedSlice(
        sop_uid=instance.sop_uid,
        frame=place.frame,
        content_hash=instance.content_hash,
        instance_number=instance.header.instance_number,
        place_mm=dot(place.position, normal),
        thickness=place.thickness,
        time_point=instance.header.time_point,
    )


def dot(one: Vector, other: Vector) -> float:
    """Return the scalar product."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def _normal(place: SlicePlace) -> Vector | None:
    if place.row_cosine is None or place.column_cosine is None:
        return None
    (a, b, c), (x, y, z) = place.row_cosine, place.column_cosine
    cross = (b * z - c * y, c * x - a * z, a * y - b * x)
    length = math.sqrt(dot(cross, cross))
    if not math.isfinite(length) or length < 0.5:
        return None
    return (cross[0] / length, cross[1] / length, cross[2] / length)


def _aligned(place: SlicePlace, normal: Vector) -> bool:
    own = _normal(place)
    return own is not None and abs(dot(own, normal)) > 0.999


def _angle_to_axis(normal: Vector) -> float:
    return math.degrees(math.acos(min(1.0, abs(normal[2]))))


def _mean_thickness(before: PlacedSlice, after: PlacedSlice) -> float:
    return ((before.thickness or 0.0) + (after.thickness or 0.0)) / 2


def _expected(stack: Geometry, at: int) -> float:
    around = [
        step
        for other, step in enumerate(stack.steps)
        if other != at and abs(other - at) <= NEIGHBOURS and step > SAME_PLACE_MM
    ]
    thickness = _mean_thickness(stack.slices[at], stack.slices[at + 1])
    return max(median(around) if around else 0.0, thickness) or math.inf


def _gap_name(before: PlacedSlice, step: float, expected: float) -> str:
    missing = max(1, round(step / expected) - 1)
    after = before.instance_number if before.instance_number is not None else f"{before.place_mm:.1f} mm"
    return f"gap after slice {after}: {step:.1f} mm where {expected:.1f} mm is usual, about {missing} missing"
