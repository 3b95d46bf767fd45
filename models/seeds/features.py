"""From slice features to sequence input: reductions, spacing, order of channels. Pure functions in numpy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.sequence import spacing

__all__ = [
    "Reduction", "largest_sd", "largest_weight", "pca", "scan_scores", "selection", "smallest_weight", "spacing",
]  # fmt: skip
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reduction:
    """x to weight @ x + bias: what a PCA or a selection is, once fitted; it folds into one linear layer."""

    weight: Floats  # [kept, features]
    bias: Floats  # [kept]

    def __call__(self, features: ArrayLike) -> Floats:
        return np.asarray(features, np.float64) @ self.weight.T + self.bias


def pca(features: ArrayLike, kept: int = 120) -> Reduction:
    """Principal components without whitening, largest spread first; each one's largest entry is positive."""
    table = np.asarray(features, np.float64)
    if kept > min(table.shape):
        raise ValueError(f"{kept} components need as many rows and columns, got {table.shape}")
    mean = table.mean(axis=0)
    _, _, axes = np.linalg.svd(table - mean, full_matrices=False)
    axes = axes[:kept]
    peaks = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(kept), peaks])[:, None]
    return Reduction(axes, -axes @ mean)


def selection(columns: ArrayLike, features: int) -> Reduction:
    """Keep some columns as they are."""
    weight = np.eye(features)[np.asarray(columns)]
    return Reduction(weight, np.zeros(len(weight)))


def largest_weight(weights: ArrayLike, kept: int) -> NDArray[np.intp]:
    """Columns that the classifier [labels, features] leans on most, by the sum of |weight|; in ascending order."""
    return _top(np.abs(np.asarray(weights)).sum(axis=0), kept)


def smallest_weight(weights: ArrayLike, kept: int) -> NDArray[np.intp]:
    """Columns that the classifier leans on least: what it leaves to the sequence stage."""
    return _top(-np.abs(np.asarray(weights)).sum(axis=0), kept)


def largest_sd(features: ArrayLike, kept: int) -> NDArray[np.intp]:
    """Columns that vary most over the slices [n, features]."""
    return _top(np.asarray(features).std(axis=0), kept)


def _top(merit: NDArray[np.floating], kept: int) -> NDArray[np.intp]:
    return np.sort(np.argsort(-merit, kind="stable")[:kept])


def scan_scores(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Each label's largest slice probability [T, K]: how Burduja and Wang score a scan."""
    scores: NDArray[np.float64] = np.asarray(probabilities, np.float64).max(axis=0)
    return scores
