"""A loaded case through the serving path: Reader on ONNX Runtime, refined and aggregated as the node does it."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models import Reader, around, series_scores, thickened
from models.datasets import LoadedCase
from models.judge.nouns import KINDS, LABELS, CaseReading, Floats
from models.judge.spots import hottest, spot
from models.reading import SliceInput, SliceParts

SEEN_MM2, UNSEEN_MM2 = 25.0, 4.0  #: blood area from which a slice is positive, up to which negative; between: unknown
PHANTOM = "phantom"
VOXELS_DECIDE = (PHANTOM, "folder")  #: where voxel truth is exact, because it was drawn


def read_case(reader: Reader, loaded: LoadedCase) -> CaseReading:
    """Read one series; `seconds` is from HU to series probabilities."""
    start = time.perf_counter()
    parts = read_slices(reader, shown(reader, loaded, range(len(loaded.slices))))
    probabilities = refined(reader, parts, loaded.positions_mm)
    scores = series_scores(probabilities, loaded.positions_mm).series_probabilities
    seconds = time.perf_counter() - start
    column = reader.card.label_index("any")
    key = int(probabilities[:, column].argmax())
    case = loaded.case
    slice_truth, series_truth = truth_of(loaded)
    return CaseReading(
        patient=case.patient, study=case.study, series=case.series, source=case.source, vendor=case.vendor,
        thickness_mm=case.thickness_mm or None, labels=reader.card.labels, positions=loaded.positions_mm,
        probabilities=probabilities, series_probabilities=scores, slice_truth=slice_truth, series_truth=series_truth,
        volume_ml=volume(loaded), volumes_ml=volumes(loaded), seconds=seconds,
        spot=spot(key, hottest(parts[key], column), loaded.slices[key], loaded.truth, loaded.positions_mm),
    )  # fmt: skip


def shown(reader: Reader, loaded: LoadedCase, wanted: Sequence[int]) -> list[SliceInput]:
    """Some slices of a case as the reader looks at them: thin ones as slabs where the card asks for it."""
    slices, slab_mm = loaded.slices, reader.card.preprocess.slab_mm
    if not slab_mm:
        return [slices[at] for at in wanted]
    others = around(loaded.positions_mm, np.full(len(slices), loaded.case.thickness_mm), slab_mm)
    return [thickened(slices[at], [slices[each] for each in others[at]]) for at in wanted]


def read_slices(reader: Reader, slices: Sequence[SliceInput]) -> list[SliceParts]:
    """All slices with their neighbours where the card asks for them."""
    if not reader.card.preprocess.neighbours:
        return reader.read(slices)
    around: list[SliceInput | None] = [None, *slices, None]
    above, below = around[2:], around[:-2]
    return reader.read(slices, list(zip(above, below, strict=True)))


def refined(reader: Reader, parts: Sequence[SliceParts], positions: Floats) -> NDArray[np.float32]:
    """[T, K] after the sequence stage where the card has one."""
    # six digits, as the node keeps them
    raw = np.stack([each.probabilities for each in parts]).round(6)
    if reader.card.sequence is None:
        return raw
    return reader.refine(np.stack([each.features for each in parts]), raw, positions).round(6)


def truth_of(loaded: LoadedCase) -> tuple[Floats, Floats]:
    """Slice and series truth; phantoms by their voxels, so that a trace of blood is nobody's label."""
    slices, series = (np.asarray(each, np.float64) for each in (loaded.slice_labels, loaded.series_labels))
    if loaded.truth is None or loaded.case.source not in VOXELS_DECIDE:
        return slices, series
    area = _areas(loaded)
    slices = np.where(area >= SEEN_MM2, 1.0, np.where(area <= UNSEEN_MM2, 0.0, np.nan))
    return slices, np.fmax(series, (area.max(axis=0) > UNSEEN_MM2).astype(np.float64))


def volume(loaded: LoadedCase) -> float:
    """Millilitres of blood of any kind; nan without voxel truth."""
    if loaded.truth is None:
        return float("nan")
    pixel = loaded.slices[0].row_mm * loaded.slices[0].col_mm
    return float((loaded.truth > 0).sum() * pixel * _spacing(loaded) / 1000)


def volumes(loaded: LoadedCase) -> Floats:
    """[5] ml by kind from the voxels; nan without voxel truth or where the kind is not told."""
    if loaded.truth is None or (loaded.truth > len(KINDS)).any():
        return np.full(len(KINDS), np.nan)
    return np.asarray(_areas(loaded)[:, 1:].sum(axis=0) * _spacing(loaded) / 1000)


def _areas(loaded: LoadedCase) -> Floats:
    """[T, 6] mm2 of blood, all and by kind."""
    assert loaded.truth is not None
    pixel = loaded.slices[0].row_mm * loaded.slices[0].col_mm
    counts = [np.bincount(each.ravel(), minlength=len(LABELS))[1 : len(LABELS)] for each in loaded.truth]
    kinds = np.array(counts, np.float64) * pixel
    return np.concatenate([kinds.sum(axis=1, keepdims=True), kinds], axis=1)


def _spacing(loaded: LoadedCase) -> float:
    steps = np.diff(loaded.positions_mm)
    return float(np.median(steps)) if len(steps) else float(loaded.case.thickness_mm)
