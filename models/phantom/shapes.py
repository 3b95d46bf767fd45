"""Soft solids: signed distances in mm (negative inside) and how much of a voxel they fill."""

from typing import Any

import numpy as np

from models.phantom.grid import Array

Triple = tuple[float, float, float]


def soft(distance: Array, width: float = 1.2) -> Array:
    """Share of a voxel that is inside, falling from 1 to 0 over `width` mm."""
    return np.asarray(np.clip(np.float32(0.5) - distance * np.float32(1 / width), 0, 1), np.float32)


def ellipsoid(point: tuple[Array, Array, Array], centre: Triple, radii: Triple) -> Array:
    """Distance to an ellipsoid, exact along the ray from its centre up to the mean radius."""
    u = (point[0] - np.float32(centre[0])) * np.float32(1 / radii[0])
    v = (point[1] - np.float32(centre[1])) * np.float32(1 / radii[1])
    w = (point[2] - np.float32(centre[2])) * np.float32(1 / radii[2])
    return np.asarray((np.sqrt(u * u + v * v + w * w) - np.float32(1)) * np.float32(min(radii)), np.float32)


def bump(value: Array, centre: float, width: float) -> Array:
    """A hill of height 1, cheap and smooth, zero beyond two widths."""
    t = (value - np.float32(centre)) * np.float32(0.5 / width)
    return np.asarray(np.clip(1 - t * t, 0, 1) ** 2, np.float32)


def paint(hu: Array, value: Array | float | np.floating[Any], share: Array) -> None:
    """Mix a material into the slice, in place."""
    hu += share * (np.asarray(value, np.float32) - hu)
