"""Rates of a confusion matrix with the intervals that the published tables state.

Accuracy, sensitivity and specificity: exact (Clopper-Pearson). Predictive values: on the logit scale with the
prevalence taken as given (Mercaldo, Lau and Zhou 2007), exact where a cell is empty and the logit has no end.
"""

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

from models.errors import ExtraMissing


@dataclass(frozen=True)
class Rate:
    """A share with its interval."""

    hits: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself."""
        return self.hits / self.of

    def percent(self) -> str:
        """As tables print it, e.g. 95.5 (93.9-96.7)."""
        return f"{100 * self.value:.1f} ({100 * self.low:.1f}-{100 * self.high:.1f})"


@dataclass(frozen=True)
class Confusion:
    """Counts of one reader at one operating point."""

    tp: int
    fn: int
    fp: int
    tn: int

    def rates(self, confidence: float = 0.95) -> dict[str, Rate]:
        """ACC, TPR, TNR, PPV and NPV; one that divides by nothing is left out."""
        shares = {
            "ACC": (self.tp + self.tn, self.tp + self.fn + self.fp + self.tn),
            "TPR": (self.tp, self.tp + self.fn),
            "TNR": (self.tn, self.tn + self.fp),
            "PPV": (self.tp, self.tp + self.fp),
            "NPV": (self.tn, self.tn + self.fn),
        }
        rates = {name: exact(hits, of, confidence) for name, (hits, of) in shares.items() if of}
        if min(self.tp, self.fn, self.fp, self.tn):
            reach = NormalDist().inv_cdf(0.5 + confidence / 2)
            rates["PPV"] = _logit(rates["PPV"], reach * self._spread(self.fn / self.tp, self.tn / self.fp))
            rates["NPV"] = _logit(rates["NPV"], reach * self._spread(self.tp / self.fn, self.fp / self.tn))
        return rates

    def _spread(self, ill: float, well: float) -> float:
        """Standard error of a predictive value's logit from the odds of error among the ill and the well."""
        return math.sqrt(ill / (self.tp + self.fn) + well / (self.tn + self.fp))


def _logit(rate: Rate, reach: float) -> Rate:
    middle = math.log(rate.value / (1 - rate.value))
    low, high = (1 / (1 + math.exp(-(middle + side * reach))) for side in (-1, 1))
    return replace(rate, low=low, high=high)


def exact(hits: int, of: int, confidence: float = 0.95) -> Rate:
    """Clopper-Pearson: the binomial shares that would not make these counts a surprise on either side."""
    try:
        from scipy.special import betaincinv
    except ImportError as missing:
        raise ExtraMissing("scipy") from missing
    if not 0 <= hits <= of or not of:
        raise ValueError(f"{hits} of {of} is no share")
    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, of - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, of - hits, 1 - tail)) if hits < of else 1.0
    return Rate(hits, of, low, high)
