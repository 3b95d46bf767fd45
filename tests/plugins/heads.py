"""Synthetic heads for the corridor's tests: made once per run, copied under fresh UIDs for each study."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid

from models.phantom import make_phantom
from service.practice.write_series import write_series

#: enough slices and millimetres for a whole head, few enough to be quick
SLICES, THICKNESS = 16, 8.0
SEEDS = {"epidural": 7, "none": 11}


@dataclass(frozen=True)
class Study:
    """A study on disk, in anatomical order."""

    uid: str
    series_uid: str
    paths: tuple[Path, ...]

    @property
    def sop_uids(self) -> set[str]:
        """Return the instances' UIDs."""
        return {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in self.paths}


@pytest.fixture(scope="session")
def made_heads(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Sequence[Path]]:
    """Make each kind of head once."""
    made: dict[str, Sequence[Path]] = {}

    def make(finding: str) -> Sequence[Path]:
        if finding not in made:
            phantom = make_phantom(finding, SEEDS[finding], SLICES, THICKNESS)
            made[finding] = write_series(phantom, tmp_path_factory.mktemp(f"head-{finding}"))
        return made[finding]

    return make


@pytest.fixture
def head(made_heads: Callable[[str], Sequence[Path]], tmp_path: Path) -> Callable[..., Study]:
    """Give a fresh study with a head; attributes named in ``changes`` are set in every slice."""

    def fresh(finding: str = "epidural", **changes: object) -> Study:
        study, series = generate_uid(None), generate_uid(None)
        folder = tmp_path / f"study-{study[-8:]}"
        folder.mkdir()
        paths = [_copy(path, folder, study, series, changes) for path in made_heads(finding)]
        return Study(study, series, tuple(paths))

    yield fresh
    for folder in tmp_path.glob("study-*"):
        shutil.rmtree(folder)


def _copy(path: Path, folder: Path, study: str, series: str, changes: dict[str, object]) -> Path:
    ds = pydicom.dcmread(path)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid(None)
    ds.AccessionNumber = study[-12:]
    # the count is left out unless a test asks for it, so that completeness needs other evidence
    ds.pop("ImagesInAcquisition", None)
    for name, value in changes.items():
        setattr(ds, name, value)
    target = folder / path.name
    ds.save_as(target)
    return target
