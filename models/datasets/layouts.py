"""The layouts by name, how one is told from another, and the two verbs of a data set: open it, load a case."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.datasets import cq500, ct_ich, folder, kept, phantoms, rsna
from models.datasets.dicom import read_slice
from models.datasets.nouns import Case, LoadedCase, Say, series_row, slice_rows
from models.datasets.stacks import Left
from models.errors import DatasetUnusable
from models.reading import SliceInput

log = logging.getLogger(__name__)
AUTO = "auto"


@dataclass(frozen=True)
class Layout:
    """One way to lay out a data set."""

    table: Callable[[Path], Path | None]  #: the file it is known by
    find: Callable[[Path, Left], list[Case]]
    wanted: str  #: what a folder needs to be one


#: in the order they are tried; a truth.csv beside a published table means the table
LAYOUTS = {
    rsna.NAME: Layout(rsna.table_in, rsna.find, "stage_2_train.csv and stage_2_train/*.dcm"),
    ct_ich.NAME: Layout(ct_ich.table_in, ct_ich.find, "hemorrhage_diagnosis_raw_ct.csv, ct_scans/ and masks/"),
    cq500.NAME: Layout(cq500.table_in, cq500.find, "reads.csv and CQ500CT<n> folders"),
    folder.NAME: Layout(folder.table_in, folder.find, "truth.csv, or series of `ichor phantom`"),
    kept.NAME: Layout(kept.table_in, kept.find, "the --out folder of ichor train, whose third part is opened"),
}


def open_dataset(path: Path, layout: str = AUTO, say: Say = log.info) -> list[Case]:
    """Every labelled series under a folder, by patient; what was left out is said, with the reason."""
    path = Path(path)
    name = detect(path) if layout == AUTO else layout
    if name not in LAYOUTS:
        raise DatasetUnusable(path, f"no layout '{layout}'", f"name one of {', '.join((AUTO, *LAYOUTS))}")
    if not path.is_dir():
        raise DatasetUnusable(path, "no such folder", "name the folder that holds the label file")
    chosen = LAYOUTS[name]
    if chosen.table(path) is None:
        raise DatasetUnusable(path, f"no {name} layout here", f"it needs {chosen.wanted}")
    left: Left = Left()
    cases = sorted(chosen.find(path, left), key=lambda case: (case.patient, case.study, case.series))
    for line in summary(name, cases, left):
        say(line)
    if not cases:
        raise DatasetUnusable(path, f"no series of the {name} layout can be used", "see what was left out above")
    return cases


def detect(path: Path) -> str:
    """The name of the layout."""
    found = next((name for name, layout in LAYOUTS.items() if layout.table(path) is not None), None)
    if found is None:
        known = "; ".join(f"{name}: {layout.wanted}" for name, layout in LAYOUTS.items())
        raise DatasetUnusable(path, "no label file found", f"known layouts are {known}")
    return found


def summary(name: str, cases: list[Case], left: Left) -> list[str]:
    """What was found and what was left out, a line each."""
    slices, bleeding = sum(len(case.sop_uids) for case in cases), sum(case.bleeds is True for case in cases)
    patients = len({case.patient for case in cases})
    first = f"{name}: {len(cases)} series of {patients} patients, {slices} slices; {bleeding} series with a bleed"
    return [first, *(f"left out: {count} {reason}" for reason, count in sorted(left.items()) if count)]


def load_case(case: Case) -> LoadedCase:
    """A case with its pixels, ascending along the normal."""
    if case.source == phantoms.SOURCE:
        return phantoms.load(case)
    if case.source == ct_ich.NAME:
        return ct_ich.load(case)
    return LoadedCase(
        case=case, slices=tuple(load_slice(case, at) for at in range(len(case.files))),
        positions_mm=np.asarray(case.positions_mm), slice_labels=slice_rows(case),
        series_labels=series_row(case.series_labels), sop_uids=case.sop_uids, truth=folder.voxel_truth(case),
    )  # fmt: skip


def load_slice(case: Case, at: int) -> SliceInput:
    """One slice of a case of DICOM files; other sources give whole cases alone."""
    return read_slice(case.files[at], mend_wrap=case.source == rsna.NAME)
