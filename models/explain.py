"""Smoothed Grad-CAM without gradients: mirrored and dimmed passes over the weighted map that the graph hands out."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]
#: brightness steps of the smoothed map; each also mirrored
STEPS = (0.9, 1.0, 1.1)


def smoothed(weighted: Callable[[Maps], Maps], images: Maps, eigen: bool = True) -> Maps:
    """[B, h, w] in 0..1: mean over the copies of [B, C, H, W]; `weighted` gives [B, F, h, w] for each of them."""
    total = np.zeros((), np.float32)
    for step in STEPS:
        for mirrored in (False, True):
            copy = images[..., ::-1] if mirrored else images
            one = stretched(one_map(weighted(np.ascontiguousarray(copy * np.float32(step))), eigen))
            total = total + (one[..., ::-1] if mirrored else one)
    return np.asarray(total / np.float32(2 * len(STEPS)), np.float32)


def one_map(parts: Maps, eigen: bool) -> Maps:
    """[B, F, h, w] to [B, h, w]: the sum over features, or their first principal axis over the positions.

    An axis has no sign of its own; it is turned to agree with the sum, which is Grad-CAM's own direction.
    """
    summed = parts.sum(axis=1)
    if not eigen:
        return np.asarray(summed, np.float32)
    points = parts.reshape(*parts.shape[:2], -1).swapaxes(1, 2).astype(np.float64)
    points = points - points.mean(axis=1, keepdims=True)
    _, _, axes = np.linalg.svd(points, full_matrices=False)
    along = (points @ axes[:, 0, :, None])[..., 0]
    agree = (along * summed.reshape(along.shape)).sum(axis=1, keepdims=True)
    return np.asarray((along * np.where(agree < 0, -1, 1)).reshape(summed.shape), np.float32)


def stretched(maps: Maps) -> Maps:
    """Cut at zero, then each map's lowest to 0 and highest to 1."""
    cut = maps.clip(0, None)
    low, high = cut.min(axis=(1, 2), keepdims=True), cut.max(axis=(1, 2), keepdims=True)
    return np.asarray((cut - low) / np.maximum(high - low, 1e-12), np.float32)
