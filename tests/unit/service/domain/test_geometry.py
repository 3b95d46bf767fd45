"""Places, steps, gaps and tilt of stacks, made and real."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacks import ACROSS, BACK, DOWN, even, geometry, instance, place, real_series, stack

from service.domain.geometry import geometry_of, sides
from service.domain.scan import SlicePlace


def test_an_even_stack_touches_and_has_no_gap() -> None:
    found = geometry(even(28))
    assert (found.extent_mm, found.median_step, found.gaps, found.touching()) == (135.0, 5.0, (), True)
    assert found.spacing_sentence == "even spacing of 5 mm"
    assert found.tilt_degrees == 0.0


def test_a_missing_slice_is_named_by_the_one_before_it() -> None:
    heights = even(30)
    slices = [one for one in stack(heights) if one.header.instance_number != 18]
    assert geometry_of(slices).gaps == ("gap after slice 17: 10.0 mm where 5.0 mm is usual, about 1 missing",)
    assert geometry_of(slices).gap_after == (16,)
    assert not geometry_of(slices).touching()


def test_a_gap_is_named_in_the_order_of_numbering_when_that_runs_downwards() -> None:
    slices = [one for one in stack(even(30)[::-1]) if one.header.instance_number not in (18, 19)]
    assert geometry_of(slices).gaps == ("gap after slice 17: 15.0 mm where 5.0 mm is usual, about 2 missing",)


def test_a_gap_without_instance_numbers_is_named_by_its_place() -> None:
    slices = [replace(one, header=replace(one.header, instance_number=None)) for one in stack([0, 5, 10, 25, 30])]
    assert geometry_of(slices).gaps[0].startswith("gap after slice 10.0 mm: 15.0 mm")


def test_thin_slices_below_and_thick_ones_above_are_no_gap() -> None:
    thin = [instance(at, place(2.5 * at, 2.5)) for at in range(1, 15)]
    thick = [instance(14 + at, place(35 + 1.25 + 7.5 * at - 2.5, 7.5)) for at in range(1, 15)]
    assert geometry_of(thin + thick).gaps == ()


def test_two_slices_without_thickness_cannot_show_a_gap() -> None:
    assert geometry([0, 40], thickness=None).gaps == ()
    assert not geometry([0, 40], thickness=None).touching()


@pytest.mark.parametrize("tilt", [0.0, 12.0, 18.5, -25.0])
def test_steps_are_measured_along_the_normal(tilt: float) -> None:
    found = geometry_of(stack(even(10), tilt=tilt))
    assert found.tilt_degrees == pytest.approx(abs(tilt))
    assert found.median_step == pytest.approx(5 * math.cos(math.radians(tilt)))


def test_a_patient_lying_the_other_way_gives_the_same_order() -> None:
    turned = [instance(at, place(z, axes=((-1.0, 0.0, 0.0), BACK))) for at, z in enumerate(even(5), 1)]
    assert [one.sop_uid for one in geometry_of(turned).slices] == [one.sop_uid for one in geometry(even(5)).slices]


def test_slices_facing_another_way_than_most_go_astray() -> None:
    scout = instance(0, place(50, axes=(ACROSS, DOWN)))
    found = geometry_of([scout, *stack(even(12))])
    assert (len(found.slices), found.astray, found.unplaced, found.tilt_degrees) == (12, 1, 0, 0.0)


@pytest.mark.parametrize("broken", [
    SlicePlace(frame=1, position=None, row_cosine=ACROSS, column_cosine=BACK, thickness=5),
    SlicePlace(frame=1, position=(0, 0, math.nan), row_cosine=ACROSS, column_cosine=BACK, thickness=5),
    SlicePlace(frame=1, position=(0, 0, 0), row_cosine=None, column_cosine=BACK, thickness=5),
    SlicePlace(frame=1, position=(0, 0, 0), row_cosine=ACROSS, column_cosine=ACROSS, thickness=5),
    SlicePlace(frame=1, position=(0, 0, 0), row_cosine=(math.inf, 0, 0), column_cosine=BACK, thickness=5),
])  # fmt: skip
def test_what_has_no_usable_place_is_counted_not_placed(broken: SlicePlace) -> None:
    found = geometry_of([*stack(even(3)), instance(9, broken)])
    assert (len(found.slices), found.unplaced, found.astray) == (3, 1, 0)


@pytest.mark.parametrize("thickness", [0.0, -5.0, math.nan, math.inf])
def test_an_impossible_thickness_counts_as_none(thickness: float) -> None:
    assert geometry(even(3), thickness).slices[0].thickness is None


def test_nothing_has_no_geometry() -> None:
    found = geometry_of([])
    assert (found.slices, found.normal, found.tilt_degrees, found.extent_mm, found.median_step) == (
        (),
        None,
        None,
        0.0,
        None,
    )
    assert found.spacing_sentence == "no spacing"


def test_frames_of_an_enhanced_object_are_placed_one_by_one() -> None:
    frames = tuple(replace(place(5.0 * at), frame=at) for at in (3, 1, 2))
    found = geometry_of([instance(1, None, slices=frames)])
    assert [one.frame for one in found.slices] == [1, 2, 3]


def test_repeated_places_and_time_points_are_counted() -> None:
    again = [instance(100 + at, place(z), time_point="2") for at, z in enumerate(even(5))]
    found = geometry_of([*stack(even(5), time_point="1"), *again])
    assert (found.same_place, found.time_points, found.median_step) == (5, 2, 5.0)


@given(st.randoms(use_true_random=False), st.integers(2, 30), st.booleans())
def test_the_order_of_arrival_does_not_matter(shuffler: random.Random, number: int, with_scouts: bool) -> None:
    slices = stack(even(number), tilt=7)
    if with_scouts:
        slices += [instance(90 + at, place(float(at), axes=(ACROSS, DOWN))) for at in range(number)]
    mixed = list(slices)
    shuffler.shuffle(mixed)
    assert geometry_of(mixed) == geometry_of(slices)


def test_the_real_tilted_head_is_uneven_and_without_gap() -> None:
    found = geometry_of(real_series("ge-tilt-head"))
    assert len(found.slices) == 28
    assert found.gaps == ()
    assert found.touching()
    assert found.tilt_degrees == pytest.approx(18.5, abs=0.01)
    assert found.spacing_sentence == "uneven spacing (1.1, 4, 7 mm)"


@pytest.mark.parametrize(("folder", "after"), [("sliceincrement/001", 9), ("sliceincrement/002", 3)])
def test_a_slice_missing_in_a_real_stack_is_named(folder: str, after: int) -> None:
    (gap,) = geometry_of(real_series(f"dicom2nifti-geometry/{folder}")).gaps
    assert gap.startswith(f"gap after slice {after}:")


@pytest.mark.parametrize(
    ("row", "column", "letters"),
    [
        ((1, 0, 0), (0, 1, 0), ("R", "L", "A", "P")),
        ((-1, 0, 0), (0, -1, 0), ("L", "R", "P", "A")),
        ((1, 0, 0), (0, 0.95, -0.32), ("R", "L", "A", "P")),
        ((0, 1, 0), (0, 0, -1), ("A", "P", "H", "F")),
    ],
)
def test_sides_follow_the_cosines(
    row: tuple[float, ...], column: tuple[float, ...], letters: tuple[str, str, str, str]
) -> None:
    assert sides(row, column) == letters
