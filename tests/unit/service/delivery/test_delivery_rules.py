"""When to try again and when to stop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery import answers, rules
from service.delivery.commit import references_of
from service.dicom.statuses import Status
from service.ledger.outbox import CommitRequest, SentObject
from service.settings import DeliverySettings

SETTINGS = DeliverySettings(first_pause_seconds=5, longest_pause_seconds=900, give_up_after_hours=72)


@pytest.mark.parametrize(("attempt", "pause"), [(0, 5), (1, 10), (2, 20), (7, 640), (8, 900), (500, 900)])
def test_pause_doubles_to_the_cap(attempt: int, pause: float) -> None:
    assert rules.next_pause(attempt, SETTINGS, 0.5) == pytest.approx(pause)


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_pause_stays_within_jitter_and_cap(attempt: int, jitter: float) -> None:
    pause = rules.next_pause(attempt, SETTINGS, jitter)
    plain = rules.next_pause(attempt, SETTINGS, 0.5)
    assert 0 < pause <= SETTINGS.longest_pause_seconds
    assert 0.8 * plain - 1e-9 <= pause <= 1.2 * plain + 1e-9


def test_jitter_really_moves_the_pause() -> None:
    assert rules.next_pause(0, SETTINGS, 0.0) == pytest.approx(4)
    assert rules.next_pause(0, SETTINGS, 0.999999) == pytest.approx(6, abs=0.001)


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_positive_never_waits_more_than_a_minute_for_a_peer_that_may_be_back(failures: int, jitter: float) -> None:
    assert rules.rest_of(failures, SETTINGS, jitter) <= 60


@pytest.mark.parametrize(("hours", "exhausted"), [(0, False), (71.99, False), (72, True), (1000, True)])
def test_gives_up_by_age_not_by_count(hours: float, exhausted: bool) -> None:
    assert rules.is_exhausted(1000.0, 1000.0 + hours * 3600, SETTINGS) is exhausted


def test_commitment_is_hopeless_after_a_day() -> None:
    assert not rules.is_commitment_hopeless(0)
    assert not rules.is_commitment_hopeless(24 * 3600 - 1)
    assert rules.is_commitment_hopeless(24 * 3600)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.OUT_OF_RESOURCES, "pacs refused with 'out of resources (A700H)': free some space there"),
        (Status.OUT_OF_RESOURCES + 2, "free some space there"),
        (Status.NOT_AUTHORIZED, "allow the node's AE title to store there"),
        (Status.CANNOT_UNDERSTAND + 17, answers.LOOK_INTO_LOG),
        (0x1234, "status 1234H"),
    ],
)
def test_refusal_says_status_and_mend(status: int, words: str) -> None:
    assert words in answers.refusal("pacs", status)


def test_success_has_no_warning_and_a_warning_has_words() -> None:
    assert answers.warning("pacs", Status.SUCCESS) == ""
    assert answers.warning("pacs", Status.COERCED) == "pacs took it with a warning: coerced (B000H)"


def test_request_names_the_transaction_and_every_object() -> None:
    request = CommitRequest(
        transaction_uid="2.25.1",
        destination="pacs",
        study_uid="1",
        waited=0,
        references=(SentObject("1.2.3", "4.5", "4"), SentObject("1.2.3", "4.6", "4")),
    )
    information = references_of(request)
    assert information.TransactionUID == "2.25.1"
    assert [one.ReferencedSOPInstanceUID for one in information.ReferencedSOPSequence] == ["4.5", "4.6"]
