"""The nouns of the judge: a series as read beside its truth, and the units that are counted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KINDS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
LABELS = ("any", *KINDS)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Spot:
    """The hottest point of the activation map of the most probable slice."""

    slice: int  #: index along the ascending stack
    row: float  #: source pixels
    col: float
    plane_mm: float  #: to the nearest true blood in the same slice; inf = none there, nan = no voxel truth
    volume_mm: float  #: to the nearest true blood in the whole scan


@dataclass(frozen=True, eq=False)
class CaseReading:
    """One series: what was in it (house label order) and what came out (the card's order)."""

    patient: str
    study: str
    series: str
    source: str  #: "phantom" or the layout of the data set
    vendor: str
    thickness_mm: float | None
    labels: tuple[str, ...]
    positions: Floats  # [T] mm, ascending
    probabilities: NDArray[np.float32]  # [T, K]
    series_probabilities: NDArray[np.float32]  # [K]
    slice_truth: Floats  # [T, 6]; nan = unknown
    series_truth: Floats  # [6]; nan = unknown
    volume_ml: float  #: all blood; nan = unknown
    volumes_ml: Floats  # [5] by kind; nan = unknown
    spot: Spot
    seconds: float  #: from HU to series probabilities

    def column(self, label: str) -> NDArray[np.float32]:
        """Slice probabilities of one label, nan where the reader does not know it."""
        if label not in self.labels:
            return np.full(len(self.positions), np.nan, np.float32)
        return self.probabilities[:, self.labels.index(label)]

    def score(self, label: str) -> float:
        """Series probability of one label, nan where the reader does not know it."""
        return float(self.series_probabilities[self.labels.index(label)]) if label in self.labels else float("nan")

    def truth(self, label: str) -> float:
        """1, 0 or nan."""
        return float(self.series_truth[LABELS.index(label)])


PLURALS = {"slice": "slices", "series": "series", "patient": "patients"}


@dataclass(frozen=True, eq=False)
class Units:
    """What is counted at one level: slices, series or patients, each of a patient."""

    level: str  #: slice, series or patient
    truth: Bools  # [N]
    score: Floats  # [N] probability
    called: Bools  # [N] by the threshold (slice) or the card's rule (series, patient)
    patient: Ints  # [N] index of the patient
    unknown: int = 0  #: units left out because their truth is not known

    @property
    def positives(self) -> int:
        """How many are truly positive."""
        return int(self.truth.sum())

    @property
    def both(self) -> bool:
        """Whether there is something to tell apart."""
        return 0 < self.positives < len(self.truth)


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, or the reason why there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""

    def text(self, digits: int = 3) -> str:
        """As tables print it."""
        if self.value is None:
            return f"not defined: {self.why}"
        if self.low is None or self.high is None:
            return f"{self.value:.{digits}f} (no interval: {self.why})"
        return f"{self.value:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"
