"""The order in which slices are scrolled, and what stands beside each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacks import ACROSS, DOWN, SERIES, even, instance, place, stack

from service.domain.ids import ContentHash, PackHash
from service.domain.scan import StoredInstance
from service.domain.verdict import Decision, SeriesConclusion, SliceScore, Verdict
from service.ledger.stacks import SeriesPile
from service.worklist.stack import Stack, stack_of

FLOOR = 0.1


def pile(instances: list[StoredInstance], conclusion: SeriesConclusion | None = None) -> SeriesPile:
    return SeriesPile(
        series_uid=SERIES, study_uid="1.2.3", modality="CT", description="Head", state="complete",
        instances=tuple(instances), conclusion=conclusion,
    )  # fmt: skip


def concluded(instances: list[StoredInstance], chances: list[float], keys: tuple[int, ...] = ()) -> SeriesConclusion:
    slices = tuple(
        SliceScore(
            sop_uid=one.sop_uid, frame=1, content_hash=one.content_hash,
            instance_number=one.header.instance_number, place_mm=5.0 * at, probability=chance, positive=chance > 0.4,
        )
        for at, (one, chance) in enumerate(zip(instances, chances, strict=True))
    )  # fmt: skip
    decision = Decision(rule="run", positive=True, sentence="", threshold=0.4, positive_slices=1, read_slices=1)
    return SeriesConclusion(
        series_uid=SERIES, verdict=Verdict.POSITIVE, probability=0.9, why="", pack_name="p", pack_version="1",
        pack_hash=PackHash("ab" * 32), evidence=None, suitability=(), decision=decision, slices=slices, key_slices=keys,
    )  # fmt: skip


def shown(instances: list[StoredInstance], conclusion: SeriesConclusion | None = None) -> Stack:
    return stack_of(pile(instances, conclusion), FLOOR)


def numbers(found: Stack) -> list[int | None]:
    return [one.instance_number for one in found.slices]


@given(st.permutations(range(8)))
def test_slices_ascend_along_the_normal_in_whatever_order_they_came(order: list[int]) -> None:
    instances = stack(even(8))
    found = shown([instances[at] for at in order])
    assert numbers(found) == list(range(1, 9))
    assert [one.place_mm for one in found.slices] == even(8)


def test_what_lies_nowhere_comes_last_by_its_number() -> None:
    lost = [instance(9, replace(place(0), position=None)), instance(7, replace(place(0), row_cosine=None))]
    scout = instance(8, place(0, axes=(ACROSS, DOWN)))
    found = shown([*lost, scout, *stack(even(5))])
    assert numbers(found) == [1, 2, 3, 4, 5, 7, 8, 9]
    assert [one.place_mm for one in found.slices[5:]] == [None, None, None]
    assert found.slices[5].sides == ("", "", "", "")
    assert found.slices[6].sides == ("R", "L", "H", "F")


def test_objects_without_pixels_are_no_slices() -> None:
    instances = stack(even(3))
    dose = replace(instances[1], header=replace(instances[1].header, has_pixels=False))
    assert numbers(shown([instances[0], dose, instances[2]])) == [1, 3]


def test_every_frame_of_one_object_has_a_name_of_its_own() -> None:
    frames = tuple(replace(place(5.0 * at), frame=at) for at in range(4))
    one = instance(1, None)
    whole = replace(one, header=replace(one.header, slices=frames[::-1]))
    found = shown([whole])
    assert [(each.frame, each.place_mm) for each in found.slices] == [(0, 0.0), (1, 5.0), (2, 10.0), (3, 15.0)]
    assert [each.name for each in found.slices] == [f"{whole.content_hash}-{at}" for at in range(4)]


def test_the_most_telling_key_slice_opens() -> None:
    instances = stack(even(5))
    found = shown(instances, concluded(instances, [0.1, 0.5, 0.9, 0.8, 0.2], keys=(3, 2)))
    assert found.start == 3
    assert found.keys == (3, 2)
    assert [one.key for one in found.slices] == [None, None, 2, 1, None]


def test_without_key_slices_the_most_probable_one_opens_and_unread_ones_the_middle() -> None:
    instances = stack(even(5))
    assert shown(instances, concluded(instances, [0.1, 0.2, 0.1, 0.3, 0.1])).start == 3
    assert shown(instances).start == 2
    assert (shown([]).start, shown([]).slices) == (0, ())


def test_scores_belong_to_their_slices_also_when_one_was_not_read() -> None:
    instances = stack(even(4))
    found = shown(instances, concluded([instances[0], instances[3]], [0.05, 0.7]))
    assert [one.score.probability if one.score else None for one in found.slices] == [0.05, None, None, 0.7]
    assert found.threshold == 0.4


def test_heat_is_named_where_there_is_some_and_by_what_it_is_made_from() -> None:
    instances = stack(even(3))
    conclusion = concluded(instances, [0.05, 0.1, 0.11])
    names = [one.heat for one in shown(instances, conclusion).slices]
    assert [bool(name) for name in names] == [False, False, True]
    refined = concluded(instances, [0.05, 0.1, 0.12])
    other_pack = replace(conclusion, pack_hash=PackHash("cd" * 32))
    assert len({names[2], *(shown(instances, one).slices[2].heat for one in (refined, other_pack))}) == 3


def test_the_stamp_changes_with_anything_that_is_shown() -> None:
    instances = stack(even(3))
    resent = [instances[0], replace(instances[1], content_hash=ContentHash("f" * 64)), instances[2]]
    stamps = {
        shown(one).stamp
        for one in (instances, instances[:2], resent, [instances[0], instance(2, place(5.1)), instances[2]])
    }
    assert len(stamps | {shown(instances, concluded(instances, [0.1, 0.2, 0.3])).stamp}) == 5
    assert shown(instances).stamp == shown(instances[::-1]).stamp


@pytest.mark.parametrize("tilt", [0.0, 20.0])
def test_letters_follow_the_orientation(tilt: float) -> None:
    assert shown(stack(even(3), tilt=tilt)).slices[0].sides == ("R", "L", "A", "P")
    prone = instance(1, place(0, axes=((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0))))
    assert shown([prone]).slices[0].sides == ("L", "R", "P", "A")
