"""RSNA 2019 (stage 1 or 2): one CSV line per slice and label, DICOM files flat in one folder.

Relied on: lines `ID_<12 hex>_<label>,<0|1>` under the header `ID,Label`; the file is `ID_<12 hex>.dcm` and that name
is its SOP Instance UID; a series is a Series Instance UID; some patients have several exams; a few lines are there
twice with the same value. Pixels of some files are damaged by a 12-bit wrap, which loading undoes.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np

from models.datasets.nouns import LABELS, Case, Labels
from models.datasets.stacks import Left, case_from, headers_in, stacks_of
from models.datasets.tables import require, rows
from models.errors import DatasetUnusable

NAME = "rsna"
TABLES = ("stage_2_train.csv", "stage_1_train.csv")


def table_in(folder: Path) -> Path | None:
    """The label file, if this is such a tree."""
    return next((folder / name for name in TABLES if (folder / name).is_file()), None)


def find(folder: Path, left: Left) -> list[Case]:
    """Every series whose slices are labelled."""
    table = table_in(folder)
    if table is None:
        raise DatasetUnusable(folder, f"no {TABLES[0]}", "unpack the label file beside the picture folder")
    labels = read_labels(table)
    files = [path for name in (table.stem, f"{table.stem}_images") for path in sorted((folder / name).glob("*.dcm"))]
    labelled = [path for path in files if path.stem in labels]
    left["files without a label"] += len(files) - len(labelled)
    left["labelled slices without a file"] += len(labels) - len(labelled)
    if not labelled:
        why = f"none of the {len(labels)} labelled slices has a file in {table.stem}/"
        raise DatasetUnusable(folder, why, "unpack the pictures there (ID_*.dcm)")
    return [case_from(stack, NAME, labels) for stack in stacks_of(headers_in(labelled, left), left)]


def read_labels(table: Path) -> dict[str, Labels]:
    """Labels by slice in the house order; a slice named twice must say the same twice."""
    require(table, ("id", "label"))
    found: dict[str, list[float]] = defaultdict(lambda: [float("nan")] * len(LABELS))
    for row in rows(table):
        slice_id, _, label = row["id"].rpartition("_")
        if label not in LABELS:
            raise DatasetUnusable(
                table.parent, f"{table.name} has the line '{row['id']}'", "take the file as published"
            )
        place, value = LABELS.index(label), float(row["label"])
        if found[slice_id][place] == 1 - value:
            why = f"{table.name} says both 0 and 1 of {row['id']}"
            raise DatasetUnusable(table.parent, why, "keep one of the two lines")
        found[slice_id][place] = value
    holes = sum(not np.isfinite(values).all() for values in found.values())
    if holes:
        raise DatasetUnusable(
            table.parent, f"{holes} slices in {table.name} lack some of the six labels", "take the whole file"
        )
    return {slice_id: tuple(values) for slice_id, values in found.items()}
