"""Where the activation map is hottest, and how far that is from the true blood."""

import numpy as np
from numpy.typing import NDArray

from models.judge.nouns import Floats, Spot
from models.reading import SliceInput, SliceParts

NEAR_MM = 5.0  #: blood dilated by this much counts as hit


def hottest(parts: SliceParts, column: int) -> tuple[float, float] | None:
    """Row and column in source pixels of the map's highest cell; None when the map is flat."""
    cam = np.nan_to_num(np.asarray(parts.cam[column], np.float64), posinf=0.0, neginf=0.0)
    if cam.max(initial=0.0) <= 0:
        return None
    down, across = np.unravel_index(int(cam.argmax()), cam.shape)
    top, left, bottom, right = parts.region
    row = top + (float(down) + 0.5) / cam.shape[0] * (bottom - top)
    col = left + (float(across) + 0.5) / cam.shape[1] * (right - left)
    return row - 0.5, col - 0.5


def spot(
    key: int, point: tuple[float, float] | None, source: SliceInput, truth: NDArray[np.uint8] | None, positions: Floats
) -> Spot:
    """The point of the key slice with its distances to the truth."""
    nan, inf = float("nan"), float("inf")
    if point is None:
        missed = nan if truth is None else inf
        return Spot(key, nan, nan, missed, missed)
    row, col = point
    if truth is None:
        return Spot(key, row, col, nan, nan)
    slices, rows, cols = np.nonzero(truth)
    plane = np.hypot((rows - row) * source.row_mm, (cols - col) * source.col_mm)
    away = np.hypot(plane, positions[slices] - positions[key])
    return Spot(key, row, col, float(plane[slices == key].min(initial=inf)), float(away.min(initial=inf)))
