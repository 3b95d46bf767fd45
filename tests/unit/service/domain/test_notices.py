"""Who must hear of an answer, and the life of a notice."""

from __future__ import annotations

import pytest
from letters import news

from service.domain.notice import (
    NOTICE_TRANSITIONS,
    NoticeEvent,
    NoticeState,
    is_owed,
    is_wanted,
)
from service.domain.verdict import Priority, Verdict

POSITIVE, NEGATIVE, SKIPPED = Verdict.POSITIVE, Verdict.NEGATIVE, Verdict.NOT_ANALYSED
EVERYTHING = frozenset(Verdict)
FLAGGED = frozenset({POSITIVE})


@pytest.mark.parametrize(
    ("on", "told", "now", "owed"),
    [
        (FLAGGED, [], POSITIVE, True),
        (FLAGGED, [], NEGATIVE, False),
        (FLAGGED, [], SKIPPED, False),
        (EVERYTHING, [], SKIPPED, True),
        (EVERYTHING, [NEGATIVE], NEGATIVE, False),
        (FLAGGED, [POSITIVE], POSITIVE, False),
        (FLAGGED, [POSITIVE], NEGATIVE, True),
        (FLAGGED, [POSITIVE, NEGATIVE], SKIPPED, False),
        (FLAGGED, [POSITIVE, NEGATIVE], POSITIVE, True),
        (FLAGGED, [POSITIVE, NEGATIVE], NEGATIVE, False),
    ],
)
def test_a_target_hears_what_it_asked_for_and_each_correction_of_it(on, told, now, owed) -> None:
    assert is_owed(on, news(now), [news(one) for one in told]) is owed


def test_another_positive_series_is_news() -> None:
    assert is_owed(FLAGGED, news(answer="positive:2"), [news(answer="positive:1")])


def test_what_clearly_is_no_head_ct_is_nobodys_news() -> None:
    assert not is_wanted(EVERYTHING, SKIPPED, Priority.LOW)
    assert is_wanted(EVERYTHING, SKIPPED, Priority.MEDIUM)
    assert is_wanted(EVERYTHING, NEGATIVE, Priority.LOW)


def test_every_state_of_a_notice_can_be_reached_and_every_event_happens() -> None:
    found = {NoticeState.QUEUED}
    while more := {after for (before, _), after in NOTICE_TRANSITIONS.items() if before in found} - found:
        found |= more
    assert found == set(NoticeState)
    assert {event for _, event in NOTICE_TRANSITIONS} == set(NoticeEvent)


def test_what_was_overtaken_is_never_told_again_by_hand() -> None:
    assert (NoticeState.SUPERSEDED, NoticeEvent.RETRY) not in NOTICE_TRANSITIONS


@pytest.mark.parametrize("event", [NoticeEvent.ACCEPTED, NoticeEvent.REFUSED, NoticeEvent.EXHAUSTED])
def test_whoever_holds_a_notice_can_always_write_down_what_became_of_it(event: NoticeEvent) -> None:
    for state in (NoticeState.QUEUED, NoticeState.RETRYING, NoticeState.SUPERSEDED):
        assert (state, event) in NOTICE_TRANSITIONS
