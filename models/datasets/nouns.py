"""What every data set is brought to: cases, and cases with their pixels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.reading import SliceInput

#: the house order; a pack's card carries its own
LABELS = ("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
KINDS = LABELS[1:]
#: in a truth volume: blood whose kind the data set does not tell; known kinds are 1 to 5 in the order of KINDS
KIND_UNKNOWN = 255
UNKNOWN = float("nan")
Labels = tuple[float, ...]  #: one per LABELS, 0 or 1 or nan
Say = Callable[[str], None]  #: takes one plain line about what was found or left out


@dataclass(frozen=True)
class Wish:
    """A phantom that is not drawn yet."""

    finding: str
    seed: int
    slices: int
    thickness: float
    vendor: str
    variety: float = 1.0  #: 1 is the spread that readers are trained and judged on, 0 a clear case


@dataclass(frozen=True)
class Case:
    """One series of one patient with what is known about it; pixels are read later."""

    patient: str
    study: str
    series: str
    files: tuple[Path, ...]  #: one per slice in ascending order; one volume for ct-ich; none for a phantom
    sop_uids: tuple[str, ...]  #: one per slice, ascending
    labels: Mapping[str, Labels] | None  #: by SOP UID; None when the truth is known for the series alone
    series_labels: Mapping[str, int]  #: by label, only those that are known
    vendor: str
    thickness_mm: float
    source: str  #: the layout it came from
    positions_mm: tuple[float, ...] = ()  #: along the normal, ascending
    mask: Path | None = None  #: where blood is, voxel by voxel
    wish: Wish | None = None

    @property
    def bleeds(self) -> bool | None:
        """Whether the series has any haemorrhage; None = nobody says."""
        known = self.series_labels.get("any")
        return None if known is None else bool(known)


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case with its pixels: slices ascend along the normal."""

    case: Case
    slices: tuple[SliceInput, ...]
    positions_mm: NDArray[np.float64]  # [T]
    slice_labels: NDArray[np.float32]  # [T, 6] in the order of LABELS, nan = unknown
    series_labels: NDArray[np.float32]  # [6]
    sop_uids: tuple[str, ...]
    truth: NDArray[np.uint8] | None  # [T, H, W] 0, 1..5 = KINDS, 255 = blood of unknown kind; None = no voxel truth


def series_row(known: Mapping[str, int]) -> NDArray[np.float32]:
    """[6] with nan where nothing is known."""
    return np.array([float(known.get(label, UNKNOWN)) for label in LABELS], np.float32)


def slice_rows(case: Case) -> NDArray[np.float32]:
    """[T, 6]: each slice's own labels; a series known to be free of a finding is free of it in every slice."""
    labels = case.labels or {}
    nothing = tuple(0.0 if case.series_labels.get(label) == 0 else UNKNOWN for label in LABELS)
    return np.array([labels.get(uid, nothing) for uid in case.sop_uids], np.float32).reshape(-1, len(LABELS))


def series_from_slices(labels: Mapping[str, Labels]) -> dict[str, int]:
    """A finding is in the series when it is in any slice, and unknown where no slice tells."""
    table = np.array(list(labels.values()), np.float64).reshape(-1, len(LABELS))
    known = np.asarray(np.isfinite(table).any(axis=0))
    present = np.asarray(np.nan_to_num(table).max(axis=0, initial=0.0) > 0.5)
    return {label: int(present[at]) for at, label in enumerate(LABELS) if known[at]}
