"""Temperature and slice threshold from phantoms and bent heads that neither training nor evaluation has seen.

python -m models.train.calibrate --pack runs/default/pack --templates ../shared/data/ct-templates
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import Card, Reader, find_pack, load
from models.judge.nouns import LABELS, CaseReading
from models.judge.read import read_case
from models.judge.rule import sweep
from models.judge.shelf import Shelf, mixture, take
from models.train.bent_cases import read_bent
from models.train.systems.judge import logit

PHANTOM_SEED, BENT_SEED = 400_000, 710_000
TEMPERATURES, PULL = (0.25, 6.0), 1e-3  #: what is tried; and what holds the bias where all slices are told apart
SPECIFIC = 0.93  #: of the heads without blood so many must stay unflagged, in each world
CUTS = 1 / (1 + np.exp(-np.linspace(-3, 7, 101)))  #: slice thresholds tried


@dataclass(frozen=True)
class Point:
    """Where a pack operates."""

    temperature: float
    slice_threshold: float
    bias: tuple[float, ...] = ()  #: added to the logits over the temperature, by label; it goes into the graph


def best_scale(logits: NDArray[np.float64], truth: NDArray[np.bool_], temperature: float = 0.0) -> tuple[float, float]:
    """Temperature and bias with the least log loss (Platt 1999); with a temperature given, the bias alone."""
    from scipy.optimize import minimize

    sign = np.where(truth, 1.0, -1.0)

    def loss(guess: NDArray[np.float64]) -> float:
        scale = temperature or _scale(guess[1])
        return float(np.logaddexp(0, -sign * (logits / scale + guess[0])).mean()) + PULL * float(guess[0]) ** 2

    found = minimize(loss, np.zeros(1 if temperature else 2), method="Nelder-Mead").x
    return temperature or _scale(found[1]), float(found[0])


def _scale(guess: float) -> float:
    return float(np.clip(np.exp(guess), *TEMPERATURES))


def operating_point(worlds: Sequence[Sequence[CaseReading]], card: Card) -> Point:
    """From series read with a pack whose graph has no bias and divides by the card's temperature.

    Each world has the same say in the cut, and no world more false alarms than `SPECIFIC` leaves; the probabilities are
    made to mean what they say over the slices of both.
    """
    cases = [case for world in worlds for case in world]
    scores, truth = _slices(cases, card, "any")
    temperature, shift = best_scale(scores, truth)
    bias = [shift if label == "any" else _bias(cases, card, label, temperature) for label in card.labels]
    cut = float(CUTS[best_cut([_rates(world, card) for world in worlds])])
    moved = float(logit(np.array(cut))) * card.temperature / temperature + shift
    threshold = float(1 / (1 + np.exp(-moved)))
    return Point(round(temperature, 3), round(threshold, 4), tuple(round(each, 3) for each in bias))


def _slices(cases: Sequence[CaseReading], card: Card, label: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Raw logits and truth of the slices that are known."""
    truth = np.concatenate([case.slice_truth[:, LABELS.index(label)] for case in cases])
    known = np.isfinite(truth)
    return logit(np.concatenate([case.column(label) for case in cases]))[known] * card.temperature, truth[known] > 0


def _bias(cases: Sequence[CaseReading], card: Card, label: str, temperature: float) -> float:
    scores, truth = _slices(cases, card, label)
    return best_scale(scores, truth, temperature)[1] if truth.any() else 0.0


def _rates(world: Sequence[CaseReading], card: Card) -> NDArray[np.float64]:
    """Sensitivity and specificity at each cut, [2, cuts]."""
    calls = sweep(world, card, [float(cut) for cut in CUTS])
    bleeding = np.array([case.truth("any") > 0 for case in world])
    return np.stack([calls[:, bleeding].mean(axis=1), 1 - calls[:, ~bleeding].mean(axis=1)])


def best_cut(rates: Sequence[NDArray[np.float64]]) -> int:
    """The middle of the cuts within a hundredth of the best mean sensitivity that leaves each world its specificity."""
    sensitivity = np.mean([each[0] for each in rates], axis=0)
    specificity = np.min([each[1] for each in rates], axis=0)
    merit = np.where(specificity >= min(SPECIFIC, specificity.max()), sensitivity, -1)
    good = np.flatnonzero(merit >= merit.max() - 0.01)
    return int(good[len(good) // 2])


def read_phantoms(reader: Reader, shelf: Shelf, count: int, first_seed: int) -> list[CaseReading]:
    """Phantoms in the mixture that `ichor evaluate` draws."""
    return [read_case(reader, take(case, path)) for case, path in shelf.drawn(mixture(count, first_seed))]


def calibrate(reader: Reader, templates: Path, shelf: Shelf, counts: tuple[int, int]) -> Point:
    """Read what it takes and find the point."""
    phantoms = read_phantoms(reader, shelf, counts[0], PHANTOM_SEED)
    bent = read_bent(reader, templates, counts[1], BENT_SEED)
    return operating_point([phantoms, bent], reader.card)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", default="default")
    parser.add_argument("--templates", type=Path, required=True)
    parser.add_argument("--shelf", type=Path, default=Path("runs/shelf"), help="drawn phantoms are kept here")
    parser.add_argument("--phantoms", type=int, default=100)
    parser.add_argument("--heads", type=int, default=100)
    asked = parser.parse_args()
    reader = load(find_pack(asked.pack), "cpu", threads=1)
    point = calibrate(reader, asked.templates, Shelf(asked.shelf, 1), (asked.phantoms, asked.heads))
    print(f"temperature = {point.temperature}\nslice_threshold = {point.slice_threshold}\nbias = {point.bias}")


if __name__ == "__main__":
    main()
