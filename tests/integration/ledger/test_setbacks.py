"""What counts against a job and what does not; nothing that came is left unread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stacks

from service.domain.ids import AssociationId, ContentHash, SeriesUid, SopUid, StudyUid
from service.domain.job import Job, JobState
from service.domain.scan import Patient, ReceivedInstance, StudyHeader
from service.ledger import arrivals, jobs
from service.ledger.book import Ledger, open_ledger
from service.ledger.tables import jobs as job_table


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    book = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield book
    book.close()


def arrive(ledger: Ledger, number: int) -> None:
    one = ReceivedInstance(
        sop_uid=SopUid(f"1.1.{number}"),
        series_uid=SeriesUid("1.1"),
        content_hash=ContentHash(f"{number:064x}"),
        transfer_syntax="1.2.840.10008.1.2.1",
        size=1,
        association=AssociationId("a"),
        received_at=100.0,
        patient=Patient(),
        study=StudyHeader(study_uid=StudyUid("1")),
        header=stacks.instance(1, stacks.place(0.0)).header,
    )
    arrivals.record(ledger, [one])


def claim(ledger: Ledger) -> Job:
    jobs.offer_due(ledger, 1e6)
    job = jobs.claim(ledger, "w", 30, 1e6)
    assert job is not None
    return job


def setback(*, counts: bool = True, pause: float = 0.0) -> jobs.Setback:
    return jobs.Setback(error="boom", at=200.0, due_at=200.0 + pause, max_attempts=3, counts=counts)


def state_and_attempt(ledger: Ledger) -> tuple[str, int]:
    with ledger.reading() as connection:
        row = connection.execute(job_table.select()).one()
    return row.state, row.attempt


def test_a_setback_that_is_not_the_scans_fault_is_never_its_last(ledger: Ledger) -> None:
    arrive(ledger, 1)
    assert jobs.fail(ledger, claim(ledger), setback()) is JobState.RETRYABLE
    for _ in range(9):
        assert jobs.fail(ledger, claim(ledger), setback(counts=False)) is JobState.OFFERED
    assert jobs.fail(ledger, claim(ledger), setback(counts=False, pause=60.0)) is JobState.RETRYABLE
    assert state_and_attempt(ledger) == (JobState.RETRYABLE, 1)


def test_a_slice_that_came_during_the_last_attempt_is_still_read(ledger: Ledger) -> None:
    arrive(ledger, 1)
    for _ in range(2):
        jobs.fail(ledger, claim(ledger), setback())
    job = claim(ledger)
    arrive(ledger, 2)
    assert jobs.fail(ledger, job, setback()) is JobState.OFFERED
    assert state_and_attempt(ledger) == (JobState.OFFERED, 0)
    for _ in range(2):
        jobs.fail(ledger, claim(ledger), setback())
    assert jobs.fail(ledger, claim(ledger), setback()) is JobState.GIVEN_UP
