"""The ledger's verbs in the order of a scan's walk, on a real SQLite file."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from service.domain.delivery import DeliveryState, ObjectKind, ResultObject
from service.domain.ids import AssociationId, ContentHash, PackHash, SeriesUid, SopUid, StudyUid
from service.domain.job import JobState
from service.domain.scan import (
    Arrival,
    Association,
    AssociationEnd,
    InstanceHeader,
    Patient,
    ReceivedInstance,
    StudyHeader,
)
from service.domain.series import Evidence, EvidenceKind
from service.domain.verdict import Priority, SeriesConclusion, StudyVerdict, Verdict
from service.errors import LeaseLost, StaleStudy
from service.ledger import arrivals, conclusions, jobs, outbox, scans
from service.ledger.book import Ledger, open_ledger
from service.ledger.tables import jobs as job_table
from service.ledger.tables import studies


@pytest.fixture
def ledger(tmp_path: Path):
    book = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield book
    book.close()


def instance(number: int, content: str | None = None, series: str = "1.2.3.1") -> ReceivedInstance:
    return ReceivedInstance(
        sop_uid=SopUid(f"{series}.{number}"),
        series_uid=SeriesUid(series),
        content_hash=ContentHash((content or f"{number:02x}").ljust(64, "0")),
        transfer_syntax="1.2.840.10008.1.2.1",
        size=10,
        association=AssociationId("a"),
        received_at=100.0 + number,
        patient=Patient(patient_id="P"),
        study=StudyHeader(study_uid=StudyUid("1.2.3")),
        header=InstanceHeader(modality="CT", sop_class="1.2.840.10008.5.1.4.1.1.2", instance_number=number),
    )


def arrive(ledger: Ledger, *numbers: int) -> None:
    arrivals.record(ledger, [instance(number) for number in numbers])


def complete(ledger: Ledger, now: float = 200.0) -> None:
    evidence = Evidence(kind=EvidenceKind.QUIET, received=2, expected=None, sentence="nothing came for 10 s")
    (glance,) = scans.open_series(ledger)
    assert scans.complete(ledger, glance, evidence, now)


def verdict(answer: Verdict = Verdict.POSITIVE, fingerprint: str = "f1") -> StudyVerdict:
    conclusion = SeriesConclusion(
        series_uid=SeriesUid("1.2.3.1"),
        verdict=answer,
        probability=0.9,
        why="5 slices above 0.5",
        pack_name="default",
        pack_version="1",
        pack_hash=PackHash("p"),
        evidence=None,
        suitability=(),
    )
    return StudyVerdict(
        study_uid=StudyUid("1.2.3"),
        verdict=answer,
        priority=Priority.HIGH if answer is Verdict.POSITIVE else Priority.LOW,
        probability=0.9,
        why="5 slices above 0.5",
        policy="any",
        leading_series=SeriesUid("1.2.3.1"),
        conclusions=(conclusion,),
        fingerprint=fingerprint,
        answer=answer.value,
    )


def publication(name: str = "9.1") -> conclusions.Publication:
    report = ResultObject(
        sop_uid=SopUid(name),
        sop_class="1.2.840.10008.5.1.4.1.1.88.34",
        series_uid="9",
        kind=ObjectKind.SR,
        content_hash="c" * 64,
        number=1,
    )
    return conclusions.Publication(answer="positive", objects=(report,))


def conclude(ledger: Ledger, outcome: StudyVerdict, published: conclusions.Publication | None) -> None:
    job = jobs.claim(ledger, "w", 30, 201.0)
    assert job is not None
    seen = conclusions.view(ledger, "1.2.3")
    conclusions.finish(
        ledger,
        job,
        conclusions.Outcome(seen=seen, verdict=outcome, publication=published, wanted={"pacs": ("sr",)}),
        202.0,
    )


def state_of_job(ledger: Ledger) -> str:
    with ledger.reading() as connection:
        return str(connection.scalar(job_table.select().with_only_columns(job_table.c.state)))


def study_row(ledger: Ledger):
    with ledger.reading() as connection:
        return connection.execute(studies.select()).one()


def test_same_bytes_are_a_duplicate_and_other_bytes_a_conflict(ledger: Ledger) -> None:
    assert arrivals.record(ledger, [instance(1), instance(1)]) == [Arrival.NEW, Arrival.DUPLICATE]
    assert arrivals.record(ledger, [instance(1, "ff")]) == [Arrival.CONFLICT]
    assert scans.view(ledger, "1.2.3.1").instances[0].content_hash.startswith("01")


def test_the_walk_ends_delivered_and_notified(ledger: Ledger) -> None:
    arrivals.open_association(
        ledger,
        Association(
            association=AssociationId("a"), calling_ae="CT1", called_ae="ICHOR", address="127.0.0.1", opened_at=99
        ),
    )
    arrive(ledger, 1, 2)
    assert study_row(ledger).state == "receiving"
    arrivals.close_association(ledger, "a", AssociationEnd.RELEASED, 110.0)
    (glance,) = scans.open_series(ledger)
    assert glance.association_ends == {AssociationEnd.RELEASED}
    complete(ledger)
    assert study_row(ledger).state == "waiting"
    conclude(ledger, verdict(), publication())
    assert (study_row(ledger).state, study_row(ledger).urgency) == ("delivering", 0)
    (delivery,) = outbox.due(ledger, 203.0, 30, 10)
    assert delivery.urgent
    assert outbox.due(ledger, 203.0, 30, 10) == []
    outbox.accepted(ledger, delivery, 204.0)
    assert (study_row(ledger).state, study_row(ledger).notified_at) == ("done", 204.0)


def test_a_slice_that_comes_while_the_job_runs_is_not_forgotten(ledger: Ledger) -> None:
    arrive(ledger, 1)
    job = jobs.claim(ledger, "w", 30, 150.0)
    assert job is not None
    arrive(ledger, 2)
    jobs.release(ledger, job, 151.0)
    assert state_of_job(ledger) == JobState.OFFERED


def test_a_released_job_waits_for_the_next_slice(ledger: Ledger) -> None:
    arrive(ledger, 1)
    job = jobs.claim(ledger, "w", 30, 150.0)
    assert job is not None
    jobs.release(ledger, job, 151.0)
    assert state_of_job(ledger) == JobState.WAITING
    assert jobs.claim(ledger, "w", 30, 152.0) is None
    arrive(ledger, 2)
    assert state_of_job(ledger) == JobState.OFFERED


def test_a_lost_lease_stops_the_first_worker(ledger: Ledger) -> None:
    arrive(ledger, 1)
    job = jobs.claim(ledger, "w1", 30, 150.0)
    assert job is not None
    assert jobs.rescue(ledger, 181.0, 5) == 1
    assert jobs.offer_due(ledger, 181.0) == 1
    assert jobs.claim(ledger, "w2", 30, 182.0) is not None
    with pytest.raises(LeaseLost):
        jobs.release(ledger, job, 183.0)


def test_a_dead_worker_is_rescued_before_its_lease_ends(ledger: Ledger) -> None:
    arrive(ledger, 1)
    assert jobs.claim(ledger, "host:1:9", 30, 150.0)
    assert jobs.rescue(ledger, 151.0, 5, ["host:1:9"]) == 1


def test_a_job_that_always_fails_is_given_up_and_shown(ledger: Ledger) -> None:
    arrive(ledger, 1)
    complete(ledger)
    for attempt in range(3):
        job = jobs.claim(ledger, "w", 30, 300.0 + attempt)
        assert job is not None
        now = 300.0 + attempt
        jobs.fail(ledger, job, jobs.Setback(error="boom", at=now, due_at=now, max_attempts=3))
        jobs.offer_due(ledger, 301.0 + attempt)
    assert state_of_job(ledger) == JobState.GIVEN_UP
    assert study_row(ledger).state == "failed"
    assert "boom" in study_row(ledger).why
    assert jobs.replay(ledger, "1.2.3", 400.0)
    assert state_of_job(ledger) == JobState.OFFERED


def test_a_conclusion_on_an_older_study_is_stale_and_leaves_nothing(ledger: Ledger) -> None:
    arrive(ledger, 1)
    complete(ledger)
    job = jobs.claim(ledger, "w", 30, 201.0)
    assert job is not None
    seen = conclusions.view(ledger, "1.2.3")
    outcome = conclusions.Outcome(seen=seen, verdict=verdict(), publication=publication(), wanted={"pacs": ("sr",)})
    conclusions.finish(ledger, job, outcome, 202.0)
    jobs.replay(ledger, "1.2.3", 203.0)
    again = jobs.claim(ledger, "w", 30, 204.0)
    assert again is not None
    with pytest.raises(StaleStudy):
        conclusions.finish(ledger, again, outcome, 205.0)
    assert state_of_job(ledger) == JobState.RUNNING


def test_publishing_the_same_inputs_twice_adds_nothing(ledger: Ledger) -> None:
    arrive(ledger, 1)
    complete(ledger)
    conclude(ledger, verdict(), publication())
    jobs.replay(ledger, "1.2.3", 203.0)
    conclude(ledger, verdict(), publication())
    assert len(outbox.due(ledger, 210.0, 30, 10)) == 1


def test_a_late_slice_reopens_and_completion_needs_a_fresh_look(ledger: Ledger) -> None:
    arrive(ledger, 1)
    (stale,) = scans.open_series(ledger)
    arrive(ledger, 2)
    evidence = Evidence(kind=EvidenceKind.QUIET, received=1, expected=None, sentence="quiet")
    assert not scans.complete(ledger, stale, evidence, 190.0)
    complete(ledger)
    conclude(ledger, verdict(), publication())
    arrive(ledger, 3)
    assert study_row(ledger).state == "receiving"
    assert study_row(ledger).verdict == "positive"
    assert state_of_job(ledger) == JobState.OFFERED


def test_refused_then_exhausted_then_retried_by_hand(ledger: Ledger) -> None:
    arrive(ledger, 1)
    complete(ledger)
    conclude(ledger, verdict(), publication())
    (first,) = outbox.due(ledger, 203.0, 30, 10)
    outbox.refused(ledger, first, "out of resources", 300.0, 203.5)
    assert outbox.due(ledger, 299.0, 30, 10) == []
    (second,) = outbox.due(ledger, 300.0, 30, 10)
    assert (second.attempt, second.state) == (1, DeliveryState.RETRYING)
    outbox.exhausted(ledger, second, "gave up", 301.0)
    assert study_row(ledger).state == "failed"
    assert outbox.retry(ledger, second.delivery_id, 302.0)
    (third,) = outbox.due(ledger, 303.0, 30, 10)
    with pytest.raises(LeaseLost):
        outbox.accepted(ledger, second, 304.0)
    outbox.accepted(ledger, third, 304.0)
    assert study_row(ledger).state == "done"


def test_commitment_proves_or_sends_again(ledger: Ledger) -> None:
    arrive(ledger, 1)
    complete(ledger)
    conclude(ledger, verdict(), publication())
    (delivery,) = outbox.due(ledger, 203.0, 30, 10)
    outbox.accepted(ledger, delivery, 204.0)
    request = outbox.ask_commitment(ledger, "pacs", "2.25.7", 264.0, 204.0)
    assert request is not None
    assert request.references == (("1.2.840.10008.5.1.4.1.1.88.34", "9.1", "9"),)
    assert outbox.ask_commitment(ledger, "pacs", "2.25.8", 264.0, 205.0) is None
    lost = outbox.CommitReport(transaction_uid="2.25.7", kept=[], lost={"9.1": "no such object"})
    outbox.commitment_report(ledger, lost, 206.0)
    (again,) = outbox.due(ledger, 207.0, 30, 10)
    outbox.accepted(ledger, again, 208.0)
    assert outbox.ask_commitment(ledger, "pacs", "2.25.9", 300.0, 209.0)
    outbox.commitment_report(ledger, outbox.CommitReport(transaction_uid="2.25.9", kept=["9.1"]), 210.0)
    assert outbox.ask_commitment(ledger, "pacs", "2.25.10", 400.0, 399.0) is None


def test_a_series_uid_used_in_two_studies_is_kept_aside(ledger: Ledger) -> None:
    arrive(ledger, 1)
    stray = replace(instance(2), study=StudyHeader(study_uid=StudyUid("9.9.9")))
    assert arrivals.record(ledger, [stray, instance(3)]) == [Arrival.CONFLICT, Arrival.NEW]
    with ledger.reading() as connection:
        found = {row.study_uid: row for row in connection.execute(studies.select())}
    assert found["1.2.3"].state == "receiving"
    assert (found["9.9.9"].state, found["9.9.9"].priority) == ("not_analysed", "MEDIUM")
    assert "kept aside" in found["9.9.9"].why


def test_a_study_whose_first_object_was_kept_aside_is_read_like_any_other(ledger: Ledger) -> None:
    arrive(ledger, 1)
    home = StudyHeader(study_uid=StudyUid("9.9.9"))
    arrivals.record(ledger, [replace(instance(2), study=home)])
    assert arrivals.record(ledger, [replace(instance(1, series="9.9"), study=home)]) == [Arrival.NEW]
    assert {one.study_uid for one in scans.open_series(ledger)} == {"1.2.3", "9.9.9"}


def test_a_commit_between_two_waits_is_noticed(ledger: Ledger) -> None:
    ledger.wait_for_change(0.0)
    assert not ledger.wait_for_change(0.01)
    arrive(ledger, 1)
    started = time.monotonic()
    assert ledger.wait_for_change(5.0)
    assert time.monotonic() - started < 2.0


def test_a_clock_set_back_by_an_hour_holds_up_no_delivery(ledger: Ledger) -> None:
    arrive(ledger, 1)
    complete(ledger)
    conclude(ledger, verdict(), publication())
    assert len(outbox.due(ledger, 203.0 - 3600, 30, 10)) == 1
    assert outbox.due(ledger, 204.0 - 3600, 30, 10) == []
    assert len(outbox.due(ledger, 204.0 - 7200, 30, 10)) == 1
