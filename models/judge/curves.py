"""Areas under curves with intervals: bootstrap by patient at every level, DeLong to check those of patients."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ExtraMissing
from models.judge.nouns import Bools, Estimate, Floats, Units

NO_POSITIVE, NO_NEGATIVE = "no positive {}", "no negative {}"
CELLS = 4_000_000  #: weights held at once by the bootstrap


@dataclass(frozen=True)
class Areas:
    """Areas of one level."""

    roc: Estimate
    pr: Estimate
    delong: Estimate
    resamples: int


@dataclass(frozen=True, eq=False)
class Sorted:
    """Scores in ascending order; equal scores share a group that begins at `starts`."""

    truth: Floats
    patient: NDArray[np.intp]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, units: Units) -> "Sorted":
        """Sort once, resample often."""
        order = np.argsort(units.score, kind="stable")
        score = units.score[order]
        starts = np.flatnonzero(np.concatenate([[True], np.diff(score) > 0]))
        return cls(units.truth[order].astype(np.float64), units.patient[order], starts)


def areas(units: Units, resamples: int = 2000, seed: int = 1) -> Areas:
    """ROC and PR area; without both classes neither is defined, and the reason says so."""
    if not units.both:
        nothing = Estimate(None, why=undefined(units))
        return Areas(nothing, nothing, nothing, 0)
    from sklearn.metrics import average_precision_score, roc_auc_score

    values = float(roc_auc_score(units.truth, units.score)), float(average_precision_score(units.truth, units.score))
    low, high, why = bootstrap(units, resamples, seed)
    roc, pr = (Estimate(value, *_ends(low, high, at), why) for at, value in enumerate(values))
    check = (
        delong(units) if units.level == "patient" else Estimate(None, why="units of one patient are not independent")
    )
    return Areas(roc, pr, check, resamples)


def _ends(low: Floats | None, high: Floats | None, at: int) -> tuple[float | None, float | None]:
    return (None, None) if low is None or high is None else (float(low[at]), float(high[at]))


def undefined(units: Units) -> str:
    """Why there is no curve."""
    if not len(units.truth):
        return f"no {units.level} of known truth"
    return (NO_NEGATIVE if units.positives else NO_POSITIVE).format(units.level)


def bootstrap(units: Units, resamples: int, seed: int) -> tuple[Floats | None, Floats | None, str]:
    """95 % percentile interval of both areas; patients with and without a positive unit are drawn apart."""
    try:
        from scipy.stats import bootstrap as resample
    except ImportError as missing:
        raise ExtraMissing("scipy") from missing
    held = Sorted.of(units)
    count = int(units.patient.max()) + 1
    ill = np.unique(units.patient[units.truth])
    strata = tuple(each for each in (ill, np.setdiff1d(units.patient, ill)) if len(each))
    if min(len(each) for each in strata) < 2:
        return None, None, "too few patients"

    def both_areas(*drawn: NDArray[np.intp], axis: int = -1) -> Floats:
        return weighted_areas(held, _times_drawn(np.concatenate(drawn, axis=axis), count))

    found = resample(
        strata, both_areas, n_resamples=resamples, batch=max(1, CELLS // len(units.truth)), vectorized=True,
        method="percentile", rng=np.random.default_rng(seed),
    )  # fmt: skip
    low, high = (np.asarray(end, np.float64) for end in found.confidence_interval)
    return low, high, ""


def _times_drawn(drawn: NDArray[np.intp], count: int) -> Floats:
    """[..., patients] how often each was drawn."""
    rows = drawn.reshape(-1, drawn.shape[-1]).astype(np.intp)
    flat = (rows + count * np.arange(len(rows))[:, None]).ravel()
    times = np.bincount(flat, minlength=count * len(rows)).reshape(len(rows), count)
    return np.asarray(times.reshape(*drawn.shape[:-1], count), np.float64)


def weighted_areas(held: Sorted, times: Floats) -> Floats:
    """[2, ...] ROC area and average precision when each unit counts as often as its patient."""
    weight = times[..., held.patient]
    hit = np.add.reduceat(weight * held.truth, held.starts, axis=-1)
    miss = np.add.reduceat(weight, held.starts, axis=-1) - hit
    ill, well = hit.sum(axis=-1), miss.sum(axis=-1)
    below = np.cumsum(miss, axis=-1) - miss / 2
    roc = (hit * below).sum(axis=-1) / (ill * well)
    true = np.cumsum(hit[..., ::-1], axis=-1)
    called = true + np.cumsum(miss[..., ::-1], axis=-1)
    precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
    return np.stack([roc, (hit[..., ::-1] * precision).sum(axis=-1) / ill])


def delong(units: Units) -> Estimate:
    """DeLong, DeLong and Clarke-Pearson 1988 through midranks (Sun and Xu 2014); for independent units only."""
    from scipy.stats import norm, rankdata

    ill, well = units.score[units.truth], units.score[~units.truth]
    m, n = len(ill), len(well)
    if min(m, n) < 2:
        return Estimate(None, why="too few patients")
    ranks = rankdata(np.concatenate([ill, well]))
    value = float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))
    of_ill = (ranks[:m] - rankdata(ill)) / n
    of_well = 1 - (ranks[m:] - rankdata(well)) / m
    spread = float(np.sqrt(of_ill.var(ddof=1) / m + of_well.var(ddof=1) / n)) * float(norm.ppf(0.975))
    return Estimate(value, max(0.0, value - spread), min(1.0, value + spread))


def roc_line(units: Units) -> tuple[Floats, Floats]:
    """False positive rate and sensitivity along the curve."""
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(units.truth, units.score)
    return false, true


def pr_line(units: Units) -> tuple[Floats, Floats]:
    """Recall and precision along the curve."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(units.truth, units.score)
    return recall, precision


def prevalence(truth: Bools) -> float:
    """Share of positives: where a PR curve of a reader that knows nothing lies."""
    return float(truth.mean()) if len(truth) else 0.0
