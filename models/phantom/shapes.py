"""Soft solids: signed distances in mm (negative inside) and how much of a voxel they fill."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.phantom.grid import Array, Plane, Window

Triple = tuple[float, float, float]
FAR = np.float32(1e3)


@dataclass(frozen=True)
class Solid:
    """An ellipsoid of one density."""

    centre: Triple
    radii: Triple
    hu: float = 0.0
    edge: float = 1.5  #: mm over which it fades

    def mirrored(self) -> "Solid":
        """Its partner on the other side."""
        return replace(self, centre=(-self.centre[0], self.centre[1], self.centre[2]))


@dataclass(frozen=True, eq=False)
class Place:
    """Warped head coordinates over one plane and the distances everything else is drawn from."""

    plane: Plane
    x: Array
    y: Array
    z: Array
    vault: Array  #: signed distance to the inner table, as if the vault went on downward
    floor: Array  #: signed distance to the skull base, positive below it
    depth: Array  #: mm inside the cavity from its nearest wall; negative outside
    slack: float  #: how far warped coordinates may lie from straight ones, mm

    @property
    def point(self) -> tuple[Array, Array, Array]:
        """x, y, z together."""
        return self.x, self.y, self.z

    def cut(self, window: Window) -> "Place":
        """The part inside a window."""
        names = ("x", "y", "z", "vault", "floor", "depth")
        parts = {name: getattr(self, name)[window] for name in names}
        return Place(plane=self.plane.cut(window), slack=self.slack, **parts)

    def near(self, solid: Solid, margin: float = 0.0) -> Window | None:
        """Which pixels a solid may touch."""
        return self.plane.window(solid.centre, max(solid.radii) + self.slack + solid.edge + margin)


def soft(distance: Array, width: float = 1.2) -> Array:
    """Share of a voxel that is inside, falling from 1 to 0 over `width` mm."""
    return np.asarray(np.clip(np.float32(0.5) - distance * np.float32(1 / width), 0, 1), np.float32)


def ellipsoid(point: tuple[Array, Array, Array], centre: Triple, radii: Triple) -> Array:
    """Distance to an ellipsoid, exact along the ray from its centre up to the mean radius."""
    u = (point[0] - np.float32(centre[0])) * np.float32(1 / radii[0])
    v = (point[1] - np.float32(centre[1])) * np.float32(1 / radii[1])
    w = (point[2] - np.float32(centre[2])) * np.float32(1 / radii[2])
    return np.asarray((np.sqrt(u * u + v * v + w * w) - np.float32(1)) * np.float32(min(radii)), np.float32)


def pair(*solids: Solid) -> tuple[Solid, ...]:
    """Each solid on both sides."""
    return tuple(one for solid in solids for one in (solid, solid.mirrored()))


def union(place: Place, solids: tuple[Solid, ...], reach: float = 6.0) -> Array:
    """Distance to the nearest of several solids, FAR where none is within `reach`."""
    nearest = np.full(place.x.shape, FAR, np.float32)
    for solid in solids:
        window = place.near(solid, reach)
        if window is not None:
            point = (place.x[window], place.y[window], place.z[window])
            nearest[window] = np.minimum(nearest[window], ellipsoid(point, solid.centre, solid.radii))
    return nearest


def stamp(hu: Array, place: Place, *solids: Solid) -> None:
    """Paint solids into the slice, in place."""
    for solid in solids:
        window = place.near(solid)
        if window is not None:
            point = (place.x[window], place.y[window], place.z[window])
            paint(hu[window], solid.hu, soft(ellipsoid(point, solid.centre, solid.radii), solid.edge))


def bump(value: Array, centre: float, width: float) -> Array:
    """A hill of height 1, cheap and smooth, zero beyond two widths."""
    t = (value - np.float32(centre)) * np.float32(0.5 / width)
    return np.asarray(np.clip(1 - t * t, 0, 1) ** 2, np.float32)


def hill(place: Place, centre: Triple, width: float) -> Array:
    """A round hill of height 1 in space."""
    squared = sum((axis - np.float32(at)) ** 2 for axis, at in zip(place.point, centre, strict=True))
    return np.asarray(np.clip(1 - squared * np.float32(0.25 / width**2), 0, 1) ** 2, np.float32)


def paint(hu: Array, value: Array | float | np.floating[Any], share: Array) -> None:
    """Mix a material into the slice, in place."""
    hu += share * (np.asarray(value, np.float32) - hu)
