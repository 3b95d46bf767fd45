"""A hospital's own tree: DICOM files anywhere, labels in truth.csv; or series of `ichor phantom` with their truth.

truth.csv has one line per patient, study, series or slice (patient_id, study_instance_uid, series_instance_uid,
sop_instance_uid: the finest one that is filled in counts) and columns any and the five kinds with 0, 1 or nothing.
Beside a phantom lies truth.json; its voxels are in truth.npz.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.datasets.nouns import KINDS, LABELS, Case, Labels, series_from_slices
from models.datasets.stacks import Left, Stack, case_from, headers_in, stacks_of
from models.datasets.tables import columns, rows, zero_one
from models.errors import DatasetUnusable

NAME = "folder"
TABLE, BESIDE, VOXELS = "truth.csv", "truth.json", "truth.npz"
LEVELS = ("sop_instance_uid", "series_instance_uid", "study_instance_uid", "patient_id")
Truth = dict[str, dict[str, Labels]]  #: level, then UID


def table_in(folder: Path) -> Path | None:
    """The label file, if this is such a tree."""
    if (folder / TABLE).is_file():
        return folder / TABLE
    return next(iter(sorted(folder.rglob(BESIDE))), None) if folder.is_dir() else None


def find(folder: Path, left: Left) -> list[Case]:
    """Every axial series that truth.csv or a truth.json labels."""
    truth: Truth = {level: {} for level in LEVELS}
    if (folder / TABLE).is_file():
        read_table(folder / TABLE, truth)
    files = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".csv", ".json", ".npz")
    ]
    stacks = stacks_of(headers_in(files, left), left)
    found = [_labelled(stack, truth) for stack in stacks]
    cases = [case for case in found if case]
    left["series without a label"] += len(found) - len(cases)
    left["lines of truth.csv without a picture"] += _unmatched(truth, stacks)
    if not cases:
        why = f"none of the {len(stacks)} axial series is labelled"
        raise DatasetUnusable(folder, why, f"write their UIDs into {TABLE} ({', '.join(LEVELS)})")
    return cases


def read_table(table: Path, truth: Truth) -> None:
    """Sort the lines of truth.csv by what they speak of."""
    names = columns(table)
    if not set(names) & set(LEVELS) or "any" not in names:
        why = f"{table.name} needs the column any and one of {', '.join(LEVELS)}"
        raise DatasetUnusable(table.parent, why, "see docs/training.md for an example")
    for row in rows(table):
        level = next((one for one in LEVELS if row.get(one)), None)
        if level is None:
            raise DatasetUnusable(table.parent, f"a line of {table.name} names nothing", "fill in one of its UIDs")
        truth[level][row[level]] = _consistent([zero_one(row, label, table) for label in LABELS])


def _consistent(labels: list[float]) -> Labels:
    """No haemorrhage means none of its kinds; a kind means a haemorrhage."""
    if labels[0] == 0:
        return (0.0,) * len(LABELS)
    return (1.0, *labels[1:]) if 1.0 in labels[1:] else tuple(labels)


def _labelled(stack: Stack, truth: Truth) -> Case | None:
    first = stack.first
    if (first.path.parent / BESIDE).is_file():
        return _phantom(stack, first.path.parent)
    slices = {
        one.sop: truth["sop_instance_uid"][one.sop] for one in stack.headers if one.sop in truth["sop_instance_uid"]
    }
    coarse = ((LEVELS[1], first.series), (LEVELS[2], first.study), (LEVELS[3], first.patient))
    whole = next((truth[level][uid] for level, uid in coarse if uid in truth[level]), None)
    known = _as_known(whole) if whole else {}
    known = series_from_slices(slices) | known if slices else known
    return case_from(stack, NAME, slices or None, known) if known else None


def _as_known(labels: Labels) -> dict[str, int]:
    return {label: int(value) for label, value in zip(LABELS, labels, strict=True) if not math.isnan(value)}


def _phantom(stack: Stack, folder: Path) -> Case:
    """Labels from the voxels that `ichor phantom` wrote beside the series."""
    from models.datasets.phantoms import labels_of

    told = json.loads((folder / BESIDE).read_text("utf-8"))
    order = [str(one["sop_instance_uid"]) for one in told["slices"]]
    with np.load(folder / VOXELS) as voxels:
        table = labels_of(voxels["truth"], _pixel_mm2(stack.first.path))
    labels: Mapping[str, Labels] = {uid: tuple(map(float, row)) for uid, row in zip(order, table, strict=True)}
    bleeds = int(told["finding"] != "none")
    series = {label: int(told["finding"] == label) for label in KINDS} | series_from_slices(labels) | {"any": bleeds}
    return replace(case_from(stack, NAME, labels, series), mask=folder / VOXELS)


def _pixel_mm2(path: Path) -> float:
    import pydicom

    spacing = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PixelSpacing"]).PixelSpacing
    return float(spacing[0]) * float(spacing[1])


def voxel_truth(case: Case) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None":
    """[T, H, W] in the case's order, where truth.npz lies beside it."""
    if case.mask is None:
        return None
    told = json.loads((case.mask.parent / BESIDE).read_text("utf-8"))
    place = {str(one["sop_instance_uid"]): at for at, one in enumerate(told["slices"])}
    with np.load(case.mask) as voxels:
        return np.asarray(voxels["truth"][[place[uid] for uid in case.sop_uids]], np.uint8)


def _unmatched(truth: Truth, stacks: list[Stack]) -> int:
    seen = {
        "sop_instance_uid": {one.sop for stack in stacks for one in stack.headers},
        "series_instance_uid": {stack.first.series for stack in stacks},
        "study_instance_uid": {stack.first.study for stack in stacks},
        "patient_id": {stack.first.patient for stack in stacks},
    }
    return sum(len(truth[level].keys() - seen[level]) for level in LEVELS)
