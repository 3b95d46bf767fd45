"""Blood in the bent heads: shapes in the template's own space, so that a whole series holds one and the same bleed.

Coordinates in mm from the template's middle: x to one side, y to the front, z to the top.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.phantom.grid import Array, Plane, Vector, random_field
from models.phantom.nouns import FINDINGS

KINDS = FINDINGS[1:]
TOGETHER = {
    "intraparenchymal": ("intraventricular", "subarachnoid", "intraparenchymal"),
    "subdural": ("subarachnoid", "intraparenchymal"), "subarachnoid": ("intraventricular", "subdural"),
    "epidural": ("subdural", "intraparenchymal"), "intraventricular": ("subarachnoid",),
}  # fmt: skip
SECOND = 0.3  #: share of bleeding heads with a second kind
MIDDLE = (0.0, -15.0, 5.0)  #: rays to the surface start here
UNDER_BONE = 3.0  #: mm of the cavity's rim that the sharpened skull covers


@dataclass(frozen=True, eq=False)
class Seen:
    """What lies under the pixels of one sheet."""

    x: Array
    y: Array
    z: Array
    depth: Array  #: mm into the cavity, 0 outside
    ventricle: Array  #: share
    fluid: Array  #: share of sulci, fissures and cisterns
    plane: Plane


Shape = Callable[[Seen], Array]
Surface = Callable[[Vector, Vector], Vector]  #: where a ray from a point along a direction leaves the cavity


@dataclass(frozen=True, eq=False)
class Bleed:
    """One kind of blood and the share of a pixel that it fills."""

    kind: str
    shape: Shape


def random_bleeds(rng: np.random.Generator, surface: Surface, kind: str = "") -> tuple[Bleed, ...]:
    """One bleed, or two kinds that go together."""
    first = kind or str(rng.choice(KINDS))
    kinds = [first]
    if rng.random() < SECOND:
        kinds.append(str(rng.choice(TOGETHER[first])))
    return tuple(Bleed(each, SHAPES[each](rng, surface)) for each in kinds)


def _soft(distance: Array, width: float = 1.6) -> Array:
    return np.asarray(np.clip(0.5 - distance / width, 0, 1), np.float32)


def _side(rng: np.random.Generator) -> float:
    return float(rng.choice([-1, 1]))


def _size(rng: np.random.Generator, low: float, high: float) -> float:
    """Small ones as often as large ones, on a log scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _outward(rng: np.random.Generator, lowest: float = -0.45) -> Vector:
    """A direction from the middle to somewhere on the vault, more to the sides than to the poles."""
    around = rng.uniform(-np.pi, np.pi)
    up = rng.uniform(lowest, 0.85)
    flat = np.sqrt(1 - up * up)
    return np.array([np.cos(around) * flat, np.sin(around) * flat, up])


def _intraparenchymal(rng: np.random.Generator, surface: Surface) -> Shape:
    centre = _inside(rng, surface)
    radius, stretch = _size(rng, 3.5, 26), rng.uniform(0.7, 1.5, 3)
    wave, ragged = random_field(rng, rng.uniform(0.7, 2.2) * radius + 3), rng.uniform(0.05, 0.4) * radius

    def shape(seen: Seen) -> Array:
        offsets = [(axis - at) / far for axis, at, far in zip((seen.x, seen.y, seen.z), centre, stretch, strict=True)]
        distance = np.sqrt(sum(each * each for each in offsets)) - radius
        return np.asarray(
            _soft(distance + ragged * wave.on(seen.plane)) * np.clip(seen.depth / 3 - 0.6, 0, 1), np.float32
        )

    return shape


def _inside(rng: np.random.Generator, surface: Surface) -> Vector:
    """Deep grey matter, a lobe, the cerebellum or the brain stem."""
    draw = rng.random()
    if draw < 0.35:
        return np.array([_side(rng) * rng.uniform(10, 34), rng.normal(0, 14), rng.normal(10, 8)])
    if draw < 0.8:
        start = np.array(MIDDLE)
        edge = surface(start, _outward(rng))
        return np.asarray(start + (edge - start) * rng.uniform(0.45, 0.88))
    if draw < 0.92:
        return np.array([rng.normal(0, 22), rng.uniform(-75, -50), rng.uniform(-58, -30)])
    return np.array([rng.normal(0, 6), rng.normal(-27, 4), rng.uniform(-50, -20)])


def _subdural(rng: np.random.Generator, surface: Surface) -> Shape:
    if rng.random() < 0.15:
        return _along_falx(rng)
    at = surface(np.array(MIDDLE), _outward(rng, -0.2))
    side = np.sign(at[0]) or 1.0
    thick, long, tall = _size(rng, 3, 20), rng.uniform(25, 75), rng.uniform(18, 48)
    wave = random_field(rng, rng.uniform(18, 40))

    def shape(seen: Seen) -> Array:
        spread = ((seen.y - at[1]) / long) ** 2 + ((seen.z - at[2]) / tall) ** 2
        reach = UNDER_BONE + thick * (1 - spread) + 0.15 * thick * wave.on(seen.plane)
        across = np.clip((side * seen.x - 2) / 4, 0, 1)
        return np.asarray(_soft(seen.depth - reach) * np.clip(seen.depth / 1.2, 0, 1) * across, np.float32)

    return shape


def _along_falx(rng: np.random.Generator) -> Shape:
    thick, front, long = rng.uniform(3, 8), rng.uniform(-60, 50), rng.uniform(15, 45)
    side, low = _side(rng), rng.uniform(10, 30)

    def shape(seen: Seen) -> Array:
        room = np.clip((seen.z - low) / 5, 0, 1) * np.clip(2 - np.abs(seen.y - front) / long, 0, 1)
        return np.asarray(
            _soft(np.abs(seen.x - side * thick / 2) - thick / 2 * room) * np.clip(seen.depth / 2, 0, 1) * (room > 0),
            np.float32,
        )

    return shape


def _epidural(rng: np.random.Generator, surface: Surface) -> Shape:
    start = np.array(MIDDLE)
    at = surface(start, _outward(rng))
    normal = (at - start) / np.linalg.norm(at - start)
    thick, chord = UNDER_BONE + _size(rng, 4, 28), rng.uniform(18, 46)
    radius = (thick * thick + chord * chord) / (2 * thick)
    centre = at + normal * (radius - thick)
    wave = random_field(rng, rng.uniform(12, 30))

    def shape(seen: Seen) -> Array:
        distance = np.sqrt((seen.x - centre[0]) ** 2 + (seen.y - centre[1]) ** 2 + (seen.z - centre[2]) ** 2)
        return np.asarray(
            _soft(distance - radius + 0.06 * thick * wave.on(seen.plane)) * np.clip(seen.depth / 1.2, 0, 1), np.float32
        )

    return shape


def _subarachnoid(rng: np.random.Generator, surface: Surface) -> Shape:
    if rng.random() < 0.55:
        centre, radii = np.array([rng.normal(0, 10), rng.normal(-2, 8), rng.normal(-24, 5)]), rng.uniform(18, 48, 3)
    else:
        centre, radii = surface(np.array(MIDDLE), _outward(rng, -0.2)), rng.uniform(10, 40, 3)
    wave = random_field(rng, rng.uniform(10, 24))

    def shape(seen: Seen) -> Array:
        offsets = [(axis - at) / far for axis, at, far in zip((seen.x, seen.y, seen.z), centre, radii, strict=True)]
        distance = np.sqrt(sum(each * each for each in offsets)) - 1 + 0.25 * wave.on(seen.plane)
        return np.asarray(seen.fluid * _soft(distance, 0.3) * np.clip(seen.depth / 1.2, 0, 1), np.float32)

    return shape


def _intraventricular(rng: np.random.Generator, surface: Surface) -> Shape:
    level, both, cast = rng.uniform(-48, -10), rng.random() < 0.6, rng.random() < 0.4
    side, wave = _side(rng), random_field(rng, rng.uniform(8, 16))

    def shape(seen: Seen) -> Array:
        layered = seen.y - level + 3 * wave.on(seen.plane)
        low = np.ones_like(seen.y) if cast else _soft(layered, 2.0)
        near = np.ones_like(seen.x) if both else np.clip((side * seen.x + 1) / 2, 0, 1)
        return np.asarray(seen.ventricle * low * near, np.float32)

    return shape


SHAPES: dict[str, Callable[[np.random.Generator, Surface], Shape]] = {
    "epidural": _epidural, "intraparenchymal": _intraparenchymal, "intraventricular": _intraventricular,
    "subarachnoid": _subarachnoid, "subdural": _subdural,
}  # fmt: skip


def shares_of(bleeds: tuple[Bleed, ...], seen: Seen) -> NDArray[np.float32]:
    """[5, h, w] in the order of KINDS; where two overlap the later one gives way."""
    shares = np.zeros((len(KINDS), *seen.x.shape), np.float32)
    left = np.ones(seen.x.shape, np.float32)
    for bleed in bleeds:
        share = np.asarray(bleed.shape(seen), np.float32) * left
        shares[KINDS.index(bleed.kind)] += share
        left = left * (1 - share)
    return shares
