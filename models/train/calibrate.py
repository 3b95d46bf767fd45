"""Temperature and slice threshold from phantoms that neither training nor evaluation has seen.

python -m models.train.calibrate --pack models/packs/default --patients 24 --first-seed 400000
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from models import find_pack, load
from models.train.data import SEEN_MM2, UNSEEN_MM2
from models.train.evaluate import read_phantoms

SPECIFICITY = 0.995  #: share of bleed-free slices that must stay below the threshold


def logit(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Inverse of the sigmoid, kept finite."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


def best_temperature(logits: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The temperature with the least log loss, on a fine grid."""
    sign = np.where(truth, 1.0, -1.0)
    grid = np.geomspace(0.25, 6, 120)
    return float(grid[np.argmin([np.logaddexp(0, -sign * logits / each).mean() for each in grid])])


def main() -> None:
    """Command line; the pack must have been exported with temperature 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", default="default")
    parser.add_argument("--patients", type=int, default=24)
    parser.add_argument("--first-seed", type=int, default=400_000)
    asked = parser.parse_args()
    reader = load(find_pack(asked.pack), "cpu", threads=2)
    column = reader.card.label_index("any")
    cases = read_phantoms(reader, asked.patients, asked.first_seed)
    logits = logit(np.concatenate([case.probabilities[:, column] for case in cases])) * reader.card.temperature
    blood = np.concatenate([case.blood_mm2 for case in cases])
    seen, unseen = blood >= SEEN_MM2, blood <= UNSEEN_MM2
    temperature = best_temperature(logits[seen | unseen], seen[seen | unseen])
    cut = float(np.quantile(logits[unseen], SPECIFICITY))
    print(f"temperature = {temperature:.3f}")
    print(
        f"slice_threshold = {1 / (1 + np.exp(-cut / temperature)):.3f}  # {SPECIFICITY:.1%} of bleed-free slices below"
    )


if __name__ == "__main__":
    main()
