"""The RSNA 2019 metric: weighted multi-label log loss over slices, `any` counting twice."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from models.judge.nouns import LABELS, Estimate

WEIGHTS: Mapping[str, float] = {label: 2.0 if label == "any" else 1.0 for label in LABELS}


def label_losses(truth: ArrayLike, probability: ArrayLike, labels: tuple[str, ...] = LABELS) -> dict[str, float]:
    """Mean binary log loss of each label over the slices whose truth is known; labels without any are missing."""
    from sklearn.metrics import log_loss

    wanted, given = np.asarray(truth, np.float64), np.asarray(probability, np.float64)
    found = {}
    for at, label in enumerate(labels):
        known = np.isfinite(wanted[:, at]) & np.isfinite(given[:, at])
        if known.any():
            found[label] = float(log_loss(wanted[known, at] > 0.5, given[known, at], labels=[False, True]))
    return found


def rsna_loss(truth: ArrayLike, probability: ArrayLike, labels: tuple[str, ...] = LABELS) -> Estimate:
    """Sum of weight x loss over seven; needs all six labels."""
    losses = label_losses(truth, probability, labels)
    if missing := [label for label in LABELS if label not in losses]:
        return Estimate(None, why=f"no truth or no output for {', '.join(missing)}")
    return Estimate(sum(WEIGHTS[label] * losses[label] for label in LABELS) / sum(WEIGHTS.values()))
