"""Which evidence completes a series, when, and in which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacks import even, instance, place, real_series, stack

from service.assembly.rules import SeriesFacts, Visits, ask_at, facts_of, judge, next_check_at
from service.domain.scan import AssociationEnd, StoredInstance
from service.domain.series import Evidence, EvidenceKind
from service.settings import CompletionSettings

SETTINGS = CompletionSettings(quiet_seconds=10, settle_seconds=0.5, head_extent_mm=100)
LAST, CLOSED = 1000.0, 1001.0
OPEN, RELEASED = frozenset({AssociationEnd.OPEN}), frozenset({AssociationEnd.RELEASED})
ABORTED, LOST = frozenset({AssociationEnd.ABORTED}), frozenset({AssociationEnd.LOST})
HEAD = stack(even(40))


def facts(
    instances: list[StoredInstance] = HEAD, ends: frozenset[AssociationEnd] = RELEASED, queried: int | None = None
) -> SeriesFacts:
    closed = None if ends == OPEN else CLOSED
    return facts_of(instances, Visits(ends=ends, last_arrival_at=LAST, last_closed_at=closed), queried)


def evidence(given_facts: SeriesFacts, now: float) -> Evidence:
    found = judge(given_facts, SETTINGS, now)
    assert found is not None
    return found


def test_the_announced_count_completes_at_once_even_while_the_sender_talks() -> None:
    found = evidence(facts(stack(even(40), series_related_instances=40), OPEN), LAST)
    assert (found.kind, found.received, found.expected) == (EvidenceKind.ANNOUNCED, 40, 40)
    assert found.sentence == "40 of 40 announced by the sender"


def test_a_series_that_is_all_there_need_not_wait_for_its_check() -> None:
    assert next_check_at(facts(stack(even(40), series_related_instances=40), OPEN), SETTINGS) <= LAST


def test_more_announced_than_came_waits_for_the_quiet_timer_and_is_named() -> None:
    missing_two = facts(stack(even(38), series_related_instances=40))
    assert judge(missing_two, SETTINGS, LAST + 9.9) is None
    found = evidence(missing_two, LAST + 10)
    assert (found.kind, found.expected) == (EvidenceKind.QUIET, 40)
    assert "nothing came for 10 s; 38 of 40 announced" in found.sentence


def test_the_peers_count_completes_when_the_sender_has_left() -> None:
    assert judge(facts(ends=OPEN, queried=40), SETTINGS, LAST + 5) is None
    found = evidence(facts(queried=40), CLOSED + 0.5)
    assert (found.kind, found.sentence) == (EvidenceKind.QUERIED, "40 of 40 counted by the query peer")


@pytest.mark.parametrize("exceeded", [
    facts(stack(even(41), series_related_instances=40), OPEN),
    facts(stack(even(12)), RELEASED, queried=11),
])  # fmt: skip
def test_a_count_that_was_exceeded_is_no_evidence(exceeded: SeriesFacts) -> None:
    assert judge(exceeded, SETTINGS, CLOSED + 5) is None


def test_a_peer_that_has_more_outweighs_the_announcement() -> None:
    both = facts(stack(even(38), series_related_instances=38), RELEASED, queried=40)
    assert judge(both, SETTINGS, CLOSED + 5) is None
    assert "38 of 40 counted by the query peer" in evidence(both, LAST + 10).sentence


def test_images_in_acquisition_complete_only_a_matching_stack_without_gap() -> None:
    whole = facts(stack(even(12), images_in_acquisition=12, acquisition_number=1))
    found = evidence(whole, CLOSED + 0.5)
    assert (found.kind, found.expected) == (EvidenceKind.ANNOUNCED, None)
    assert found.sentence == "12 of 12 images of the acquisition"
    holed = [one for one in stack(even(13), images_in_acquisition=12) if one.header.instance_number != 6]
    assert judge(facts(holed), SETTINGS, CLOSED + 0.5) is None


def test_images_in_acquisition_shared_with_another_series_only_delay() -> None:
    thick = facts(stack(even(40), images_in_acquisition=320))
    assert judge(thick, SETTINGS, CLOSED + 5) is None
    assert "40 of 320 images of the acquisition" in evidence(thick, LAST + 10).sentence


def test_acquisitions_are_summed() -> None:
    first = [instance(at, None, acquisition_number=1, images_in_acquisition=20) for at in range(20)]
    second = [instance(20 + at, None, acquisition_number=2, images_in_acquisition=10) for at in range(10)]
    assert facts([*first, *second]).acquired == 30
    assert facts([*first, instance(99, None)]).acquired is None


def test_a_released_association_with_touching_slices_is_enough() -> None:
    assert judge(facts(), SETTINGS, CLOSED + 0.4) is None
    found = evidence(facts(), CLOSED + 0.5)
    assert found.kind is EvidenceKind.CONTIGUOUS
    assert found.sentence == "association released, 40 slices touch, even spacing of 5 mm"


@pytest.mark.parametrize("ends", [OPEN, ABORTED, LOST, RELEASED | ABORTED, RELEASED | OPEN])
def test_any_association_not_released_takes_the_quiet_timer(ends: frozenset[AssociationEnd]) -> None:
    assert judge(facts(ends=ends), SETTINGS, CLOSED + 5) is None
    assert evidence(facts(ends=ends), LAST + 10).kind is EvidenceKind.QUIET


@pytest.mark.parametrize(("ends", "words"), [
    (OPEN, "an association is still open"),
    (ABORTED, "an association was aborted"),
    (LOST, "an association was lost when the node stopped"),
])  # fmt: skip
def test_a_bad_end_is_named(ends: frozenset[AssociationEnd], words: str) -> None:
    assert words in evidence(facts(ends=ends), LAST + 10).sentence


@pytest.mark.parametrize("part", [
    pytest.param([one for one in HEAD if one.header.instance_number != 18], id="a gap"),
    pytest.param(HEAD[:20], id="half a head"),
    pytest.param(HEAD[10:], id="numbering starts late"),
    pytest.param([*HEAD[:39], instance(45, HEAD[39].header.slices[0])], id="numbers broken"),
    pytest.param(stack(even(40), thickness=1.0), id="thin slices far apart"),
    pytest.param(stack(even(40), thickness=None), id="no thickness"),
])  # fmt: skip
def test_what_may_be_a_part_waits_for_the_quiet_timer(part: list[StoredInstance]) -> None:
    assert judge(facts(part), SETTINGS, CLOSED + 8.9) is None
    assert evidence(facts(part), LAST + 10).kind is EvidenceKind.QUIET


def test_the_quiet_timer_names_the_gap() -> None:
    part = [one for one in HEAD if one.header.instance_number != 18]
    found = evidence(facts(part), LAST + 10)
    assert found.sentence.startswith("nothing came for 10 s")
    assert "gap after slice 17: 10.0 mm where 5.0 mm is usual, about 1 missing" in found.sentence
    assert len(found.gaps) == 1


def test_overlapping_slices_hide_a_missing_one_but_its_number_does_not() -> None:
    part = [one for one in stack(even(80, 2.5)) if one.header.instance_number != 18]
    assert facts(part).geometry.gaps == ()
    assert "1 instance number is missing" in evidence(facts(part), LAST + 10).sentence


def test_many_gaps_are_counted_in_the_sentence_and_kept_whole_in_the_evidence() -> None:
    part = [one for one in stack(even(90)) if one.header.instance_number % 15]
    found = evidence(facts(part), LAST + 10)
    assert len(found.gaps) == 5
    assert "2 more gaps" in found.sentence


@pytest.mark.parametrize(("members", "words"), [
    ([instance(1, None, modality="SR")], "1 object that is no stack of slices"),
    (stack(even(2), image_type=("ORIGINAL", "PRIMARY", "LOCALIZER")), "2 objects that are no stack of slices"),
])  # fmt: skip
def test_what_is_no_stack_is_whole_as_it_came(members: list[StoredInstance], words: str) -> None:
    found = evidence(facts(members), CLOSED + 0.5)
    assert found.sentence == f"association released, {words}"


def test_the_real_tilted_head_is_whole_and_its_oddities_are_named() -> None:
    found = evidence(facts(real_series("ge-tilt-head")), CLOSED + 0.5)
    assert found.kind is EvidenceKind.CONTIGUOUS
    assert found.sentence == (
        "association released, 28 slices touch, uneven spacing (1.1, 4, 7 mm); "
        "gantry tilted 18.5 degrees; padding value -1500"
    )


def test_compression_with_loss_is_named_whatever_the_syntax() -> None:
    some = [*stack(even(24)), instance(25, place(120.0), lossy=True)]
    assert evidence(facts(some), CLOSED + 0.5).sentence.endswith("; 1 of 25 compressed with loss")


def test_reformats_are_not_called_tilted() -> None:
    assert "tilted" not in evidence(facts(real_series("taichi-toshiba-lspine-deid/cor")), LAST + 10).sentence


def test_a_clock_set_back_delays_but_never_blocks() -> None:
    waiting = facts(ends=OPEN)
    assert evidence(waiting, LAST - 3600).kind is EvidenceKind.QUIET
    assert judge(waiting, SETTINGS, LAST - 5) is None
    assert evidence(waiting, LAST - 5 + 2 * SETTINGS.quiet_seconds)


def test_a_peer_is_asked_once_the_sender_has_left_and_nobody_named_a_count() -> None:
    assert ask_at(facts(), SETTINGS) == CLOSED + 0.5
    assert ask_at(facts(ends=OPEN), SETTINGS) is None
    assert ask_at(facts(queried=40), SETTINGS) is None
    assert ask_at(facts(queried=39), SETTINGS) == CLOSED + 0.5
    assert ask_at(facts(stack(even(38), series_related_instances=40)), SETTINGS) is None


series_facts = st.builds(
    facts,
    st.builds(
        lambda number, dropped, announced, acquired: [
            one
            for one in stack(even(number), series_related_instances=announced, images_in_acquisition=acquired)
            if one.header.instance_number != dropped
        ],
        st.integers(2, 32),
        st.integers(0, 32),
        st.none() | st.integers(1, 34),
        st.none() | st.integers(1, 34),
    ),
    st.sets(st.sampled_from(AssociationEnd), min_size=1).map(frozenset),
    st.none() | st.integers(1, 34),
)


@given(series_facts, st.floats(0, 30))
def test_nothing_changes_before_the_next_check_and_all_ends_with_quiet(given_facts: SeriesFacts, wait: float) -> None:
    now, check = LAST + wait, next_check_at(given_facts, SETTINGS)
    found = judge(given_facts, SETTINGS, now)
    assert (found is not None) == (now >= check)
    if wait >= SETTINGS.quiet_seconds:
        assert found is not None


@given(series_facts)
def test_a_complete_series_stays_complete_while_nothing_happens(given_facts: SeriesFacts) -> None:
    check = max(next_check_at(given_facts, SETTINGS), LAST)
    kinds = {evidence(given_facts, check + wait).kind for wait in (0, 1, 100)}
    assert len(kinds) == 1


@given(series_facts)
def test_only_the_quiet_timer_completes_less_than_was_announced(given_facts: SeriesFacts) -> None:
    found = evidence(given_facts, max(next_check_at(given_facts, SETTINGS), LAST))
    if given_facts.expected and given_facts.received < given_facts.expected:
        assert found.kind is EvidenceKind.QUIET
        assert f"of {given_facts.expected} " in found.sentence
