"""What the second stage of a pack is fed: the scan's slices in order of ascending position, and their spacing."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatTable = NDArray[np.float32]


def spacing(positions: ArrayLike) -> FloatTable:
    """Signed distance in mm to the next slice, the last one repeated; a lone slice has none and gets 0."""
    steps = np.diff(np.asarray(positions, np.float64))
    last = steps[-1:] if len(steps) else np.zeros(1)
    return np.asarray(np.concatenate([steps, last]), np.float32)


def scan_feeds(features: ArrayLike, probabilities: ArrayLike, positions_mm: ArrayLike) -> dict[str, FloatTable]:
    """Every input that a sequence graph may ask for, one scan as a batch: [1, T, F], [1, T, K] and [1, T]."""
    table, chances = np.asarray(features, np.float32), np.asarray(probabilities, np.float32)
    places = np.asarray(positions_mm, np.float64)
    if table.ndim != 2 or chances.ndim != 2 or not len(table) == len(chances) == places.size or not len(table):
        shapes = f"{table.shape}, {chances.shape} and {places.shape}"
        raise ValueError(f"need [T, F] features, [T, K] probabilities and T positions, got {shapes}")
    if (np.diff(places) < 0).any():
        raise ValueError("positions must ascend")
    return {"features": table[None], "probabilities": chances[None], "spacing": spacing(places)[None]}
