"""The transition tables: what is in them leads somewhere, what is not in them cannot happen."""

from __future__ import annotations

import pytest

from service.domain.delivery import DELIVERY_TRANSITIONS, DeliveryEvent, DeliveryState
from service.domain.job import TRANSITIONS, JobEvent, JobState, sources


def reachable(start, table) -> set[object]:
    found, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        news = {after for (before, _), after in table.items() if before is here} - found
        found |= news
        waiting += news
    return found


def test_every_state_of_a_job_can_be_reached_and_left() -> None:
    assert reachable(JobState.OFFERED, TRANSITIONS) == set(JobState)
    assert {before for before, _ in TRANSITIONS} == set(JobState)
    assert {event for _, event in TRANSITIONS} == set(JobEvent)


def test_every_state_of_a_job_can_end_done() -> None:
    for state in JobState:
        assert JobState.DONE in reachable(state, TRANSITIONS), state


def test_only_a_running_job_finishes_and_a_claim_needs_an_offer() -> None:
    assert sources(JobEvent.FINISH) == {JobState.RUNNING: JobState.DONE}
    assert sources(JobEvent.CLAIM) == {JobState.OFFERED: JobState.RUNNING}


@pytest.mark.parametrize("state", [JobState.WAITING, JobState.DONE, JobState.GIVEN_UP])
def test_a_late_slice_wakes_every_job_at_rest(state: JobState) -> None:
    assert sources(JobEvent.ARRIVED)[state] is JobState.OFFERED


def test_a_late_slice_takes_no_job_from_its_worker() -> None:
    assert JobState.RUNNING not in sources(JobEvent.ARRIVED)


def test_a_lost_lease_and_a_failure_lead_to_another_try() -> None:
    assert TRANSITIONS[JobState.RUNNING, JobEvent.LEASE_LOST] is JobState.RETRYABLE
    assert TRANSITIONS[JobState.RUNNING, JobEvent.FAIL] is JobState.RETRYABLE
    assert set(sources(JobEvent.DUE)) == {JobState.RETRYABLE}


def test_every_state_of_a_delivery_can_be_reached_and_only_a_person_leaves_committed() -> None:
    assert reachable(DeliveryState.QUEUED, DELIVERY_TRANSITIONS) == set(DeliveryState)
    assert {event for _, event in DELIVERY_TRANSITIONS} == set(DeliveryEvent)
    assert {event for before, event in DELIVERY_TRANSITIONS if before is DeliveryState.COMMITTED} <= {
        DeliveryEvent.RETRY
    }


def test_a_dead_delivery_comes_back_only_by_hand() -> None:
    events = {event for before, event in DELIVERY_TRANSITIONS if before is DeliveryState.DEAD}
    assert events == {DeliveryEvent.RETRY}
