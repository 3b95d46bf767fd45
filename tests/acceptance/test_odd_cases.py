"""What is no plain head CT ends with a reason of its own, in the worklist or on the wire; never in silence."""

from __future__ import annotations

import sqlite3
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from heads import SLICES, THICKNESS, Study
from modality import Travelling, acknowledged, all_concluded, kept, store_bytes, storescu, travelling
from nodes import Node, wait_until
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    BasicTextSRStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    JPEGLSLossless,
    KeyObjectSelectionDocumentStorage,
    MRImageStorage,
    RTStructureSetStorage,
    generate_uid,
)

from service.dicom.statuses import Status
from service.store.files import FileStore

pytestmark = pytest.mark.peer
Heads = Callable[..., Study]

CHEST = {"BodyPartExamined": "CHEST", "SeriesDescription": "Chest 5.0", "StudyDescription": "CT CHEST"}
LOCALISER = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SeriesDescription": "Topogram"}
#: what is changed in a head, which of its slices are sent, and what the node says then
REFUSED: dict[str, tuple[dict[str, object], slice, str]] = {
    "chest": (CHEST, slice(None), "the header says 'CHEST', not a head"),
    "MR": ({"Modality": "MR", "SOPClassUID": MRImageStorage}, slice(None), "this is magnetic resonance (MR), not CT"),
    "localiser": (LOCALISER, slice(2), "this is a localiser, not a head scan"),
    "contrast": ({"ContrastBolusAgent": "Iomeron 400"}, slice(None), "contrast was given (Iomeron 400)"),
    "three slices": ({}, slice(6, 9), "only 3 slices; 10 are needed"),
}
DOCUMENTS = {
    "SR": (BasicTextSRStorage, "this is a structured report (SR), not CT"),
    "KO": (KeyObjectSelectionDocumentStorage, "this is a key object note (KO), not CT"),
    "PR": (GrayscaleSoftcopyPresentationStateStorage, "this is a presentation state (PR), not CT"),
    "RTSTRUCT": (RTStructureSetStorage, "this is a radiotherapy object (RTSTRUCT), not CT"),
}
#: the slice that is left out: far from the bleed, so that the rest still shows it
LOST = 13
GAP = f"gap after slice {LOST}: {2 * THICKNESS:.1f} mm where {THICKNESS:.1f} mm is usual, about 1 missing"


@pytest.fixture(scope="module")
def node(module_node: Callable[..., Node]) -> Iterator[Node]:
    running = module_node()
    running.start()
    yield running
    running.end()


def rewrite(path: Path, change: Callable[[Dataset], None]) -> None:
    ds = pydicom.dcmread(path)
    change(ds)
    ds.save_as(path)


def wire(ds: Dataset, folder: Path) -> Travelling:
    """Encode a data set as it would travel, explicit little endian."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / "wire.dcm"
    ds.save_as(path, enforce_file_format=True)
    return travelling(path)


def refused(node: Node, uid: str) -> dict[str, Any]:
    """Wait for a study to end not_analysed; give its row."""
    row: dict[str, Any] = node.settled(uid)
    assert (row["state"], row["verdict"], row["probability"]) == ("not_analysed", "not_analysed", None), row["why"]
    return row


@pytest.mark.parametrize("name", REFUSED)
def test_another_scan_ends_not_analysed_with_its_own_reason(node: Node, head: Heads, name: str) -> None:
    changes, sent, reason = REFUSED[name]
    study = head("epidural", **changes)
    storescu(node, study.paths[sent])
    row = refused(node, study.uid)
    assert row["why"] == reason
    assert row["priority"] == ("MEDIUM" if name in ("contrast", "three slices") else "LOW")
    assert node.study(study.uid)["results"] == []


def test_a_bleed_beside_a_missing_slice_is_flagged_and_the_gap_named(node: Node, head: Heads) -> None:
    study = head("epidural")
    storescu(node, [*study.paths[:LOST], *study.paths[LOST + 1 :]])
    row = node.settled(study.uid)
    assert (row["state"], row["verdict"], row["priority"]) == ("done", "positive", "HIGH")
    assert row["why"].endswith(f"the scan is incomplete: {GAP}")
    assert GAP in node.study(study.uid)["evidence"]["sentence"]


def test_a_clear_head_with_a_missing_slice_is_no_answer(node: Node, head: Heads) -> None:
    study = head("none")
    storescu(node, [*study.paths[:LOST], *study.paths[LOST + 1 :]])
    row = refused(node, study.uid)
    assert row["why"] == f"{GAP}; nothing was found in the slices read, but that is no answer"
    assert row["priority"] == "MEDIUM"


def damage_stream(ds: Dataset) -> None:
    """Overwrite the middle of a compressed picture; the data set stays whole."""
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    middle, data = len(ds.PixelData) // 2, bytearray(ds.PixelData)
    data[middle : middle + 4000] = b"\xff\xd9" * 2000
    ds.PixelData = bytes(data)


def shorten_pixels(ds: Dataset) -> None:
    """Drop the last rows, which Rows still promises."""
    ds.PixelData = ds.PixelData[:-4096]


@pytest.mark.parametrize(
    ("damage", "syntax", "words"),
    [
        (damage_stream, ("-xt",), "JPEG-LS Lossless Image Compression) cannot be decoded"),
        (shorten_pixels, ("-xe",), "the pixel data has 520192 bytes where 524288 are declared"),
    ],
    ids=["stream", "short"],
)
def test_a_slice_that_cannot_be_decoded_spoils_a_clear_answer(
    node: Node, head: Heads, damage: Callable[[Dataset], None], syntax: tuple[str], words: str
) -> None:
    study = head("none")
    rewrite(study.paths[7], damage)
    storescu(node, study.paths[:7])
    acknowledged(node, study.paths[7:8])
    storescu(node, study.paths[8:])
    row = refused(node, study.uid)
    assert row["why"].startswith("1 slice could not be decoded (")
    assert words in row["why"]
    assert len(node.study(study.uid)["slices"]) == SLICES - 1


def test_a_truncated_file_is_refused_and_leaves_nothing(node: Node, head: Heads) -> None:
    study = head("epidural")
    whole = travelling(study.paths[0])
    cut = replace(whole, encoded=whole.encoded[: len(whole.encoded) // 2])
    status, words = store_bytes(node, cut)
    missing = len(whole.encoded) - len(cut.encoded)
    assert status == Status.CANNOT_UNDERSTAND
    assert words == f"the data set ends {missing} bytes early, inside element (7FE0,0010)"
    assert cut.sop_uid not in kept(node)
    assert f"refused {cut.sop_uid}" in node.log.read_text()
    assert not FileStore(node.folder / "data").has(cut.content_hash)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        node.study(study.uid)


@pytest.mark.parametrize("modality", DOCUMENTS)
def test_a_document_alone_is_kept_and_explained(node: Node, tmp_path: Path, modality: str) -> None:
    sop_class, reason = DOCUMENTS[modality]
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, generate_uid(None)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(None), generate_uid(None)
    ds.Modality, ds.PatientID, ds.PatientName, ds.InstanceNumber = modality, "P1", "Doe^Jane", 1
    thing = wire(ds, tmp_path)
    assert store_bytes(node, thing) == (Status.SUCCESS, "")
    row = refused(node, ds.StudyInstanceUID)
    assert (row["why"], row["priority"]) == (reason, "LOW")
    assert travelling(kept(node)[thing.sop_uid]) == thing


def enhanced(paths: Sequence[Path]) -> Dataset:
    """Put the slices of a series into one Enhanced CT object (PS3.3 A.38), a functional group for each frame."""
    slices = [pydicom.dcmread(path) for path in paths]
    ds, first = Dataset(), slices[0]
    moved = {"PixelSpacing", "SliceThickness", "ImagePositionPatient", "ImageOrientationPatient", "KVP", "PixelData",
             "RescaleSlope", "RescaleIntercept", "RescaleType", "WindowCenter", "WindowWidth", "ConvolutionKernel",
             "GantryDetectorTilt", "SliceLocation"}  # fmt: skip
    for element in first:
        if element.keyword not in moved:
            ds.add(element)
    ds.SOPClassUID, ds.SOPInstanceUID = EnhancedCTImageStorage, generate_uid(None)
    ds.NumberOfFrames = len(slices)
    ds.PixelData = b"".join(one.PixelData for one in slices)
    ds["PixelData"].VR = "OW"
    ds.SharedFunctionalGroupsSequence = [shared_group(first)]
    ds.PerFrameFunctionalGroupsSequence = [frame_group(one) for one in slices]
    return ds


def shared_group(first: Dataset) -> Dataset:
    macros = {
        "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
        "PlaneOrientationSequence": ("ImageOrientationPatient",),
        "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
        "CTXRayDetailsSequence": ("KVP",),
    }
    return grouped(first, macros)


def frame_group(one: Dataset) -> Dataset:
    return grouped(one, {"PlanePositionSequence": ("ImagePositionPatient",)})


def grouped(source: Dataset, macros: dict[str, tuple[str, ...]]) -> Dataset:
    group = Dataset()
    for macro, keywords in macros.items():
        item = Dataset()
        for keyword in keywords:
            item.add(source[keyword])
        setattr(group, macro, [item])
    return group


def test_an_enhanced_ct_is_read_frame_by_frame_as_its_slices_would_be(node: Node, head: Heads, tmp_path: Path) -> None:
    classic = head("epidural")
    storescu(node, classic.paths)
    ds = enhanced(head("epidural").paths)
    thing = wire(ds, tmp_path)
    assert store_bytes(node, thing) == (Status.SUCCESS, "")
    read, expected = (node.settled(one) and node.study(one) for one in (ds.StudyInstanceUID, classic.uid))
    assert (read["state"], read["why"]) == ("done", expected["why"])
    for key in ("verdict", "probability", "findings", "decision", "key_slices"):
        assert read["series"][0][key] == expected["series"][0][key]
    assert [one["frame"] for one in read["slices"]] == list(range(SLICES))
    assert {one["sop_instance_uid"] for one in read["slices"]} == {thing.sop_uid}
    for frame, single in zip(read["slices"], expected["slices"], strict=True):
        assert frame["findings"] == single["findings"]
    assert {one["kind"] for one in read["results"]} == {"sc", "sr"}


def thinner(study: Study) -> None:
    """Squeeze a stack to 7 mm slices."""

    def squeeze(ds: Dataset) -> None:
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y, z * 7 / THICKNESS]
        ds.SliceThickness = 7

    for path in study.paths:
        rewrite(path, squeeze)


def into_study(study: Study, uid: str) -> None:
    def move(ds: Dataset) -> None:
        ds.StudyInstanceUID, ds.SeriesNumber, ds.SeriesDescription = uid, 3, "Head thin"

    for path in study.paths:
        rewrite(path, move)


def report(node: Node, sop_uid: str) -> Dataset:
    """Read a result object out of the store."""
    with closing(sqlite3.connect(f"file:{node.folder / 'data' / 'ledger.sqlite3'}?mode=ro", uri=True)) as connection:
        ((content_hash,),) = connection.execute(
            "SELECT content_hash FROM result_objects WHERE sop_uid = ?", (sop_uid,)
        ).fetchall()
    return pydicom.dcmread(FileStore(node.folder / "data").path(content_hash))


def reports(study: dict[str, Any]) -> dict[bool, str]:
    """Give the current report and the superseded one."""
    return {one["current"]: one["sop_instance_uid"] for one in study["results"] if one["kind"] == "sr"}


def test_of_two_readable_series_any_positive_decides_and_supersedes(node: Node, head: Heads) -> None:
    thick, thin = head("none"), head("epidural")
    thinner(thin)
    into_study(thin, thick.uid)
    storescu(node, thick.paths)
    assert node.settled(thick.uid)["verdict"] == "negative"
    before = reports(node.study(thick.uid))
    assert set(before) == {True}
    storescu(node, thin.paths)
    study = all_concluded(node, thick.uid, 2)
    wait_until(lambda: node.study(thick.uid)["verdict"] == "positive", 30, "the positive series to decide")
    study = node.study(thick.uid)
    assert {one["series_instance_uid"]: one["verdict"] for one in study["series"]} == {
        thick.series_uid: "negative",
        thin.series_uid: "positive",
    }
    assert (study["leading_series"], study["priority"]) == (thin.series_uid, "HIGH")
    after = reports(study)
    assert after[False] == before[True]
    (earlier,) = report(node, after[True]).PredecessorDocumentsSequence
    named = earlier.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert named == before[True]
