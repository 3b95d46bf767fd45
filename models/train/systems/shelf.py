"""Pixels and labels of the cases of a run, slice by slice; what cannot be read by the slice is unpacked once."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.datasets import LABELS, Case, load_case, load_slice
from models.datasets.nouns import Say, slice_rows
from models.preprocess import seen, whole
from models.reading import SliceInput
from models.sections import Preprocess

FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class Shelf:
    """Cases by number; picklable, so that other processes can prepare inputs."""

    cases: tuple[Case, ...]
    folder: Path  #: holds unpacked scans

    def unpack(self, say: Say) -> None:
        """Draw phantoms and unroll volumes, each once; 16-bit HU that can be read by the slice."""
        wanted = [at for at, case in enumerate(self.cases) if not _by_slice(case) and not self._path(at).exists()]
        self.folder.mkdir(parents=True, exist_ok=True)
        for done, at in enumerate(wanted, 1):
            self._unpack(at)
            if done % 20 == 0 or done == len(wanted):
                say(f"{done}/{len(wanted)} scans unpacked")

    def _unpack(self, at: int) -> None:
        loaded = load_case(self.cases[at])
        first = loaded.slices[0]
        told = {
            "row_mm": first.row_mm, "col_mm": first.col_mm, "positions": loaded.positions_mm.tolist(),
            "labels": np.where(np.isfinite(loaded.slice_labels), loaded.slice_labels, -1).tolist(),
        }  # fmt: skip
        self._path(at, ".json").write_text(json.dumps(told), "utf-8")
        fresh = self._path(at, ".new.npy")
        np.save(fresh, np.stack([np.rint(one.hu).astype(np.int16) for one in loaded.slices]))
        fresh.replace(self._path(at))

    def name(self, at: int) -> str:
        """A case's own file name, the same in whatever order cases come."""
        case = self.cases[at]
        return hashlib.sha256("\0".join((case.source, case.patient, case.study, case.series)).encode()).hexdigest()[:24]

    def _path(self, at: int, suffix: str = ".npy") -> Path:
        return self.folder / f"{self.name(at)}{suffix}"

    def slice(self, at: int, place: int) -> SliceInput:
        """One slice in HU."""
        if _by_slice(self.cases[at]):
            return load_slice(self.cases[at], place)
        told = _told(self._path(at, ".json"))
        hu = np.load(self._path(at), mmap_mode="r")[place]
        return SliceInput(np.asarray(hu, np.float32), told["row_mm"], told["col_mm"])

    def slices(self, at: int) -> list[SliceInput]:
        """A whole case in ascending order."""
        return [self.slice(at, place) for place in range(len(self.cases[at].sop_uids))]

    def positions(self, at: int) -> NDArray[np.float64]:
        """[T] mm."""
        case = self.cases[at]
        return np.asarray(case.positions_mm if _by_slice(case) else _told(self._path(at, ".json"))["positions"])

    def labels(self, at: int) -> FloatImage:
        """[T, 6] in the house order, nan = unknown."""
        if _by_slice(self.cases[at]):
            return slice_rows(self.cases[at])
        kept = np.array(_told(self._path(at, ".json"))["labels"], np.float32).reshape(-1, len(LABELS))
        return np.asarray(np.where(kept < 0, np.nan, kept), np.float32)

    def image(self, at: int, place: int, spec: Preprocess) -> FloatImage:
        """Network input of one slice, neighbours included, as `models.preprocess.prepare` makes it."""
        last = len(self.cases[at].sop_uids) - 1
        places = (min(place + 1, last), place, max(place - 1, 0)) if spec.neighbours else (place,)
        shown = [self.slice(at, each) for each in places]
        return np.concatenate([seen(one, spec, whole(one, spec)) for one in shown])

    def images(self, at: int, spec: Preprocess) -> FloatImage:
        """[T, C, S, S]: the inputs of a whole case, each slice read once."""
        shown = [seen(one, spec, whole(one, spec)) for one in self.slices(at)]
        if not spec.neighbours:
            return np.stack(shown)
        padded = [shown[0], *shown, shown[-1]]
        return np.stack([np.concatenate(padded[place : place + 3][::-1]) for place in range(len(shown))])


def _by_slice(case: Case) -> bool:
    return len(case.files) == len(case.sop_uids)


@lru_cache(maxsize=4096)
def _told(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return told


@dataclass(frozen=True, eq=False)
class SliceTable:
    """Every labelled slice of some cases."""

    case: NDArray[np.int32]  # [N] number on the shelf
    place: NDArray[np.int32]  # [N] slice within the case
    length: NDArray[np.int32]  # [N] slices of the case
    labels: FloatImage  # [N, 6], nan = unknown

    def __len__(self) -> int:
        return len(self.case)


def table_of(shelf: Shelf, cases: Sequence[int]) -> SliceTable:
    """Slices whose `any` is known."""
    rows = [shelf.labels(at) for at in cases]
    lengths = [len(one) for one in rows]
    labels = np.concatenate(rows) if rows else np.zeros((0, len(LABELS)), np.float32)
    known = np.isfinite(labels[:, 0])
    return SliceTable(
        np.repeat(np.array(cases, np.int32), lengths)[known],
        np.concatenate([np.arange(length, dtype=np.int32) for length in lengths] or [np.zeros(0, np.int32)])[known],
        np.repeat(np.array(lengths, np.int32), lengths)[known], labels[known],
    )  # fmt: skip
