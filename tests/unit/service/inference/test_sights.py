"""What the reader is shown: alone or beside its neighbours, and the name of it that a reading is kept under."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacks import even, place, stack

from service.domain.ids import ContentHash
from service.domain.scan import StoredInstance
from service.inference.sights import Sight, needs_repair, sights_of

WRAPPED = {"bits_stored": 12, "signed": False, "intercept": 0.0}


def numbers(sights: list[Sight]) -> list[tuple[int | None, int | None, int | None]]:
    """Above, slice, below by instance number, as they lie."""
    return [
        tuple(place.instance.header.instance_number if place else None for place in (one.above, one.slice, one.below))
        for one in sights
    ]


def names(instances: list[StoredInstance], neighbours: int = 1, repair: bool = False) -> dict[str, str]:
    return {one.slice.instance.sop_uid: one.pixels_hash for one in sights_of(instances, neighbours, repair)}


def changed(before: dict[str, str], after: dict[str, str]) -> list[int]:
    """Instance numbers whose reading is not the one from before."""
    return sorted(int(uid.rpartition(".")[2]) for uid, name in after.items() if before.get(uid) != name)


def test_a_slice_alone_keeps_its_content_hash_and_is_read_at_once() -> None:
    instances = stack(even(5))
    sights = sights_of(instances, 0, False)
    assert [one.pixels_hash for one in sights] == [one.content_hash for one in instances]
    assert all(one.settled and one.above is one.below is None for one in sights)


@given(st.permutations(range(6)))
def test_positions_decide_who_is_above_and_below(order: list[int]) -> None:
    instances = stack(even(6))
    shuffled = [instances[at] for at in order]
    assert numbers(sights_of(shuffled, 1, False)) == [
        (2, 1, None), (3, 2, 1), (4, 3, 2), (5, 4, 3), (6, 5, 4), (None, 6, 5),
    ]  # fmt: skip
    assert names(shuffled) == names(instances)


def test_only_slices_with_both_neighbours_in_touch_are_settled() -> None:
    assert [one.settled for one in sights_of(stack([0, 5, 10, 20, 25, 30]), 1, False)] == [
        False, True, False, False, True, False,
    ]  # fmt: skip
    assert not any(one.settled for one in sights_of(stack(even(6), thickness=None), 1, False))
    # 2 mm slices every 5 mm: another may come between any two
    assert not any(one.settled for one in sights_of(stack(even(6), thickness=2), 1, False))


@pytest.mark.parametrize("late", range(2, 9))
def test_a_late_slice_in_the_middle_renews_itself_and_its_neighbours(late: int) -> None:
    whole = stack(even(9))
    early = [one for one in whole if one.header.instance_number != late]
    assert changed(names(early), names(whole)) == [late - 1, late, late + 1]


def test_other_bytes_in_one_slice_renew_three_readings() -> None:
    whole = stack(even(9))
    other = [replace(one, content_hash=ContentHash("f" * 64)) if at == 4 else one for at, one in enumerate(whole)]
    assert changed(names(whole), names(other)) == [4, 5, 6]


def test_two_slices_that_change_places_are_other_sights() -> None:
    whole = stack(even(3))
    swapped = stack([10.0, 5.0, 0.0])
    assert changed(names(whole), names(swapped)) == [1, 2, 3]


def test_what_lies_nowhere_is_read_with_nothing_beside_it() -> None:
    lost = replace(stack([0.0])[0], sop_uid="1.2.3.4.99")
    places = tuple(replace(place, position=None) for place in lost.header.slices)
    lost = replace(lost, header=replace(lost.header, instance_number=99, slices=places))
    assert numbers(sights_of([*stack(even(3)), lost], 1, False))[-1] == (None, 99, None)


def test_frames_of_one_file_are_neighbours_by_their_places() -> None:
    places = tuple(replace(place(5.0 * at), frame=at) for at in range(3))
    (whole,) = [replace(one, header=replace(one.header, slices=places[::-1])) for one in stack([0.0])]
    sights = sights_of([whole], 1, False)
    assert [one.slice.frame for one in sights] == [0, 1, 2]
    assert [one.above.frame if one.above else None for one in sights] == [1, 2, None]
    assert len({one.pixels_hash for one in sights}) == 3


@pytest.mark.parametrize(("facts", "damaged"), [
    (WRAPPED, True),
    (WRAPPED | {"intercept": None}, True),
    (WRAPPED | {"intercept": -99.0}, True),
    (WRAPPED | {"intercept": -1024.0}, False),
    (WRAPPED | {"signed": True}, False),
    (WRAPPED | {"bits_stored": 16}, False),
    ({}, False),
])  # fmt: skip
def test_what_looks_wrapped_is_told_by_the_header(facts: dict[str, object], damaged: bool) -> None:
    assert needs_repair(stack([0.0], **facts)[0].header) is damaged


@pytest.mark.parametrize("neighbours", [0, 1])
def test_mended_pixels_are_another_sight_and_only_where_they_are_mended(neighbours: int) -> None:
    honest, wrapped = stack(even(3)), stack(even(3), **WRAPPED)
    assert names(honest, neighbours, repair=True) == names(honest, neighbours)
    assert changed(names(wrapped, neighbours), names(wrapped, neighbours, repair=True)) == [1, 2, 3]


def slabs(sights: list[Sight]) -> list[list[int | None]]:
    """The others of each slab by instance number."""
    return [[place.instance.header.instance_number for place in one.slab] for one in sights]


def test_thin_slices_are_seen_as_slabs_and_thick_ones_alone() -> None:
    thin = [at * 1.5 for at in range(6)]
    sights = sights_of(stack(thin, thickness=1.5)[::-1], 0, False, 5.0)
    assert slabs(sights) == [[2], [1, 3], [2, 4], [3, 5], [4, 6], [5]]
    assert [one.settled for one in sights] == [False, False, True, True, False, False]
    assert [len(one.places) for one in sights] == [2, 3, 3, 3, 3, 2]
    for thick in (stack(even(6)), stack(even(6), thickness=None), stack(thin, thickness=2.5)):
        assert not any(slabs(sights_of(thick, 0, False, 5.0)))


def test_a_thick_slice_is_read_at_once_under_its_own_name() -> None:
    instances = stack(even(5))
    sights = sights_of(instances, 0, False, 5.0)
    assert all(one.settled for one in sights)
    assert [one.pixels_hash for one in sights] == [one.content_hash for one in instances]


def test_a_thin_slice_waits_for_what_may_still_come() -> None:
    (lone,) = sights_of(stack([0.0], thickness=1.0), 0, False, 5.0)
    assert not lone.settled and not lone.slab
    spread = sights_of(stack([0, 1, 2, 3, 4, 5, 8, 9, 10], thickness=1.0), 0, False, 5.0)
    assert [one.settled for one in spread] == [False, False, False, False, False, False, False, False, False]
    assert slabs(spread)[4] == [3, 4, 6] and slabs(spread)[6] == [8, 9]
    whole = sights_of(stack([float(at) for at in range(8)], thickness=1.0), 0, False, 5.0)
    assert [one.settled for one in whole] == [False, False, False, True, True, False, False, False]


@pytest.mark.parametrize("late", range(3, 8))
def test_a_late_thin_slice_renews_the_slabs_that_it_belongs_to(late: int) -> None:
    whole = stack([1.5 * at for at in range(9)], thickness=1.5)
    early = [one for one in whole if one.header.instance_number != late]
    before, after = ({one.slice.instance.sop_uid: one.pixels_hash for one in sights_of(some, 0, False, 5.0)}
                     for some in (early, whole))  # fmt: skip
    assert changed(before, after) == [late - 1, late, late + 1]


def test_a_slab_keeps_to_its_time_point() -> None:
    moments = [*range(5), *range(5)]
    instances = [
        replace(one, header=replace(one.header, time_point=str(at // 5)))
        for at, one in enumerate(stack([float(at) for at in moments], thickness=1.0))
    ]
    for sight in sights_of(instances, 0, False, 5.0):
        assert sight.slab and {one.instance.header.time_point for one in sight.slab} == {
            sight.slice.instance.header.time_point
        }
    middle = next(one for one in sights_of(instances, 0, False, 5.0) if one.slice.instance.header.instance_number == 3)
    assert slabs([middle]) == [[1, 2, 4, 5]]
