"""Thin slices looked at as a scanner's thick ones: averaged with those around them, so that noise hides less.

Serving and judging both come through here; the bundled reader was taught on slices of 2.5 mm and more.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from models.reading import SliceInput

TOLERANCE_MM = 0.05  #: what headers round away


def around(places_mm: ArrayLike, thicknesses_mm: ArrayLike, slab_mm: float) -> list[tuple[int, ...]]:
    """For each slice the others of its slab: together they are no thicker than `slab_mm`, and no two lie at one place.

    None for a slice that is thick enough or whose thickness is unknown (0 or nan).
    """
    places, thickness = (np.asarray(each, np.float64) for each in (places_mm, thicknesses_mm))
    reach = np.where(thickness > 0, (slab_mm - thickness) / 2, -1.0)
    order = np.argsort(places, kind="stable")
    first = order[np.flatnonzero(np.diff(places[order], prepend=-np.inf) > TOLERANCE_MM)]  # of each place, ascending
    found = []
    for place, far in zip(places, reach + TOLERANCE_MM, strict=True):
        near = first[slice(*np.searchsorted(places[first], (place - far, place + far)))]
        others = near[np.abs(places[near] - place) > TOLERANCE_MM]
        found.append(tuple(sorted(int(each) for each in others)))
    return found


def thickened(middle: SliceInput, others: Sequence[SliceInput]) -> SliceInput:
    """The mean of a slice and those of the others that lie on the same grid."""
    alike = [one for one in others if _grid(one) == _grid(middle)]
    if not alike:
        return middle
    total = middle.hu.astype(np.float32, copy=True)
    for one in alike:
        total += one.hu
    return SliceInput(total / np.float32(len(alike) + 1), middle.row_mm, middle.col_mm)


def _grid(one: SliceInput) -> tuple[tuple[int, ...], float, float]:
    return one.hu.shape, one.row_mm, one.col_mm
