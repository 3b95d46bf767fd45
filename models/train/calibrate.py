"""Temperature and slice threshold from phantoms and bent heads that neither training nor evaluation has seen.

python -m models.train.calibrate --pack runs/default/pack --templates ../shared/data/ct-templates
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import Reader, find_pack, load
from models.train.data import SEEN_MM2, UNSEEN_MM2
from models.train.evaluate import Case, read_bent, read_phantoms

SPECIFICITY = 0.99  #: share of bleed-free slices, of phantoms and of bent heads each, that must stay below
PHANTOM_SEED, BENT_SEED = 400_000, 710_000


@dataclass(frozen=True)
class Point:
    """Where a pack operates."""

    temperature: float
    slice_threshold: float


def logit(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Inverse of the sigmoid, kept finite."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


def best_temperature(logits: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The temperature with the least log loss, on a fine grid."""
    sign = np.where(truth, 1.0, -1.0)
    grid = np.geomspace(0.25, 6, 120)
    return float(grid[np.argmin([np.logaddexp(0, -sign * logits / each).mean() for each in grid])])


def operating_point(phantoms: list[Case], bent: list[Case], column: int, temperature: float) -> Point:
    """From cases read with a pack whose graph divides by `temperature`; the stricter of both worlds decides."""
    ours = logit(np.concatenate([case.probabilities[:, column] for case in phantoms])) * temperature
    blood = np.concatenate([case.blood_mm2 for case in phantoms])
    seen, unseen = blood >= SEEN_MM2, blood <= UNSEEN_MM2
    theirs = logit(np.concatenate([case.probabilities[:, column] for case in bent])) * temperature
    logits, truth = (
        np.concatenate([ours[seen | unseen], theirs]),
        np.concatenate([seen[seen | unseen], np.zeros(len(theirs), bool)]),
    )
    best = best_temperature(logits, truth)
    cut = max(float(np.quantile(each, SPECIFICITY)) for each in (ours[unseen], theirs))
    return Point(round(best, 3), round(float(1 / (1 + np.exp(-cut / best))), 3))


def calibrate(reader: Reader, templates: Path, patients: int, heads: int) -> Point:
    """Read what it takes and find the point."""
    phantoms = read_phantoms(reader, patients, PHANTOM_SEED)
    bent = read_bent(reader, templates, heads, BENT_SEED)
    return operating_point(phantoms, bent, reader.card.label_index("any"), reader.card.temperature)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", default="default")
    parser.add_argument("--templates", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=16)
    parser.add_argument("--heads", type=int, default=24)
    asked = parser.parse_args()
    reader = load(find_pack(asked.pack), "cpu", threads=1)
    point = calibrate(reader, asked.templates, asked.patients, asked.heads)
    print(f"temperature = {point.temperature}\nslice_threshold = {point.slice_threshold}")


if __name__ == "__main__":
    main()
