"""PhysioNet ct-ich 1.3.1: NIfTI scans in HU with a mask of the blood, and one CSV line per slice.

Relied on: `hemorrhage_diagnosis_raw_ct.csv` with PatientNumber, SliceNumber (from 1, along the file's third axis),
the five kinds and No_Hemorrhage; `ct_scans/049.nii` and `masks/049.nii` by three-digit patient number on the same
grid; one scan per patient; masks tell blood from no blood, not its kind. Patients 59 to 65 have lines but no scan.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.datasets import nifti
from models.datasets.nouns import (
    KIND_UNKNOWN,
    KINDS,
    Case,
    Labels,
    LoadedCase,
    series_from_slices,
    series_row,
    slice_rows,
)
from models.datasets.stacks import Left
from models.datasets.tables import require, rows
from models.errors import DatasetUnusable
from models.reading import SliceInput
from models.volume import HIGHEST, LOWEST

NAME = "ct-ich"
TABLE = "hemorrhage_diagnosis_raw_ct.csv"
VENDOR = "SIEMENS"


def table_in(folder: Path) -> Path | None:
    """The label file, if this is such a tree."""
    return folder / TABLE if (folder / TABLE).is_file() else None


def find(folder: Path, left: Left) -> list[Case]:
    """Every labelled scan."""
    labels = read_labels(folder / TABLE)
    scans = {patient: path for patient in labels if (path := _volume(folder / "ct_scans", patient))}
    left["labelled patients without a scan"] += len(labels) - len(scans)
    if not scans:
        why = f"none of the {len(labels)} labelled patients has a scan in ct_scans/"
        raise DatasetUnusable(folder, why, "unpack ct_scans/ and masks/ beside the CSV")
    return [_case(patient, path, labels[patient], folder, left) for patient, path in sorted(scans.items())]


def read_labels(table: Path) -> dict[int, dict[int, Labels]]:
    """Labels by patient and slice number."""
    require(table, ("patientnumber", "slicenumber", *KINDS, "no_hemorrhage"))
    found: dict[int, dict[int, Labels]] = defaultdict(dict)
    for row in rows(table):
        kinds = tuple(float(row[kind] or 0) for kind in KINDS)
        found[int(row["patientnumber"])][int(row["slicenumber"])] = (float(row["no_hemorrhage"] != "1"), *kinds)
    return dict(found)


def _volume(folder: Path, patient: int) -> Path | None:
    names = (f"{patient:03d}.nii", f"{patient:03d}.nii.gz")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _case(patient: int, scan: Path, labels: dict[int, Labels], folder: Path, left: Left) -> Case:
    order, step = nifti.stored_order(scan), nifti.thickness(scan)
    name = f"ct-ich-{patient:03d}"
    uids = tuple(f"{name}-{stored + 1}" for stored in order)
    known = {f"{name}-{number}": row for number, row in labels.items() if 1 <= number <= len(order)}
    left["labelled slices beyond their scan"] += len(labels) - len(known)
    left["slices without a label"] += len(order) - len(known)
    return Case(
        patient=name, study=name, series=name, files=(scan,), sop_uids=uids, labels=known,
        series_labels=series_from_slices(known), vendor=VENDOR, thickness_mm=step, source=NAME,
        positions_mm=tuple(float(at * step) for at in range(len(order))), mask=_volume(folder / "masks", patient),
    )  # fmt: skip


def load(case: Case) -> LoadedCase:
    """The scan, its labels and its mask."""
    volume = nifti.read_volume(case.files[0])
    hu = np.clip(volume.voxels, LOWEST, HIGHEST)
    rows_of = slice_rows(case)
    return LoadedCase(
        case=case, slices=tuple(SliceInput(np.ascontiguousarray(one), volume.row_mm, volume.col_mm) for one in hu),
        positions_mm=np.asarray(case.positions_mm), slice_labels=rows_of, series_labels=series_row(case.series_labels),
        sop_uids=case.sop_uids, truth=_truth(case, volume, rows_of),
    )  # fmt: skip


def _truth(case: Case, volume: nifti.Volume, labels: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """The mask, with the kind where the slice has one kind alone."""
    if case.mask is None:
        return None
    blood = nifti.turned(nifti.read_array(case.mask), volume.flips) > 0
    if blood.shape != volume.voxels.shape:
        why = f"masks/{case.mask.name} is {blood.shape}, its scan {volume.voxels.shape}"
        raise DatasetUnusable(case.mask.parents[1], why, "unpack both folders of the same release")
    kinds = np.nan_to_num(labels[:, 1:])
    one = np.where(kinds.sum(axis=1) == 1, kinds.argmax(axis=1) + 1, KIND_UNKNOWN)
    return np.asarray(blood * one[:, None, None], np.uint8)
