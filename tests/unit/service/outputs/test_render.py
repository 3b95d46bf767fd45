"""From verdict to files: what comes out, under which UIDs, and that it is the same again."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from highdicom import Image
from highdicom.sr import Comprehensive3DSR
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from service.dicom.uids import COMPREHENSIVE_3D_SR, ENHANCED_CT_IMAGE, SECONDARY_CAPTURE, is_valid_uid
from service.domain.delivery import HOUSE_FORMS, ObjectKind
from service.domain.ids import SeriesUid, SopUid, StudyUid
from service.domain.verdict import Verdict
from service.outputs.render import render
from service.outputs.source import Order, Predecessor, Reference, RenderedObject

MADE_AT = 1_790_000_000.0
EARLIER = Predecessor(
    study_uid=StudyUid("2.25.101"),
    series_uid=SeriesUid("2.25.900"),
    sop_class=COMPREHENSIVE_3D_SR,
    sop_uid=SopUid("2.25.901"),
)


def objects(study: Any, predecessor: Predecessor | None = None, made_at: float = MADE_AT) -> list[RenderedObject]:
    earlier = {HOUSE_FORMS[1]: predecessor} if predecessor else {}
    return render(study.verdict, study.source, Order(predecessors=earlier), made_at)


def read(one: RenderedObject) -> Dataset:
    return dcmread(BytesIO(one.payload))


def sr_of(study: Any, predecessor: Predecessor | None = None) -> Comprehensive3DSR:
    return Comprehensive3DSR.from_dataset(read(objects(study, predecessor)[-1]))


def texts(report: Dataset) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in report.ContentSequence[-1].ContentSequence:
        found.setdefault(item.ConceptNameCodeSequence[0].CodeMeaning, []).append(item.TextValue)
    return found


def test_a_positive_study_gives_summary_key_slices_and_report(study: Any) -> None:
    made = objects(study)
    assert [(one.kind, one.number) for one in made] == [(ObjectKind.SC, at) for at in (1, 2, 3, 4)] + [
        (ObjectKind.SR, 1)
    ]
    for one in made:
        ds = read(one)
        assert (one.sop_uid, one.sop_class, one.series_uid) == (ds.SOPInstanceUID, ds.SOPClassUID, ds.SeriesInstanceUID)
        assert ds.InstanceNumber == one.number
        assert is_valid_uid(one.sop_uid)
    assert {one.sop_class for one in made} == {SECONDARY_CAPTURE, COMPREHENSIVE_3D_SR}
    assert len({one.series_uid for one in made}) == 2


def test_a_clear_study_gives_summary_and_report(clear_study: Any) -> None:
    assert [one.kind for one in objects(clear_study)] == [ObjectKind.SC, ObjectKind.SR]


def test_a_study_that_was_not_analysed_gives_nothing(study: Any) -> None:
    not_read = replace(study, verdict=replace(study.verdict, verdict=Verdict.NOT_ANALYSED))
    assert objects(not_read) == []
    assert objects(replace(study, verdict=replace(study.verdict, leading_series=None))) == []


def test_the_same_inputs_and_moment_give_the_same_bytes(study: Any) -> None:
    assert objects(study, EARLIER) == objects(study, EARLIER)


def test_uids_hang_on_study_and_fingerprint_alone(study: Any) -> None:
    def uids(one: list[RenderedObject]) -> list[tuple[str, str]]:
        return [(made.sop_uid, made.series_uid) for made in one]

    later = objects(study, EARLIER, MADE_AT + 3600)
    assert uids(later) == uids(objects(study))
    other = objects(replace(study, verdict=replace(study.verdict, fingerprint="e" * 64)))
    assert not {uid for pair in uids(other) for uid in pair} & {uid for pair in uids(later) for uid in pair}
    assert len({made.sop_uid for made in later}) == len(later)


def test_pictures_stand_in_the_source_study(study: Any) -> None:
    for one in objects(study)[:-1]:
        ds, source = read(one), study.headers[0]
        for keyword in ("StudyInstanceUID", "StudyDescription", "PatientName", "PatientID", "PatientAge", "StudyDate"):
            assert ds[keyword].value == source[keyword].value, keyword
        assert ds.FrameOfReferenceUID == source.FrameOfReferenceUID
        assert ds.ImageType == ["DERIVED", "SECONDARY"]
        assert (ds.BurnedInAnnotation, ds.BodyPartExamined) == ("YES", "HEAD")
        assert ds.SeriesDescription == "Ichor heatmap (research use only)"
        assert ds.SeriesNumber != source.SeriesNumber
        assert "research use only, not for diagnosis; trained on synthetic data" in ds.DerivationDescription
        assert ds.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
        assert ds.pixel_array.shape == (ds.Rows, ds.Columns, 3)
        assert isinstance(Image.from_dataset(ds), Image)


def test_each_picture_names_the_images_it_shows(study: Any) -> None:
    summary, first, *_ = objects(study)
    assert len(read(summary).SourceImageSequence) == 12
    items = read(first).SourceImageSequence
    assert [item.ReferencedSOPInstanceUID for item in items] == [study.source.key_slices[0].score.sop_uid]
    assert "ReferencedFrameNumber" not in items[0]


def test_a_frame_of_a_multi_frame_image_is_named(study: Any, with_first_key: Any) -> None:
    key = study.source.key_slices[0]
    key.header.NumberOfFrames = 20
    whole = Reference(sop_class=ENHANCED_CT_IMAGE, sop_uid=key.score.sop_uid)
    series = replace(study.source.referenced[0], instances=(whole,))
    enhanced = replace(study, source=replace(study.source, referenced=(series,)))
    made = objects(with_first_key(enhanced, score=replace(key.score, frame=4)))
    assert read(made[1]).SourceImageSequence[0].ReferencedFrameNumber == 5
    group = Comprehensive3DSR.from_dataset(read(made[-1])).content.get_image_measurement_groups()[0]
    assert group.source_images[0].referenced_frame_numbers == [5]


def test_a_classic_slice_has_no_frame_even_when_its_header_counts_frames(study: Any) -> None:
    study.source.key_slices[0].header.NumberOfFrames = 1
    assert "ReferencedFrameNumber" not in read(objects(study)[1]).SourceImageSequence[0]


def test_the_report_states_finding_and_certainty(study: Any, clear_study: Any) -> None:
    for one, context in ((study, codes.cid241.Present), (clear_study, codes.cid241.Absent)):
        groups = sr_of(one).content.get_image_measurement_groups()
        assert groups[0].finding_type.value == "1386000"
        evaluation = groups[0].get_qualitative_evaluations()[0]
        assert evaluation.value == context
        certainty = groups[0].get_measurements(name=codes.DCM.CertaintyOfFinding)[0]
        assert certainty.value == pytest.approx(one.verdict.probability)
        assert certainty.unit == codes.UCUM.NoUnits
        kinds = {group.finding_type.value: group.get_measurements()[0].value for group in groups[1:]}
        assert kinds == {label: value for label, value in one.verdict.conclusions[0].findings if label != "any"}


def test_the_report_names_the_algorithm_and_its_weights(study: Any) -> None:
    group = sr_of(study).content.get_image_measurement_groups()[0][0]
    said = {item.ConceptNameCodeSequence[0].CodeMeaning: item for item in group.ContentSequence}
    assert said["Algorithm Name"].TextValue == "Ichor default"
    assert said["Algorithm Version"].TextValue.startswith("1.0.0 (Ichor ")
    values = [item.TextValue for item in group.ContentSequence if "TextValue" in item]
    assert f"pack hash {'ab' * 32}" in values
    assert "slice probabilities refined over the whole scan" not in values


def test_the_report_says_when_slices_were_refined_over_the_scan(study: Any) -> None:
    refining = replace(study, source=replace(study.source, pack=replace(study.source.pack, refines=True)))
    group = sr_of(refining).content.get_image_measurement_groups()[0][0]
    values = [item.TextValue for item in group.ContentSequence if "TextValue" in item]
    assert "slice probabilities refined over the whole scan" in values


def test_the_report_points_at_the_key_slices_and_all_evidence(study: Any) -> None:
    report = sr_of(study)
    group = report.content.get_image_measurement_groups()[0]
    shown = [image.referenced_sop_instance_uid for image in group.source_images]
    assert shown == [key.score.sop_uid for key in study.source.key_slices]
    assert {uid for _, _, uid, _ in report.get_evidence()} == {ds.SOPInstanceUID for ds in study.headers}


def test_the_report_says_what_decided_and_what_it_is_for(study: Any) -> None:
    report, conclusion = sr_of(study), study.verdict.conclusions[0]
    said = texts(report)
    assert said["Intended use"] == ["research use only, not for diagnosis; trained on synthetic data"]
    assert said["Decision rule"] == [conclusion.decision.sentence]
    assert said["Evidence of completeness"] == [conclusion.evidence.sentence]
    assert len(said["Suitability check"]) == 3
    assert len(said["Key slice"]) == 3
    assert report.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99ICHOR"


def test_the_report_is_complete_but_never_verified(study: Any) -> None:
    report = sr_of(study)
    assert (report.CompletionFlag, report.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert report.PreliminaryFlag == "PRELIMINARY"
    assert "PredecessorDocumentsSequence" not in report


def test_a_gap_makes_the_report_partial(study: Any) -> None:
    conclusion = study.verdict.conclusions[0]
    gap = replace(conclusion.evidence, gaps=("gap after slice 4: 10.0 mm where 5.0 mm is usual, about 1 missing",))
    gapped = replace(study.verdict, conclusions=(replace(conclusion, evidence=gap),))
    report = sr_of(replace(study, verdict=gapped))
    assert report.CompletionFlag == "PARTIAL"
    assert "gap after slice 4" in texts(report)["Evidence of completeness"][0]


def test_a_superseding_report_names_its_predecessor_and_keeps_tracking(study: Any) -> None:
    later = replace(study, verdict=replace(study.verdict, fingerprint="e" * 64))
    reports = [sr_of(study), sr_of(later, EARLIER)]
    earlier = reports[1].PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert earlier.SeriesInstanceUID == EARLIER.series_uid
    assert earlier.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == EARLIER.sop_uid
    tracked = [[group.tracking_uid for group in one.content.get_image_measurement_groups()] for one in reports]
    assert all(before == after for before, after in pairwise(tracked))
    assert len(set(tracked[0])) == 6


def test_other_series_are_named_in_the_report(study: Any) -> None:
    other = replace(study.verdict.conclusions[0], series_uid=SeriesUid("2.25.55"), why="too few slices")
    both = replace(study.verdict, conclusions=(*study.verdict.conclusions, other))
    said = texts(sr_of(replace(study, verdict=both)))
    assert said["Other series of the study"] == ["series 2.25.55: positive, too few slices"]


def test_times_follow_the_zone_of_the_source(make_study: Any) -> None:
    ds = read(objects(make_study(TimezoneOffsetFromUTC="+0530"))[0])
    assert ds.TimezoneOffsetFromUTC == "+0530"
    assert (ds.ContentDate, ds.ContentTime[:6]) == ("20260921", "194320")
