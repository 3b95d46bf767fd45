"""Real scanners' files, sent through the door of a running node: what is read is read, the rest says why it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from modality import TITLE, all_concluded, kept, store_bytes, storescu, travelling
from nodes import Node
from pydicom.uid import UID, generate_uid
from pynetdicom import AE

from service.dicom import uids
from service.dicom.statuses import Status

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not DATA.is_dir(), reason="put the shared CT files at ../shared/data beside the repository"),
    # the files are what they are: pydicom says so about UIDs and character sets
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

#: a folder and what its study says
REFUSED = {
    "taichi-toshiba-lspine-deid": "derived images (DERIVED\\PRIMARY\\MPR), not the scanner's original slices",
    "dicom2nifti-geometry/gantrytilting": "only 4 slices; 10 are needed",
    "dicom2nifti-geometry/sliceincrement/001": "only 4 slices; 10 are needed",
    "dicom2nifti-geometry/notavolume": "3 of 4 slices at the place of another",
    "dicom2nifti-geometry/sliceorientation": "this is magnetic resonance (MR), not CT",
    "dicom2nifti-geometry/slicecount": "this is magnetic resonance (MR), not CT",
}
SENT_AS_THEY_ARE = ("ge-tilt-head", "philips-phantom-head", *REFUSED)


def files_of(folder: str) -> list[Path]:
    """List the DICOM files below a folder of the shared data."""
    return sorted(
        one for one in (DATA / folder).rglob("*") if one.is_file() and one.name not in ("DIRFILE", "README.md")
    )


def study_of(paths: list[Path]) -> str:
    return str(pydicom.dcmread(paths[0], stop_before_pixels=True).StudyInstanceUID)


def mended(folder: str, target: Path, **changes: object) -> list[Path]:
    """Copy a folder with values set, and each object named, of its class, and in one series of one study."""
    target.mkdir()
    study, series = generate_uid(None), generate_uid(None)
    for at, path in enumerate(files_of(folder)):
        ds = pydicom.dcmread(path)
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(uids.CT_IMAGE)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid(None)
        for name, value in changes.items():
            setattr(ds, name, value)
        ds.save_as(target / f"{at:03}.dcm")
    return sorted(target.iterdir())


class Hospital:
    """A node that was sent everything, and the study UID and number of objects of each folder."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.folder = folder
        self.studies: dict[str, tuple[str, int]] = {}

    def send(self, name: str, paths: list[Path], *options: str) -> None:
        storescu(self.node, paths, *options)
        self.studies[name] = study_of(paths), len(paths)

    def study(self, name: str, series: int = 1) -> dict[str, Any]:
        return all_concluded(self.node, self.studies[name][0], series)


@pytest.fixture(scope="module")
def hospital(module_node: Callable[..., Node], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """Send all folders one after the other, so that the node waits for their ends at the same time."""
    node = module_node()
    node.start()
    found = Hospital(node, tmp_path_factory.mktemp("mended"))
    for name in SENT_AS_THEY_ARE:
        found.send(name, files_of(name))
    found.send("totalseg-siemens-body", mended("totalseg-siemens-body", found.folder / "body"), "-xv")
    found.send("panimg-4d-headctp", mended("panimg-4d-headctp", found.folder / "perfusion"))
    found.send("plain 4D", mended("panimg-4d-headctp", found.folder / "4d", ContrastBolusAgent="", **PLAIN))
    yield found
    node.end()


#: what makes the perfusion look like a scan without contrast
PLAIN = {"SeriesDescription": "Head 0.5 Axial", "StudyDescription": "CT HEAD", "ProtocolName": "Head"}


def checks(series: dict[str, Any]) -> dict[str, str]:
    """Give the reason of each failed line of a series' card."""
    return {one["name"]: one["reason"] for one in series["suitability"] if not one["passed"]}


def test_a_tilted_unevenly_spaced_padded_head_is_read(hospital: Hospital) -> None:
    study = hospital.study("ge-tilt-head")
    assert (study["state"], study["verdict"] in ("positive", "negative")) == ("done", True), study["why"]
    assert len(study["slices"]) == 28
    assert checks(study["series"][0]) == {}
    assert study["evidence"]["sentence"] == (
        "association released, 28 slices touch, uneven spacing (1.1, 4, 7 mm); gantry tilted 18.5 degrees; "
        "padding value -1500"
    )


def test_of_a_mixed_study_the_stack_is_read_and_the_rest_explained(hospital: Hospital) -> None:
    study = hospital.study("philips-phantom-head", series=3)
    by_count = {one["received"]: one for one in study["series"]}
    assert set(by_count) == {1, 6, 28}
    assert by_count[1]["why"] == "this is a localiser, not a head scan"
    assert by_count[6]["why"] == "these are Secondary Capture Image objects, not slices of a CT scanner"
    assert [by_count[one]["verdict"] for one in (1, 6)] == ["not_analysed"] * 2
    stack = by_count[28]
    assert len(stack["slices"]) == 28 and checks(stack) == {}
    assert stack["evidence"]["sentence"] == "association released, 28 slices touch, even spacing of 5 mm"
    assert study["leading_series"] == stack["series_instance_uid"]
    assert study["verdict"] == stack["verdict"] != "not_analysed"
    assert study["why"] == stack["why"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_readable_head_ends_with_its_reason(hospital: Hospital, name: str) -> None:
    series = len({pydicom.dcmread(one, stop_before_pixels=True).SeriesInstanceUID for one in files_of(name)})
    study = hospital.study(name, series)
    assert (study["state"], study["verdict"], study["probability"]) == ("not_analysed", "not_analysed", None)
    assert REFUSED[name] in study["why"]
    assert all(one["why"] for one in study["series"])


def test_the_spine_explains_each_of_its_series(hospital: Hospital) -> None:
    reasons = {one["why"] for one in hospital.study("taichi-toshiba-lspine-deid", 3)["series"]}
    made = "derived images (DERIVED\\PRIMARY\\MPR), not the scanner's original slices"
    assert reasons == {
        f"these are coronal {made}",
        f"these are sagittal {made}",
        "this is a localiser, not a head scan",
    }


def test_a_broken_stack_names_its_gap_though_it_is_too_short(hospital: Hospital) -> None:
    series = hospital.study("dicom2nifti-geometry/sliceincrement/001")["series"][0]
    gap = "gap after slice 9: 10.0 mm where 5.0 mm is usual, about 1 missing"
    assert checks(series)["gaps"] == gap
    assert gap in series["evidence"]["sentence"]


def test_a_body_whose_names_were_cut_away_is_refused(hospital: Hospital) -> None:
    path = files_of("totalseg-siemens-body")[0]
    nameless = travelling(path)
    assert store_bytes(hospital.node, nameless) == (
        Status.CANNOT_UNDERSTAND,
        "the data set has no Study Instance UID",
    )
    line = f"refused {nameless.sop_uid} from {TITLE}: the data set has no Study Instance UID"
    assert line in hospital.node.log.read_text()
    assert nameless.sop_uid not in kept(hospital.node)


def test_a_body_with_names_is_not_read_as_a_head(hospital: Hospital) -> None:
    study = hospital.study("totalseg-siemens-body")
    assert study["state"] == "not_analysed"
    assert study["why"] == "the header says 'CT Body 3.0', not a head"
    assert (study["priority"], study["series"][0]["received"]) == ("LOW", 20)


def test_an_object_of_no_known_class_is_not_even_negotiated(hospital: Hospital) -> None:
    """The anonymiser wrote a SOP class that does not exist; PS3.8 table 9-18, abstract syntax not supported."""
    sop_class = travelling(files_of("panimg-4d-headctp")[0]).sop_class
    entity = AE(TITLE)
    entity.add_requested_context(sop_class, uids.EXPLICIT_LE)
    entity.add_requested_context(uids.VERIFICATION, uids.EXPLICIT_LE)
    association = entity.associate("127.0.0.1", hospital.node.dicom, ae_title="ICHOR")
    try:
        assert [(one.abstract_syntax, one.result) for one in association.rejected_contexts] == [(sop_class, 3)]
    finally:
        association.release()


def test_a_perfusion_is_not_read_as_a_plain_head(hospital: Hospital) -> None:
    study = hospital.study("panimg-4d-headctp")
    assert (study["state"], study["why"]) == ("not_analysed", "contrast was given (Iomeron)")


def test_a_4d_series_is_not_one_stack_whatever_its_texts_say(hospital: Hospital) -> None:
    study = hospital.study("plain 4D")
    assert study["state"] == "not_analysed"
    assert study["why"] == "72 of 76 slices at the place of another at 19 points in time: " + (
        "several phases or reconstructions in one series, not one stack"
    )


def test_nothing_acknowledged_is_missing(hospital: Hospital) -> None:
    files = kept(hospital.node)
    assert len(files) == sum(number for _, number in hospital.studies.values())
