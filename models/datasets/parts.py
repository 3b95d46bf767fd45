"""Splitting cases by patient: seeded, as even in bleeding patients as their number allows."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

import numpy as np

from models.datasets.nouns import Case


def split(cases: Sequence[Case], shares: Sequence[float], seed: int) -> tuple[list[Case], ...]:
    """One list per share; all exams of a patient in one list, bleeding and bleed-free patients each shared out."""
    if not shares or min(shares) < 0 or sum(shares) <= 0:
        raise ValueError(f"shares must be positive, got {tuple(shares)}")
    wanted = np.asarray(shares, np.float64) / sum(shares)
    part_of: dict[str, int] = {}
    missing = np.zeros(len(shares))
    for patient in chain(*_shuffled(cases, seed)):
        # the part that lacks most takes the next one, so that small strata do not all fall to one part
        missing += wanted
        part_of[patient] = int(np.argmax(np.round(missing, 9)))
        missing[part_of[patient]] -= 1
    return tuple([case for case in cases if part_of[case.patient] == part] for part in range(len(shares)))


def folds(cases: Sequence[Case], count: int, seed: int) -> tuple[tuple[list[Case], list[Case]], ...]:
    """`count` pairs (train, held out); each patient is held out once."""
    if count < 2:
        raise ValueError(f"folds start at 2, got {count}")
    fold_of: dict[str, int] = {}
    for stratum in _shuffled(cases, seed):
        fold_of |= {patient: (place + len(fold_of)) % count for place, patient in enumerate(stratum)}
    return tuple(
        ([case for case in cases if fold_of[case.patient] != fold], [c for c in cases if fold_of[c.patient] == fold])
        for fold in range(count)
    )


def _shuffled(cases: Sequence[Case], seed: int) -> list[list[str]]:
    """Patients with a bleed in some exam, patients without, patients nobody knows about; each in a drawn order."""
    said: dict[str, set[bool | None]] = defaultdict(set)
    for case in cases:
        said[case.patient].add(case.bleeds)
    strata: list[list[str]] = [[], [], []]
    for patient in sorted(said):
        strata[0 if True in said[patient] else 1 if False in said[patient] else 2].append(patient)
    rng = np.random.default_rng([seed, 2019])
    return [[stratum[at] for at in rng.permutation(len(stratum))] for stratum in strata]
