"""Where the slices of a series lie along their normal; pure arithmetic on header facts, lengths in mm."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
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
#: the sides that +x, +y and +z of the patient coordinate system point to, and their opposites (PS3.3 C.7.6.1.1.1)
_SIDES = (("L", "R"), ("P", "A"), ("H", "F"))


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
    #: frames without a usable position or orientation
    unplaced: int
    #: frames that face another way than most
    astray: int
    #: what most frames face; towards the head for axial slices, whatever way the patient lies
    normal: Vector | None
    #: angle between the slice normal and the body axis
    tilt_degrees: float | None

    @property
    def steps(self) -> tuple[float, ...]:
        """Return the distances between neighbours."""
        places = [one.place_mm for one in self.slices]
        return tuple(after - before for before, after in pairwise(places))

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
    def gap_after(self) -> tuple[int, ...]:
        """Return the index of each slice that a gap follows."""
        steps = self.steps
        return tuple(at for at, step in enumerate(steps) if step > GAP_FACTOR * _expected(self, steps, at))

    @property
    def gaps(self) -> tuple[str, ...]:
        """Name each gap by the instance it follows and the slices it swallowed."""
        steps = self.steps
        return tuple(_gap_name(self, at, _expected(self, steps, at)) for at in self.gap_after)

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

    @property
    def touches(self) -> tuple[bool, ...]:
        """Tell of each step whether it leaves no room between two slices, judged by their thickness."""
        return tuple(
            step <= TOUCH_FACTOR * _mean_thickness(before, after)
            for step, (before, after) in zip(self.steps, pairwise(self.slices), strict=True)
        )

    def touching(self) -> bool:
        """Tell whether no step leaves room between two slices."""
        return all(self.touches)


def geometry_of(instances: Sequence[StoredInstance]) -> Geometry:
    """Place every frame along the normal that most frames share; the order of the instances does not matter."""
    frames = [(one, place) for one in instances for place in one.header.slices]
    normals = [_normal(place) for _, place in frames]
    normal = _shared([found for found in normals if found])
    usable = [(one, place, own) for (one, place), own in zip(frames, normals, strict=True) if own and _finite(place)]
    placed = [_placed(one, place, normal) for one, place, own in usable if normal and _parallel(own, normal)]
    ordered = sorted(placed, key=lambda one: (one.place_mm, one.time_point, one.instance_number or 0, one.sop_uid))
    return Geometry(
        slices=tuple(ordered),
        unplaced=len(frames) - len(usable),
        astray=len(usable) - len(placed),
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
        thickness=_thickness(place),
        time_point=instance.header.time_point,
    )


def _thickness(place: SlicePlace) -> float | None:
    given = place.thickness
    return given if given is not None and math.isfinite(given) and given > 0 else None


def dot(one: Vector, other: Vector) -> float:
    """Return the scalar product."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def sides(row: Sequence[float], column: Sequence[float]) -> tuple[str, str, str, str]:
    """Return the letters for left, right, top and bottom of a slice shown as stored."""
    right, bottom = _toward(row), _toward(column)
    return _toward([-one for one in row]), right, _toward([-one for one in column]), bottom


def _toward(direction: Sequence[float]) -> str:
    axis = max(range(3), key=lambda at: abs(direction[at]))
    plus, minus = _SIDES[axis]
    return plus if direction[axis] > 0 else minus


def _normal(place: SlicePlace) -> Vector | None:
    if place.row_cosine is None or place.column_cosine is None:
        return None
    (a, b, c), (x, y, z) = place.row_cosine, place.column_cosine
    cross = (b * z - c * y, c * x - a * z, a * y - b * x)
    length = math.sqrt(dot(cross, cross))
    if not math.isfinite(length) or length < 0.5:
        return None
    return (cross[0] / length, cross[1] / length, cross[2] / length)


def _finite(place: SlicePlace) -> bool:
    return place.position is not None and all(math.isfinite(value) for value in place.position)


def _parallel(one: Vector, other: Vector) -> bool:
    return abs(dot(one, other)) > 0.999


def _shared(normals: Sequence[Vector]) -> Vector | None:
    """Return the direction most frames face; the same one for any order of the frames."""
    upright = Counter(_upright(normal) for normal in normals)
    leaders = sorted(upright, key=lambda one: (-_followers(one, upright), -upright[one], one))
    return leaders[0] if leaders else None


def _followers(normal: Vector, among: Counter[Vector]) -> int:
    return sum(count for other, count in among.items() if _parallel(normal, other))


def _upright(normal: Vector) -> Vector:
    """Turn a normal so that its longest part is positive, digits beyond the header's own dropped."""
    longest = max(normal, key=abs)
    sign = -1.0 if longest < 0 else 1.0
    turned = [round(sign * part, 9) + 0.0 for part in normal]
    return (turned[0], turned[1], turned[2])


def _angle_to_axis(normal: Vector) -> float:
    return math.degrees(math.acos(min(1.0, abs(normal[2]))))


def _mean_thickness(before: PlacedSlice, after: PlacedSlice) -> float:
    return ((before.thickness or 0.0) + (after.thickness or 0.0)) / 2


def _expected(stack: Geometry, steps: Sequence[float], at: int) -> float:
    beside = [*steps[max(0, at - NEIGHBOURS) : at], *steps[at + 1 : at + 1 + NEIGHBOURS]]
    around = [step for step in beside if step > SAME_PLACE_MM]
    thickness = _mean_thickness(stack.slices[at], stack.slices[at + 1])
    return max(median(around) if around else 0.0, thickness) or math.inf


def _gap_name(stack: Geometry, at: int, expected: float) -> str:
    before, after = stack.slices[at], stack.slices[at + 1]
    step = after.place_mm - before.place_mm
    missing = max(1, round(step / expected) - 1)
    name = f"{before.place_mm:.1f} mm"
    if before.instance_number is not None and after.instance_number is not None:
        name = str(min(before.instance_number, after.instance_number))
    return f"gap after slice {name}: {step:.1f} mm where {expected:.1f} mm is usual, about {missing} missing"
