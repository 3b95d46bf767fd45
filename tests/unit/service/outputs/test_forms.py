"""One finding in every form: the same facts, UIDs of its own for each, and nothing that the verdict does not carry."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from service.dicom.uids import (
    BASIC_TEXT_SR,
    COMPREHENSIVE_3D_SR,
    ENHANCED_CT_IMAGE,
    ENHANCED_SR,
    KEY_OBJECT_SELECTION,
    PRESENTATION_STATE,
    derived_uid,
)
from service.domain.delivery import Dialect, Form, ObjectKind
from service.domain.ids import SeriesUid, SopUid, StudyUid
from service.outputs import render as room
from service.outputs.plain_text import as_text
from service.outputs.render import render
from service.outputs.source import Order, Predecessor, Reference, RenderedObject
from service.outputs.state_picture import draw_state

MADE_AT = 1_790_000_000.0
KEYS, STATE = Form(ObjectKind.KO), Form(ObjectKind.GSPS)
REPORTS = {one: Form(ObjectKind.SR, one) for one in Dialect}
#: all but the pictures, which have tests of their own
FORMS = (*REPORTS.values(), KEYS, STATE)
NOTICE = "research use only, not for diagnosis; trained on synthetic data"


def made(study: Any, *forms: Form, **more: Any) -> list[RenderedObject]:
    return render(study.verdict, study.source, Order(forms=forms or FORMS, **more), MADE_AT)


def read(one: RenderedObject) -> Dataset:
    return dcmread(BytesIO(one.payload))


def only(study: Any, form: Form, **more: Any) -> Dataset:
    (one,) = made(study, form, **more)
    return read(one)


def in_frames(study: Any, frames: tuple[int, ...]) -> Any:
    """The same study as one multi-frame image with these frames (from 0) as key slices."""
    uid = study.source.key_slices[0].score.sop_uid
    keys = []
    for key, frame in zip(study.source.key_slices, frames, strict=True):
        key.header.NumberOfFrames = 20
        keys.append(replace(key, score=replace(key.score, sop_uid=uid, frame=frame)))
    whole = Reference(sop_class=ENHANCED_CT_IMAGE, sop_uid=uid)
    series = replace(study.source.referenced[0], instances=(whole,))
    return replace(study, source=replace(study.source, key_slices=tuple(keys), referenced=(series,)))


def test_each_form_has_its_class_and_uids_of_its_own(study: Any) -> None:
    objects = made(study)
    assert [(one.form, one.sop_class) for one in objects] == [
        (REPORTS[Dialect.TID1500], COMPREHENSIVE_3D_SR),
        (REPORTS[Dialect.ENHANCED], ENHANCED_SR),
        (REPORTS[Dialect.BASIC], BASIC_TEXT_SR),
        (KEYS, KEY_OBJECT_SELECTION),
        (STATE, PRESENTATION_STATE),
    ]
    assert len({one.sop_uid for one in objects} | {one.series_uid for one in objects}) == 10
    for one in objects:
        ds = read(one)
        assert (one.sop_uid, one.sop_class, one.series_uid) == (ds.SOPInstanceUID, ds.SOPClassUID, ds.SeriesInstanceUID)
        assert ds.file_meta.MediaStorageSOPClassUID == ds.SOPClassUID


def test_the_first_dialect_keeps_the_uids_it_had_when_it_was_the_only_one(study: Any) -> None:
    report = made(study, REPORTS[Dialect.TID1500])[0]
    assert report.sop_uid == derived_uid(study.verdict.study_uid, study.verdict.fingerprint, "sr", "1")
    assert report.series_uid == derived_uid(study.verdict.study_uid, study.verdict.fingerprint, "sr", "series")


def test_the_same_again_gives_the_same_bytes_and_later_the_same_uids(study: Any) -> None:
    first, later = made(study), render(study.verdict, study.source, Order(forms=FORMS), MADE_AT + 3600)
    assert made(study) == first
    assert [one.sop_uid for one in later] == [one.sop_uid for one in first]


@pytest.mark.parametrize("form", FORMS, ids=lambda one: one.name)
def test_everything_stands_in_the_source_study_under_the_same_patient(study: Any, form: Form) -> None:
    ds, source = only(study, form), study.headers[0]
    for keyword in (
        "StudyInstanceUID",
        "StudyDescription",
        "PatientName",
        "PatientID",
        "PatientAge",
        "AccessionNumber",
    ):
        assert ds[keyword].value == source[keyword].value, keyword
    assert "research use only" in ds.SeriesDescription
    assert (ds.Manufacturer, ds.DeviceSerialNumber) == ("Ichor", "ab" * 32)
    assert 9702 <= ds.SeriesNumber <= 9704


@pytest.mark.parametrize("dialect", Dialect)
def test_every_dialect_tells_the_same_facts(study: Any, dialect: Dialect) -> None:
    document = only(study, REPORTS[dialect])
    text = as_text(document).lower()
    conclusion = study.verdict.conclusions[0]
    assert NOTICE in text
    for label, probability in conclusion.findings:
        assert label in text or label == "any"
        assert f" {probability:.2f}" in text
    assert conclusion.decision.sentence.lower().rstrip(".") in text
    assert conclusion.evidence.sentence in text
    assert "kvp: not passed" in text
    assert f"pack hash {'ab' * 32}" in text
    assert "ichor default" in text
    assert "1.0.0 (ichor" in text
    assert study.verdict.policy in text
    for key in study.source.key_slices:
        assert key.score.sop_uid in text
        assert f"instance {key.score.instance_number}, " in text
    evidence = document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert {one.ReferencedSOPInstanceUID for one in evidence} == {one.SOPInstanceUID for one in study.headers}
    assert (document.VerificationFlag, document.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")


def test_text_begins_with_purpose_and_answer(study: Any, clear_study: Any) -> None:
    for one, answer in (
        (study, "POSITIVE: intracranial haemorrhage suspected. Probability 0.97, worklist priority HIGH."),
        (clear_study, "NEGATIVE: no intracranial haemorrhage suspected. Probability 0.14, worklist priority LOW."),
    ):
        for dialect in (Dialect.ENHANCED, Dialect.BASIC):
            sentences = [item.TextValue for item in only(one, REPORTS[dialect]).ContentSequence if "TextValue" in item]
            assert sentences[3:5] == ["Research use only, not for diagnosis; trained on synthetic data.", answer]


def test_the_title_of_a_flat_report_says_that_it_is_no_radiology_report(study: Any) -> None:
    for dialect in (Dialect.ENHANCED, Dialect.BASIC):
        title = only(study, REPORTS[dialect]).ConceptNameCodeSequence[0].CodeMeaning
        assert title == "AI triage note, research use only, not for diagnosis"


def test_basic_text_has_no_codes_or_numbers_that_could_lose_their_context(clear_study: Any) -> None:
    items = only(clear_study, REPORTS[Dialect.BASIC]).ContentSequence
    assert {item.ValueType for item in items if item.RelationshipType == "CONTAINS"} == {"TEXT", "IMAGE"}
    assert not any("ContentSequence" in item for item in items)


def test_a_coded_finding_carries_its_context(study: Any, clear_study: Any) -> None:
    for one, context in ((study, "Present"), (clear_study, "Absent")):
        items = only(one, REPORTS[Dialect.ENHANCED]).ContentSequence
        (finding,) = [item for item in items if item.ValueType == "CODE" and item.RelationshipType == "CONTAINS"]
        assert finding.ContentSequence[0].ConceptCodeSequence[0].CodeMeaning == context
        numbers = [item for item in items if item.ValueType == "NUM"]
        assert len(numbers) == 6
        assert all(number.ContentSequence[0].RelationshipType == "HAS CONCEPT MOD" for number in numbers)


def test_a_pack_that_does_not_tell_kinds_apart_names_none(study: Any) -> None:
    conclusion = replace(study.verdict.conclusions[0], findings=study.verdict.conclusions[0].findings[:1])
    plain = replace(study, verdict=replace(study.verdict, conclusions=(conclusion,)))
    assert "Probability by kind" not in as_text(only(plain, REPORTS[Dialect.BASIC]))
    assert as_text(only(plain, REPORTS[Dialect.ENHANCED])).count("Certainty of Finding") == 1


def test_each_report_supersedes_the_one_of_its_own_dialect(study: Any) -> None:
    earlier = {
        form: Predecessor(
            study_uid=StudyUid("2.25.101"),
            series_uid=SeriesUid(f"2.25.90{at}"),
            sop_class=COMPREHENSIVE_3D_SR,
            sop_uid=SopUid(f"2.25.91{at}"),
        )
        for at, form in enumerate(list(REPORTS.values())[:2])
    }
    texts = [as_text(read(one)) for one in made(study, *REPORTS.values(), predecessors=earlier)]
    assert "supersedes 2.25.910" in texts[0]
    assert "supersedes 2.25.911" in texts[1]
    assert "supersedes" not in texts[2]


def test_a_clear_study_has_nothing_to_point_at(clear_study: Any) -> None:
    assert [one.form for one in made(clear_study)] == list(REPORTS.values())


def test_key_objects_are_the_flagged_slices_of_the_source(study: Any) -> None:
    ds = only(study, KEYS)
    assert ds.ConceptNameCodeSequence[0].CodeMeaning == "Of Interest"
    shown = [item.ReferencedSOPSequence[0] for item in ds.ContentSequence if item.ValueType == "IMAGE"]
    assert [one.ReferencedSOPInstanceUID for one in shown] == [key.score.sop_uid for key in study.source.key_slices]
    assert all("ReferencedFrameNumber" not in one for one in shown)
    (why,) = [item.TextValue for item in ds.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "113012"]
    assert why == (
        "POSITIVE: intracranial haemorrhage suspected. Probability 0.97, worklist priority HIGH. Slices to look at, "
        "most telling first: instance 8 (0.97), instance 7 (0.80), instance 9 (0.80). "
        "Research use only, not for diagnosis; trained on synthetic data."
    )
    evidence = ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert len(evidence.ReferencedSOPSequence) == 3, "what is not selected is no evidence"


def test_frames_of_a_multi_frame_image_are_named(study: Any) -> None:
    mine = in_frames(study, (4, 9, 2))
    (reference,) = [
        one.ReferencedSOPSequence[0] for one in only(mine, KEYS).ContentSequence if one.ValueType == "IMAGE"
    ]
    assert list(reference.ReferencedFrameNumber) == [5, 10, 3]
    state = only(mine, STATE)
    (image,) = state.ReferencedSeriesSequence[0].ReferencedImageSequence
    assert list(image.ReferencedFrameNumber) == [5, 10, 3]
    noted = [one.ReferencedImageSequence[0].ReferencedFrameNumber for one in state.GraphicAnnotationSequence]
    assert noted == [5, 5, 10, 10, 3, 3]
    images = [item for item in only(mine, REPORTS[Dialect.BASIC]).ContentSequence if item.ValueType == "IMAGE"]
    assert [one.ReferencedSOPSequence[0].ReferencedFrameNumber for one in images] == [5, 10, 3]


def test_the_state_windows_outlines_and_warns(study: Any) -> None:
    state = only(study, STATE)
    assert (state.SoftcopyVOILUTSequence[0].WindowCenter, state.SoftcopyVOILUTSequence[0].WindowWidth) == (40, 80)
    assert (state.RescaleIntercept, state.RescaleSlope, state.RescaleType) == (-1024, 1, "HU")
    area = state.DisplayedAreaSelectionSequence[0]
    assert list(area.PresentationPixelSpacing) == [0.9, 0.9]
    assert "PixelOriginInterpretation" not in area
    heat, notice = state.GraphicAnnotationSequence[:2]
    assert (heat.GraphicLayer, notice.GraphicLayer) == ("HEAT", "NOTICE")
    columns, rows = np.array(heat.GraphicObjectSequence[0].GraphicData).reshape(-1, 2).T
    assert columns.min() < 160 < columns.max() < 200
    assert rows.min() < 100 < rows.max() < 140
    said = [one.UnformattedTextValue for one in notice.TextObjectSequence]
    assert said == [
        "Ichor: slice probability 0.97",
        "Line: where the heat of the network is at least half its peak; not the outline of a bleed",
        "RESEARCH USE ONLY - NOT FOR DIAGNOSIS - TRAINED ON SYNTHETIC DATA",
    ]
    assert len(state.GraphicAnnotationSequence) == 6


def test_a_slice_without_activation_is_shown_without_a_line(study: Any, with_first_key: Any) -> None:
    state = only(with_first_key(study, activation=None), STATE)
    first = state.GraphicAnnotationSequence[0]
    assert first.GraphicLayer == "NOTICE"
    assert first.TextObjectSequence[1].UnformattedTextValue == "No activation worth outlining on this slice"


def test_slices_that_a_state_cannot_hold_together_get_one_each(study: Any) -> None:
    study.source.key_slices[1].header.RescaleIntercept = "-1000"
    states = [read(one) for one in made(study, STATE)]
    assert [(one.InstanceNumber, one.RescaleIntercept) for one in states] == [(1, -1024), (2, -1000)]
    assert len({one.SOPInstanceUID for one in states}) == 2
    shown = [len(one.ReferencedSeriesSequence[0].ReferencedImageSequence) for one in states]
    assert shown == [2, 1]


def test_the_drawn_state_shows_window_and_line_where_they_are(study: Any) -> None:
    pictures = list(draw_state(only(study, STATE), study.source.key_slices))
    assert len(pictures) == 3
    rgb = np.asarray(pictures[0]).astype(int)
    assert rgb.shape == (768, 768, 3)
    orange = (rgb[..., 0] - rgb[..., 2] > 100).nonzero()
    middle = (orange[0] > 60) & (orange[0] < 720)
    rows, columns = orange[0][middle] / 3, orange[1][middle] / 3
    assert abs(rows.mean() - 100) < 6
    assert abs(columns.mean() - 160) < 6


def test_a_form_that_cannot_be_made_does_not_hold_up_the_others(
    study: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(task: Any) -> list[RenderedObject]:
        raise ValueError("a header nobody foresaw")

    monkeypatch.setitem(room.BUILDERS, ObjectKind.GSPS, refuse)
    assert STATE not in {one.form for one in made(study)}
    assert "cannot be told as gsps" in caplog.text
    monkeypatch.setitem(room.BUILDERS, ObjectKind.SC, refuse)
    with pytest.raises(ValueError, match="nobody foresaw"):
        made(study, Form(ObjectKind.SC))
