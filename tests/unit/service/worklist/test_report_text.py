"""A structured report in plain sentences, whatever its template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from service.worklist.report_text import report_text


def coded(meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99TEST", meaning
    return code


def item(kind: str, name: str = "", **values: Any) -> Dataset:
    found = Dataset()
    found.ValueType, found.RelationshipType = kind, values.pop("relation", "CONTAINS")
    if name:
        found.ConceptNameCodeSequence = [coded(name)]
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


def number(name: str, value: str, unit: str) -> Dataset:
    measured = Dataset()
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = value, [coded(unit)]
    return item("NUM", name, MeasuredValueSequence=[measured])


def code(name: str, meaning: str) -> Dataset:
    return item("CODE", name, ConceptCodeSequence=[coded(meaning)])


def kept(folder: Path, items: list[Dataset], **flags: str) -> Path:
    root = item("CONTAINER", "Imaging Report", ContentSequence=items)
    for keyword, value in flags.items():
        setattr(root, keyword, value)
    root.SOPClassUID, root.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.22", "2.25.1"
    root.ensure_file_meta()
    root.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    root.save_as(folder / "report.dcm", enforce_file_format=True)
    return folder / "report.dcm"


def test_a_flat_report_is_its_sentences(tmp_path: Path) -> None:
    items = [
        item("TEXT", "Conclusion", TextValue="No bleed seen."),
        item("PNAME", "Observer", PersonName="Node^One"),
        item("UIDREF", "Study", UID="1.2.3"),
        number("Thickness", "5", "mm"),
        number("Certainty", "0.97", "no units"),
        item("DATE", "Day", Date="20260301"),
    ]
    flags = {"CompletionFlag": "PARTIAL", "VerificationFlag": "UNVERIFIED"}
    found = report_text(kept(tmp_path, items, **flags))
    assert (found.title, found.status) == ("Imaging Report", "Partial, unverified")
    (section,) = found.sections
    assert section.sentences == (
        "Conclusion: No bleed seen.", "Observer: Node^One", "Thickness: 5 mm", "Certainty: 0.97", "Day: 20260301",
    )  # fmt: skip


def test_a_group_with_a_finding_is_one_sentence_that_begins_with_it(tmp_path: Path) -> None:
    told = [
        item("TEXT", "Tracking Identifier", TextValue="x", relation="HAS OBS CONTEXT"),
        code("Finding", "Intracranial hemorrhage"),
        code("Finding Site", "Brain"),
        item("TEXT", "Algorithm Parameters", TextValue="a"),
        item("TEXT", "Algorithm Parameters", TextValue="b"),
        number("Certainty of Finding", "0.97", "no units"),
        code("Finding context", "Present"),
        item("IMAGE"),
        item("IMAGE"),
    ]
    groups = item("CONTAINER", "Measurements", ContentSequence=[item("CONTAINER", "Group", ContentSequence=told)])
    (section,) = report_text(kept(tmp_path, [groups])).sections
    assert section.heading == "Measurements"
    said = (
        "Intracranial hemorrhage: Present; certainty 0.97; site Brain; algorithm parameters a, b; 2 images referred to"
    )
    assert section.sentences == (said,)


def test_what_makes_no_sense_is_left_out_and_never_fails(tmp_path: Path) -> None:
    hollow = Dataset()
    hollow.ValueType = "TEXT"
    odd = [hollow, Dataset(), item("NUM", "Size"), item("CODE", "Thing"), item("CONTAINER", "Empty")]
    assert report_text(kept(tmp_path, odd)).sections == ()


def test_containers_without_end_are_cut(tmp_path: Path) -> None:
    inner = item("TEXT", "Deep", TextValue="x")
    for _ in range(40):
        inner = item("CONTAINER", "Box", ContentSequence=[inner])
    assert report_text(kept(tmp_path, [inner])).sections == ()
