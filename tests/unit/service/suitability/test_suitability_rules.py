"""Each reason for refusal, in the words the user sees, and in the order a radiologist would say it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from stacks import ACROSS, DOWN, even, instance, place, stack

from service.dicom.uids import COMPREHENSIVE_3D_SR, ENHANCED_CT_IMAGE, SECONDARY_CAPTURE
from service.domain.checks import CheckName, blocks_negative, blocks_reading
from service.domain.geometry import geometry_of
from service.domain.reading import HeadLook
from service.domain.scan import StoredInstance
from service.domain.series import Check
from service.settings import SuitabilitySettings
from service.suitability.rules import SeriesToJudge, early_refusal, judge

SETTINGS = SuitabilitySettings()
BRAIN = HeadLook(body_cm2=250, skull_ring=1.0, brain=0.95, enclosed_cm2=160)
SHELL = HeadLook(body_cm2=50, skull_ring=0.96, brain=0.01, enclosed_cm2=170)
NECK = HeadLook(body_cm2=200, skull_ring=0.4, brain=0.4, enclosed_cm2=30)
CHEST = HeadLook(body_cm2=532, skull_ring=0.70, brain=0.31, enclosed_cm2=51)
ABDOMEN = HeadLook(body_cm2=860, skull_ring=0.5, brain=0.35, enclosed_cm2=140)


def subject(instances: list[StoredInstance], **more: Any) -> SeriesToJudge:
    return SeriesToJudge(headers=tuple(one.header for one in instances), geometry=geometry_of(instances), **more)


def head(number: int = 28, **facts: Any) -> SeriesToJudge:
    return subject(stack(even(number), **facts))


def first_reason(series: SeriesToJudge, settings: SuitabilitySettings = SETTINGS) -> str:
    refusals = blocks_reading(judge(series, settings))
    return refusals[0].reason if refusals else ""


def card_line(series: SeriesToJudge, name: CheckName) -> Check:
    return next(one for one in judge(series, SETTINGS) if one.name == name)


def test_an_ordinary_head_passes_every_line() -> None:
    card = judge(head(), SETTINGS)
    assert [one.name for one in card] == [name.value for name in CheckName if name is not CheckName.WRAP]
    assert all(one.passed and one.found and one.wanted and not one.reason for one in card)
    assert early_refusal(head(), SETTINGS) is None


@pytest.mark.parametrize(("facts", "reason"), [
    ({"modality": "MR"}, "this is magnetic resonance (MR), not CT"),
    ({"modality": "SR", "sop_class": COMPREHENSIVE_3D_SR}, "this is a structured report (SR), not CT"),
    ({"modality": "PR"}, "this is a presentation state (PR), not CT"),
    ({"modality": "MG"}, "this is MG, not CT"),
    ({"modality": ""}, "this is an object without a modality, not CT"),
    ({"sop_class": SECONDARY_CAPTURE}, "these are Secondary Capture Image objects, not slices of a CT scanner"),
    ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, "this is a localiser, not a head scan"),
    ({"image_type": ("ORIGINAL", "PRIMARY"), "series_description": "Topogram 0.6"},
     "this is a localiser, not a head scan"),
    ({"image_type": ("DERIVED", "SECONDARY", "MPR")},
     "these are axial derived images (DERIVED\\SECONDARY\\MPR), not the scanner's original slices"),
    ({"image_type": ("ORIGINAL", "PRIMARY", "MIP")},
     "these are axial derived images (ORIGINAL\\PRIMARY\\MIP), not the scanner's original slices"),
    ({"body_part": "CHEST"}, "the header says 'CHEST', not a head"),
    ({"contrast_agent": "Iomeron"}, "contrast was given (Iomeron)"),
    ({"series_description": "CTA Head 0.75"}, "the description says contrast ('CTA Head 0.75')"),
    ({"protocol": "CTA carotids and head"}, "the description says contrast ('CTA carotids and head')"),
    ({"kvp": 70.0}, "the tube voltage is 70 kV; 80 to 150 kV are read"),
    ({"has_pixels": False}, "the objects carry no pixels"),
    ({"row_mm": None}, "the header gives no pixel size"),
    ({"sop_class": "1.2.3.4"}, "the object class is unknown (1.2.3.4)"),
])  # fmt: skip
def test_a_header_is_refused_in_plain_words(facts: dict[str, Any], reason: str) -> None:
    assert first_reason(head(**facts)) == reason


@pytest.mark.parametrize(("instances", "reason"), [
    (stack(even(3)), "only 3 slices; 10 are needed"),
    (stack(even(1)), "only 1 slice; 10 are needed"),
    (stack(even(28), thickness=12.5), "the slices are 12.5 mm thick; 0.4 to 10 mm are read"),
    (stack(even(40, 0.2), thickness=None), "the slices are 0.2 mm thick; 0.4 to 10 mm are read"),
    (stack(even(20), tilt=50), "the slices are oblique (50 degrees off the axial plane), not axial"),
    ([instance(at, place(at, axes=(ACROSS, DOWN))) for at in range(20)],
     "the slices are coronal (90 degrees off the axial plane), not axial"),
    ([instance(at, None) for at in range(20)], "no image says where it lies"),
    (stack([0.0] * 12),
     "11 of 12 slices at the place of another: several phases or reconstructions in one series, not one stack"),
])  # fmt: skip
def test_a_stack_is_refused_in_plain_words(instances: list[StoredInstance], reason: str) -> None:
    assert first_reason(subject(instances)) == reason


def test_perfusion_names_its_points_in_time() -> None:
    phases = [
        instance(100 * phase + at, place(z), time_point=str(phase))
        for phase in range(3)
        for at, z in enumerate(even(8))
    ]
    assert "at 3 points in time: several phases" in first_reason(subject(phases))


def test_images_facing_different_ways_are_no_stack() -> None:
    axial = stack(even(10))
    coronal = [instance(50 + at, place(at, axes=(ACROSS, DOWN))) for at in range(10)]
    assert "face different ways: only 10 of 20 images" in first_reason(subject(axial + coronal))


def test_the_order_of_reasons_is_a_radiologists() -> None:
    wrong: dict[str, Any] = {"image_type": ("ORIGINAL", "PRIMARY", "AXIAL")}
    steps = [
        ({"kvp": 60.0}, "tube voltage"), ({"contrast_agent": "Ultravist"}, "contrast"),
        ({"body_part": "ABDOMEN"}, "body part"),
        ({"image_type": ("DERIVED", "PRIMARY")}, "original"), ({"series_description": "scout"}, "localiser"),
        ({"sop_class": SECONDARY_CAPTURE}, "object"), ({"modality": "MR"}, "modality"),
    ]  # fmt: skip
    for facts, name in steps:
        wrong |= facts
        assert blocks_reading(judge(head(3, **wrong), SETTINGS))[0].name == name


def test_what_is_no_ct_image_is_asked_nothing_more() -> None:
    assert [one.name for one in judge(head(1, modality="SR"), SETTINGS)] == ["modality", "object"]


@pytest.mark.parametrize("facts", [
    {"sop_class": ENHANCED_CT_IMAGE}, {"image_type": ()}, {"image_type": ("ORIGINAL", "SECONDARY", "AXIAL")},
    {"body_part": ""}, {"kvp": None}, {"contrast_agent": "NONE"}, {"series_description": "Head w/o contrast"},
    {"study_description": "CT HEAD + CTA", "protocol": "Stroke: NCCT, CTA, CTP", "series_description": "Head 5.0"},
    {"body_part": "HEAD", "protocol": "Head plain + CTA"},
    {"body_part": "CSPINE", "series_description": "Head 5.0 H30s"}, {"body_part": "", "protocol": "Schädel nativ"},
    {"body_part": "CHEST", "series_description": "Brain"},
])  # fmt: skip
def test_a_silent_or_contradictory_header_is_left_to_the_pixels(facts: dict[str, Any]) -> None:
    assert first_reason(head(**facts)) == ""


def test_the_texts_nearest_to_the_series_speak_first() -> None:
    spine = head(body_part="", series_description="C-Spine 2.0", study_description="CT head and c-spine")
    assert first_reason(spine) == "the header says 'C-Spine 2.0', not a head"
    assert first_reason(head(body_part="PARTIALBODY", protocol="Thorax")) == "the header says 'Thorax', not a head"


def test_one_localiser_beside_a_head_is_left_out() -> None:
    scout = instance(0, place(0, axes=(ACROSS, DOWN)), image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"))
    card = judge(subject([scout, *stack(even(28))]), SETTINGS)
    assert not blocks_reading(card)
    assert not blocks_negative(card)


def test_a_stray_image_forbids_only_a_negative() -> None:
    card = judge(subject([*stack(even(28)), instance(99, None)]), SETTINGS)
    assert not blocks_reading(card)
    assert [one.reason for one in blocks_negative(card)] == [
        "1 image does not fit into the stack and could not be read"
    ]


def test_a_gap_forbids_only_a_negative() -> None:
    card = judge(subject([one for one in stack(even(28)) if one.header.instance_number != 18]), SETTINGS)
    assert not blocks_reading(card)
    (gap,) = blocks_negative(card)
    assert gap.reason == "gap after slice 17: 10.0 mm where 5.0 mm is usual, about 1 missing"


def test_undecodable_slices_forbid_only_a_negative() -> None:
    looks = (None, *[BRAIN] * 27)
    card = judge(subject(stack(even(28)), looks=looks, problems=("bad stream",)), SETTINGS)
    assert not blocks_reading(card)
    assert [one.reason for one in blocks_negative(card)] == ["1 slice could not be decoded (bad stream)"]


def test_a_short_stack_forbids_only_a_negative() -> None:
    card = judge(head(12), SETTINGS)
    assert not blocks_reading(card)
    assert [one.reason for one in blocks_negative(card)] == [
        "the slices cover only 60 mm; a whole head is longer than 80 mm"
    ]


def test_one_slice_sent_twice_is_still_one_stack() -> None:
    assert first_reason(subject([*stack(even(28)), instance(99, place(25.0))])) == ""


@pytest.mark.parametrize(("looks", "passed"), [
    ([BRAIN] * 10 + [NECK] * 18, True),
    ([BRAIN] * 7 + [NECK] * 21, False),
    ([NECK] * 28, False),
    ([CHEST] * 28, False),
    ([ABDOMEN] * 28, False),
    ([BRAIN] * 14 + [ABDOMEN] * 14, False),
    ([SHELL] * 28, False),
    ([BRAIN] * 9 + [None] * 19, True),
    ([None] * 28, True),
])  # fmt: skip
def test_pixels_decide_where_the_header_is_silent(looks: list[HeadLook | None], passed: bool) -> None:
    silent = subject(stack(even(28), body_part=""), looks=tuple(looks))
    assert card_line(silent, CheckName.HEAD).passed is passed


@pytest.mark.parametrize(
    ("looks", "passed"), [([SHELL] * 28, True), ([CHEST] * 28, False), ([ABDOMEN] * 28, False), ([NECK] * 28, False)]
)
def test_a_header_that_says_head_needs_a_closed_skull(looks: list[HeadLook], passed: bool) -> None:
    assert card_line(subject(stack(even(28)), looks=tuple(looks)), CheckName.HEAD).passed is passed


def test_forty_millimetres_of_head_are_enough_in_a_long_stack() -> None:
    thin = subject(stack(even(300, 0.625), thickness=0.625, body_part=""), looks=(*[BRAIN] * 70, *[NECK] * 230))
    assert card_line(thin, CheckName.HEAD).passed


def test_a_refusal_that_more_slices_may_mend_is_not_given_early() -> None:
    assert early_refusal(head(2), SETTINGS) is None
    assert early_refusal(subject([instance(1, None)]), SETTINGS) is None
    refusal = early_refusal(head(1, contrast_agent="Ultravist"), SETTINGS)
    assert refusal is not None
    assert refusal.reason == "contrast was given (Ultravist)"


@pytest.mark.parametrize(("setting", "facts"), [
    ({"min_slices": 40}, {}), ({"max_kvp": 110}, {}), ({"min_thickness_mm": 6}, {}), ({"max_thickness_mm": 4}, {}),
])  # fmt: skip
def test_the_site_may_be_stricter(setting: dict[str, Any], facts: dict[str, Any]) -> None:
    assert first_reason(head(**facts), SuitabilitySettings(**setting))


def test_a_steep_tilt_is_read_within_the_sites_limit() -> None:
    tilted = subject(stack(even(28), tilt=25))
    assert first_reason(tilted) == ""
    assert "not axial" in first_reason(tilted, SuitabilitySettings(max_tilt_degrees=20))


def test_thickness_may_change_inside_a_head() -> None:
    mixed = [replace(one, header=replace(one.header, slices=(place(5.0 * at, 4.0 if at < 14 else 7.0),)))
             for at, one in enumerate(stack(even(28)))]  # fmt: skip
    assert card_line(subject(mixed), CheckName.THICKNESS).found == "4 mm, 7 mm"


def test_slices_of_another_matrix_forbid_only_a_negative() -> None:
    slices = stack(even(28))
    slices[4] = replace(slices[4], header=replace(slices[4].header, rows=64, columns=64))
    checks = judge(subject(slices, looks=(BRAIN,) * 28), SETTINGS)
    assert not blocks_reading(checks)
    (grid,) = blocks_negative(checks)
    assert grid.name == CheckName.GRID
    assert "64 x 64" in grid.reason
