"""Counts of right and wrong calls with their intervals, both ways in use for predictive values."""

from dataclasses import dataclass

from models.judge.nouns import Bools
from models.seeds.intervals import Confusion, Rate, exact

RATES = ("ACC", "TPR", "TNR", "PPV", "NPV")
EXACT = "exact (Clopper-Pearson)"
LOGIT = "logit (Mercaldo 2007)"
MEANINGS = {
    "ACC": "share of right calls",
    "TPR": "sensitivity",
    "TNR": "specificity",
    "PPV": "how often a call is right, at this data's prevalence",
    "NPV": "how often no call is right, at this data's prevalence",
}


@dataclass(frozen=True)
class Rates:
    """One confusion matrix and what follows from it; a rate that divides by nothing is missing."""

    confusion: Confusion
    exact: dict[str, Rate]  #: every rate with the Clopper-Pearson interval
    logit: dict[
        str, Rate
    ]  #: PPV and NPV as Table 2 of EfficientClassification prints them; exact where a cell is empty


def count(truth: Bools, called: Bools) -> Confusion:
    """The four cells."""
    return Confusion(
        tp=int((truth & called).sum()), fn=int((truth & ~called).sum()),
        fp=int((~truth & called).sum()), tn=int((~truth & ~called).sum()),
    )  # fmt: skip


def both(truth: Bools, called: Bools) -> dict[str, Rate]:
    """Sensitivity and specificity, each where there is something to divide by."""
    cells = count(truth, called)
    pairs = {"TPR": (cells.tp, cells.tp + cells.fn), "TNR": (cells.tn, cells.tn + cells.fp)}
    return {name: exact(hits, of) for name, (hits, of) in pairs.items() if of}


def rates_of(confusion: Confusion) -> Rates:
    """All five with intervals of both kinds."""
    as_published = confusion.rates() if total(confusion) else {}
    plain = {name: exact(rate.hits, rate.of) for name, rate in as_published.items()}
    return Rates(confusion, plain, {name: as_published[name] for name in ("PPV", "NPV") if name in as_published})


def total(confusion: Confusion) -> int:
    """How many were counted."""
    return confusion.tp + confusion.fn + confusion.fp + confusion.tn


def share(hits: int, of: int) -> Rate | None:
    """A share with its exact interval; None of nothing."""
    return exact(hits, of) if of else None
