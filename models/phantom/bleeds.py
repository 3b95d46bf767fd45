"""Blood as level sets: each kind is a scalar field and a space it may fill; the volume wanted sets the level."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from models.phantom.brain import Spaces
from models.phantom.grid import Array
from models.phantom.head import Head, Place
from models.phantom.shapes import Triple, ellipsoid, paint, soft

Shape = Callable[[Place, Spaces], tuple[Array, Array]]  #: level field in mm, and the share of the voxel it may fill
VOLUMES_ML = {
    "epidural": (4, 80), "subdural": (6, 80), "intraparenchymal": (1.5, 70),
    "intraventricular": (2, 30), "subarachnoid": (4, 40),
}  # fmt: skip
DEEP: tuple[Triple, ...] = (
    (26, 4, 3),
    (12, -13, 6),
    (34, 35, 18),
    (40, -20, 28),
    (28, -58, 12),
    (45, 5, -24),
    (25, -48, -36),
)
FAR = np.float32(1e3)


@dataclass(frozen=True, eq=False)
class Bleed:
    """One haemorrhage, sized once `level` is set."""

    finding: str
    volume_ml: float  #: wanted
    side: float  #: -1 or +1
    hu: float
    shape: Shape
    edema: float = 0.0  #: width of the dark rim in mm
    level: float = -float(FAR)


def random_bleed(finding: str, head: Head, band: tuple[float, float], rng: np.random.Generator) -> Bleed:
    """Draw a bleed whose middle lies within the scanned heights `band` (mm)."""
    low, high = VOLUMES_ML[finding]
    volume = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    side = float(rng.choice([-1, 1]))
    shape = SHAPES[finding](head, side, band, rng)
    edema = rng.uniform(2, 7) if finding == "intraparenchymal" else 0.0
    density = rng.uniform(48, 62) if finding in ("subarachnoid", "intraventricular") else rng.uniform(54, 78)
    return Bleed(finding, volume, side, density, shape, edema)


def _epidural(head: Head, side: float, band: tuple[float, float], rng: np.random.Generator) -> Shape:
    angle = rng.uniform(-1.9, 0.9)  # from the side towards back or front
    height = float(np.clip(rng.uniform(-12, 42), *band))
    ring = np.sqrt(max(0.2, 1 - (height / head.height) ** 2))
    away = rng.uniform(1.15, 1.5)
    out, along = ring * away * np.cos(angle * 0.7), ring * away * np.sin(angle * 0.7)
    up = height * (1 if abs(height) < 20 else 1.15)
    centre = (side * head.half_width * out, head.half_length * along, up)

    def shape(place: Place, spaces: Spaces) -> tuple[Array, Array]:
        field = ellipsoid(place.point, centre, (1, 1, 1.25)) + 0.6 * head.fields["clot"].on(place.plane)
        return field, soft(-spaces.depth, 1.2)

    return shape


def _subdural(head: Head, side: float, band: tuple[float, float], rng: np.random.Generator) -> Shape:
    front, height = rng.uniform(-25, 25), float(np.clip(rng.uniform(5, 35), *band))
    long, tall, slope = rng.uniform(45, 80), rng.uniform(28, 45), rng.uniform(6, 12)

    def shape(place: Place, spaces: Spaces) -> tuple[Array, Array]:
        spread = ((place.y - front) / long) ** 2 + ((place.z - height) / tall) ** 2
        wave = 0.5 * head.fields["gap"].on(place.plane)
        other_side = np.clip(3 - side * place.x, 0, 40) * 3
        return spaces.depth + slope * spread + wave + other_side, soft(-spaces.depth, 1.2) * soft(-spaces.tent, 3)

    return shape


def _intraparenchymal(head: Head, side: float, band: tuple[float, float], rng: np.random.Generator) -> Shape:
    x, y, z = DEEP[rng.integers(len(DEEP))]
    centre = (side * x + rng.normal(0, 3), y + rng.normal(0, 4), float(np.clip(z + rng.normal(0, 4), *band)))
    stretch = rng.uniform(0.8, 1.35, 3)
    ragged = rng.uniform(0.5, 2.5)

    def shape(place: Place, spaces: Spaces) -> tuple[Array, Array]:
        offsets = [(place.point[i] - np.float32(centre[i])) / np.float32(stretch[i]) for i in range(3)]
        field = np.sqrt(offsets[0] ** 2 + offsets[1] ** 2 + offsets[2] ** 2)
        return field + ragged * head.fields["clot"].on(place.plane), np.clip(
            spaces.brain * 1.1 + spaces.ventricle * 0.3, 0, 1
        )

    return shape


def _intraventricular(head: Head, side: float, band: tuple[float, float], rng: np.random.Generator) -> Shape:
    lone, cast = rng.random() < 0.4, rng.random() < 0.4
    low = band[0]

    def shape(place: Place, spaces: Spaces) -> tuple[Array, Array]:
        layered = place.y * (0.35 if cast else 1.0) + 0.15 * (place.z - low) + 2.5 * head.fields["clot"].on(place.plane)
        away = np.clip(4 - side * place.x, 0, 8) * (12 if lone else 0)
        return layered + away, spaces.ventricle

    return shape


def _subarachnoid(head: Head, side: float, band: tuple[float, float], rng: np.random.Generator) -> Shape:
    basal = rng.random() < 0.6
    seat = (side * 4, 10, -18) if basal else (side * rng.uniform(35, 55), rng.uniform(-40, 40), rng.uniform(5, 40))
    centre = (seat[0], seat[1], float(np.clip(seat[2], *band)))

    def shape(place: Place, spaces: Spaces) -> tuple[Array, Array]:
        field = ellipsoid(place.point, centre, (1.3, 1.2, 1.0)) + 5 * head.fields["patch"].on(place.plane)
        return field, np.clip(spaces.csf * 1.25, 0, 1) * soft(-spaces.depth, 1.2)

    return shape


SHAPES = {
    "epidural": _epidural, "subdural": _subdural, "intraparenchymal": _intraparenchymal,
    "intraventricular": _intraventricular, "subarachnoid": _subarachnoid,
}  # fmt: skip


def sized(bleed: Bleed, samples: list[tuple[Array, Array]], voxel_ml: float) -> Bleed:
    """Set the level so that the filled volume is the one wanted, from coarse samples of the whole scan."""
    field = np.concatenate([level.ravel() for level, _ in samples])
    share = np.concatenate([room.ravel() for _, room in samples])
    order = np.argsort(field)
    filled = np.cumsum(share[order], dtype=np.float64) * voxel_ml
    reach = min(int(np.searchsorted(filled, bleed.volume_ml)), len(order) - 1)
    return replace(bleed, level=float(field[order[reach]]))


def paint_bleed(hu: Array, bleed: Bleed, head: Head, place: Place, spaces: Spaces) -> Array:
    """Mix the blood in; returns its share per voxel."""
    field, room = bleed.shape(place, spaces)
    if bleed.edema:
        paint(hu, head.white - 9, 0.8 * soft(field - bleed.level - bleed.edema, 2.5) * spaces.brain)
    share = soft(field - bleed.level, 1.6) * room
    clot = bleed.hu + 2.5 * head.fields["clot"].on(place.plane) + 1.5 * head.fields["grain"].on(place.plane)
    paint(hu, clot, share)
    return share
