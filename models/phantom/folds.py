"""The folds of the cortex: sheets of fluid that go inward from the vault, and sideways from the midline."""

import numpy as np

from models.phantom.grid import Array
from models.phantom.head import Head
from models.phantom.shapes import Place, ellipsoid

LATERAL_MM, MEDIAL_MM, OLDER_MM = 25.0, 17.0, 7.0  #: how deep folds reach; farther with age
SPHERE_MM = 70.0
NONE = np.float32(9.0)


def sulci(head: Head, place: Place, age: Array | float, tent: Array) -> Array:
    """Signed distance to the fluid in the folds, NONE far from any."""
    reach = LATERAL_MM + OLDER_MM * head.atrophy
    uneven = 1 + 0.3 * head.fields["patch"].on(place.plane)
    lateral = np.clip(1 + place.vault / (reach * uneven), 0, 1)
    below = np.clip(-tent / 6, 0, 1)
    outer = _from_vault(head, place, lateral > 0)
    core = ellipsoid(place.point, (0, -4, 2), (60, 50, 30))
    medial = np.clip(1 - np.abs(place.x) / (MEDIAL_MM * uneven), 0, 1) * np.clip(core / 4, 0, 1)
    inner = _from_midline(head, place, medial > 0)
    width = (0.2 + 0.95 * age) * (1 - below)
    nearest = np.minimum(_open(outer, lateral, width), _open(inner, medial, 0.75 * width))
    return np.asarray(nearest + 3 * below, np.float32)


def _open(distance: Array, depth: Array, width: Array | float) -> Array:
    """Folds are wide at the brim and end at their depth."""
    return np.asarray(distance - width * (0.55 + 0.7 * depth) + NONE * (1 - np.minimum(depth * 5, 1)), np.float32)


def _from_vault(head: Head, place: Place, near: Array) -> Array:
    """Waves on a sphere around the head, little changed by depth."""
    distance = np.full(place.x.shape, NONE, np.float32)
    if near.any():
        away = np.stack([place.x[near], place.y[near] * np.float32(0.85), place.z[near] + np.float32(8)])
        radius = np.sqrt((away * away).sum(axis=0)) + np.float32(1e-3)
        points = away * ((np.float32(SPHERE_MM) + np.float32(0.35) * place.vault[near]) / radius)
        distance[near] = head.fields["sulci"].zero_at(points)
    return distance


def _from_midline(head: Head, place: Place, near: Array) -> Array:
    """The same waves across the flat inner side of each half."""
    distance = np.full(place.x.shape, NONE, np.float32)
    if near.any():
        x = place.x[near]
        points = np.stack([np.float32(0.35) * x + np.float32(40) * np.sign(x), place.y[near], place.z[near]])
        distance[near] = head.fields["sulci"].zero_at(points)
    return distance
