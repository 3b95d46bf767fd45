"""Figures of the validation part: what chooses an epoch, a temperature and a threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.judge.rule import required_count
from models.sections import Rule

Floats = NDArray[np.float64]


def figures_of(loss: float, score: ArrayLike, truth: ArrayLike) -> Mapping[str, float]:
    """Loss, accuracy at even odds and area under the curve; `score` is a logit of `any`, nan truth is left out."""
    known = np.isfinite(np.asarray(truth))
    values, labels = np.asarray(score, np.float64)[known], np.asarray(truth)[known] > 0.5
    accuracy = float(((values > 0) == labels).mean()) if len(labels) else float("nan")
    return {"loss": loss, "accuracy": accuracy, "auc": auc(values, labels)}


def auc(score: ArrayLike, truth: ArrayLike) -> float:
    """Area under the ROC curve, nan where there is one class alone."""
    from scipy.stats import mannwhitneyu

    values, labels = np.asarray(score, np.float64), np.asarray(truth, bool)
    if not 0 < labels.sum() < len(labels):
        return float("nan")
    return float(mannwhitneyu(values[labels], values[~labels]).statistic / (labels.sum() * (~labels).sum()))


def logit(probabilities: ArrayLike) -> Floats:
    """Inverse of the sigmoid, kept finite."""
    p = np.clip(np.asarray(probabilities, np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True, eq=False)
class Scored:
    """One validation series: probability of `any` by slice, and the truth."""

    probabilities: Floats  # [T]
    slice_truth: Floats  # [T], nan = unknown
    bleeds: bool | None

    def called(self, threshold: float, rule: Rule) -> bool:
        """Whether the share rule calls the series."""
        count = int((self.probabilities > threshold).sum())
        return count >= required_count(len(self.probabilities), rule.numbers["share_percent"], rule.rounding)

    def cut(self, rule: Rule) -> float:
        """The probability just under which the rule calls the series."""
        needed = required_count(len(self.probabilities), rule.numbers["share_percent"], rule.rounding)
        return float(np.sort(self.probabilities)[::-1][min(needed, len(self.probabilities)) - 1])


def best_temperature(scored: Sequence[Scored]) -> float:
    """The divisor of logits with the least log loss over slices whose truth is known; 1 where there is one class."""
    logits = logit(np.concatenate([one.probabilities for one in scored]))
    truth = np.concatenate([one.slice_truth for one in scored])
    known = np.isfinite(truth)
    logits, labels = logits[known], truth[known] > 0.5
    if not 0 < labels.sum() < len(labels):
        return 1.0
    sign = np.where(labels, 1.0, -1.0)
    grid = np.geomspace(0.25, 6, 120)
    return float(round(grid[np.argmin([np.logaddexp(0, -sign * logits / each).mean() for each in grid])], 3))


def operating_point(scored: Sequence[Scored], rule: Rule) -> float | None:
    """Most sensitivity + specificity by series under the rule, mid-way in the widest such gap; None = no gain."""
    known = [one for one in scored if one.bleeds is not None]
    yes = np.array([one.cut(rule) for one in known if one.bleeds])
    no = np.array([one.cut(rule) for one in known if not one.bleeds])
    if not len(yes) or not len(no):
        return None
    edges = np.concatenate([[-16.0], np.unique(logit(np.concatenate([yes, no]))), [16.0]])
    middles = (edges[1:] + edges[:-1]) / 2
    merit = np.array([(logit(yes) > at).mean() + (logit(no) <= at).mean() for at in middles])
    if merit.max() <= 1 + 1e-9:
        return None
    widths = np.where(merit >= merit.max() - 1e-9, np.diff(edges), -1)
    return float(np.clip(1 / (1 + np.exp(-middles[int(widths.argmax())])), 0.001, 0.999))


def summary(scored: Sequence[Scored], threshold: float, rule: Rule) -> dict[str, float]:
    """What a card tells of the validation part."""
    known = [one for one in scored if one.bleeds is not None]
    bleeds = np.array([bool(one.bleeds) for one in known])
    called = np.array([one.called(threshold, rule) for one in known])
    slices, truth = (
        np.concatenate([getattr(one, name) for one in scored]) for name in ("probabilities", "slice_truth")
    )
    told = np.isfinite(truth)
    found = {
        "validation_series": float(len(known)),
        "validation_series_auc": auc([one.cut(rule) for one in known], bleeds),
        "validation_sensitivity": float(called[bleeds].mean()) if bleeds.any() else float("nan"),
        "validation_specificity": float(1 - called[~bleeds].mean()) if (~bleeds).any() else float("nan"),
        "validation_slice_auc": auc(slices[told], truth[told] > 0.5),
    }
    return {name: round(value, 4) for name, value in found.items() if np.isfinite(value)}
