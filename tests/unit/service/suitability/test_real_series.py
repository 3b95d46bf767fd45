"""The real files: what is read, and the first reason for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from stacks import DATA, real_series

from models import volume
from models.anatomy import head_facts
from service.dicom.pixels import stored_slices
from service.domain.checks import CheckName, blocks_negative, blocks_reading
from service.domain.geometry import geometry_of
from service.domain.reading import HeadLook
from service.settings import SuitabilitySettings
from service.suitability.rules import SeriesToJudge, early_refusal, judge

SETTINGS = SuitabilitySettings()


def subject(folder: str, looks: tuple[HeadLook | None, ...] = ()) -> SeriesToJudge:
    instances = real_series(folder)
    return SeriesToJudge(headers=tuple(one.header for one in instances), geometry=geometry_of(instances), looks=looks)


@pytest.mark.parametrize("folder", ["ge-tilt-head", "philips-phantom-head/S21570/S2010"])
def test_heads_are_read_and_their_negative_counts(folder: str) -> None:
    card = judge(subject(folder), SETTINGS)
    assert not [one for one in card if not one.passed]


@pytest.mark.parametrize(("folder", "reason"), [
    ("philips-phantom-head/S21570/S1000", "this is a localiser, not a head scan"),
    ("philips-phantom-head/S21570/S4010", "these are Secondary Capture Image objects, not slices of a CT scanner"),
    ("totalseg-siemens-body", "the header says 'CT Body 3.0', not a head"),
    ("taichi-toshiba-lspine-deid/cor",
     "these are coronal derived images (DERIVED\\PRIMARY\\MPR), not the scanner's original slices"),
    ("taichi-toshiba-lspine-deid/sag",
     "these are sagittal derived images (DERIVED\\PRIMARY\\MPR), not the scanner's original slices"),
    ("taichi-toshiba-lspine-deid/scout", "this is a localiser, not a head scan"),
    ("panimg-4d-headctp", "contrast was given (Iomeron)"),
    ("cornerstone-ts-ct", "the header says 'HELICAL CHEST', not a head"),
    ("dcmqi-ct/ct-3slice", "the header says '6.9 Colonoscopy', not a head"),
    ("dcmqi-ct/24x38x3/multiframe", "only 3 slices; 10 are needed"),
    ("dicom2nifti-geometry/gantrytilting/001", "only 4 slices; 10 are needed"),
    ("dicom2nifti-geometry/sliceincrement/001", "only 4 slices; 10 are needed"),
    ("dicom2nifti-geometry/sliceincrement/002", "only 4 slices; 10 are needed"),
    ("dicom2nifti-geometry/slicecount/001", "this is magnetic resonance (MR), not CT"),
    ("dicom2nifti-geometry/sliceorientation/001", "this is magnetic resonance (MR), not CT"),
    ("dicom2nifti-geometry/notavolume/001",
     "3 of 4 slices at the place of another: several phases or reconstructions in one series, not one stack"),
])  # fmt: skip
def test_the_rest_is_refused_with_its_own_reason(folder: str, reason: str) -> None:
    assert blocks_reading(judge(subject(folder), SETTINGS))[0].reason == reason


def test_a_gap_in_a_real_stack_stands_on_the_card() -> None:
    names = [one.name for one in blocks_negative(judge(subject("dicom2nifti-geometry/sliceincrement/001"), SETTINGS))]
    assert CheckName.GAPS in names


@pytest.mark.parametrize(
    "folder", ["ge-tilt-head", "philips-phantom-head/S21570/S2010", "dicom2nifti-geometry/gantrytilting/001"]
)
def test_what_may_be_a_head_is_not_turned_away_early(folder: str) -> None:
    assert early_refusal(subject(folder), SETTINGS) is None


@pytest.mark.parametrize(("folder", "is_head"), [
    ("ge-tilt-head", True), ("philips-phantom-head/S21570/S2010", True), ("totalseg-siemens-body", False),
    ("taichi-toshiba-lspine-deid/cor", False),
])  # fmt: skip
def test_real_pixels_tell_a_head_from_a_body(folder: str, is_head: bool) -> None:
    instances = real_series(folder)
    geometry = geometry_of(instances)
    files = sorted(one for one in (DATA / folder).iterdir() if one.name != "DIRFILE")
    by_uid = {one.sop_uid: _look(file) for one, file in zip(instances, files, strict=True)}
    series = subject(folder, tuple(by_uid[one.sop_uid] for one in geometry.slices))
    check = next(one for one in judge(series, SETTINGS) if one.name == CheckName.HEAD)
    assert check.passed is is_head, check.found


def _look(file: Path) -> HeadLook:
    (one,) = stored_slices(file)
    assert one.row_mm is not None
    assert one.column_mm is not None
    found = head_facts(
        volume.to_hu(one.pixels, one.slope, one.intercept, one.padding, one.padding_limit), one.row_mm, one.column_mm
    )
    return HeadLook(
        body_cm2=found.body_area_cm2,
        skull_ring=found.skull_closure,
        brain=found.brain_fraction,
        enclosed_cm2=found.enclosed_area_cm2,
    )
