"""Ledger verbs in any order, as two workers, a janitor, a sender and an operator may call them."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import stacks
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from
from sqlalchemy import select

from service.domain.delivery import DELIVERY_TRANSITIONS, HOUSE_FORMS, Dialect, ObjectKind, ResultObject
from service.domain.ids import AssociationId, ContentHash, PackHash, SeriesUid, SopUid, StudyUid
from service.domain.job import TRANSITIONS, Job, JobEvent, JobState
from service.domain.scan import Patient, ReceivedInstance, StudyHeader
from service.domain.series import Evidence, EvidenceKind, SeriesState
from service.domain.verdict import Priority, SeriesConclusion, StudyVerdict, Verdict
from service.errors import LeaseLost, StaleStudy
from service.ledger import arrivals, conclusions, jobs, outbox, scans, tables
from service.ledger.book import open_ledger

STUDY, SERIES = "1", ("1.1", "1.2")
SLICES = 3
#: two archives that want everything
WANTED = {"pacs": HOUSE_FORMS, "other": HOUSE_FORMS}
#: a verb may take a job through several states at once: every path of one or two steps, and the last one of a setback
STEPS: dict[str, set[str]] = {}
for (_before, _), _after in TRANSITIONS.items():
    STEPS.setdefault(_before, set()).add(_after)
WAYS = {one: near | {far for step in near for far in STEPS[step]} for one, near in STEPS.items()}
WAYS[JobState.RUNNING].add(TRANSITIONS[JobState.GIVEN_UP, JobEvent.ARRIVED])
SENDING: dict[str, set[str]] = {}
for (_was, _), _is in DELIVERY_TRANSITIONS.items():
    SENDING.setdefault(_was, set()).add(_is)


class Walk(RuleBasedStateMachine):
    """What must hold after each verb, whoever called it and however late."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = open_ledger(f"sqlite:///{Path(self.folder.name) / 'ledger.sqlite3'}")
        self.now, self.sent = 1000.0, dict.fromkeys(SERIES, 0)
        self.held: dict[str, tuple[Job, scans.SeriesView, conclusions.StudyView]] = {}
        self.parcels: list[Any] = []
        self.seen: dict[int, str] = {}
        self.shipped: dict[int, str] = {}
        #: the versions of the series whose last reading ended well
        self.read: dict[str, set[str]] = {one: set() for one in SERIES}

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    @rule(series=sampled_from(SERIES))
    def slice_arrives(self, series: str) -> None:
        if self.sent[series] == SLICES:
            return
        self.sent[series] += 1
        self.now += 1
        arrivals.record(self.ledger, [_received(series, self.sent[series], self.now)])

    @rule()
    def janitor_completes(self) -> None:
        self.now += 1
        for glance in scans.open_series(self.ledger):
            evidence = Evidence(kind=EvidenceKind.QUIET, received=1, expected=None, sentence="quiet")
            scans.complete(self.ledger, glance, evidence, self.now)

    @rule(worker=sampled_from("ab"))
    def worker_claims(self, worker: str) -> None:
        job = jobs.claim(self.ledger, worker, 30, self.now)
        if job:
            view = scans.view(self.ledger, job.series_uid)
            self.held[worker] = job, view, conclusions.view(self.ledger, STUDY)

    @rule(worker=sampled_from("ab"), good=booleans())
    def worker_ends(self, worker: str, good: bool) -> None:
        """A dead worker's last words may come at any time, after its job was taken from it as well."""
        if worker not in self.held:
            return
        job, view, seen = self.held.pop(worker)
        try:
            if not good:
                jobs.fail(self.ledger, job, self._setback(counts=True))
            elif view.complete:
                self._conclude(job, view, seen)
            else:
                jobs.release(self.ledger, job, self.now)
        except LeaseLost:
            pass
        except StaleStudy:
            jobs.fail(self.ledger, job, self._setback(counts=False))

    def _conclude(self, job: Job, view: scans.SeriesView, seen: conclusions.StudyView) -> None:
        verdict = _verdict(seen, view)
        conclusions.finish(
            self.ledger,
            job,
            conclusions.Outcome(seen=seen, verdict=verdict, publication=_published(verdict), wanted=WANTED),
            self.now,
        )
        self.read[view.series_uid] = {one.sop_uid for one in view.instances}

    def _setback(self, *, counts: bool) -> jobs.Setback:
        return jobs.Setback(error="boom", at=self.now, due_at=self.now, max_attempts=2, counts=counts)

    @rule(seconds=integers(0, 60), dead=sampled_from(["", "a", "b"]))
    def janitor_rescues(self, seconds: int, dead: str) -> None:
        self.now += seconds
        jobs.rescue(self.ledger, self.now, 2, [dead] if dead else [])
        jobs.offer_due(self.ledger, self.now)

    @precondition(lambda self: any(self.sent.values()))
    @rule()
    def operator_replays(self) -> None:
        assert jobs.replay(self.ledger, STUDY, self.now)

    @rule()
    def sender_leases(self) -> None:
        self.parcels += outbox.due(self.ledger, self.now, 10, 2)

    @rule(taken=booleans())
    def sender_ends(self, taken: bool) -> None:
        if not self.parcels:
            return
        parcel = self.parcels.pop()
        try:
            if taken:
                outbox.accepted(self.ledger, parcel, self.now)
            else:
                outbox.refused(self.ledger, parcel, "full", self.now, self.now)
        except LeaseLost:
            pass

    @rule(number=integers(1, 4))
    def operator_retries(self, number: int) -> None:
        outbox.retry(self.ledger, number, self.now)

    @rule(number=integers(1, 3), said=sampled_from(["kept", "lost", "doubted"]))
    def archive_reports(self, number: int, said: str) -> None:
        request = outbox.ask_commitment(self.ledger, "pacs", f"2.25.{number}", self.now + 5, self.now)
        uids = dict.fromkeys((one.sop_uid for one in request.references) if request else ["no such object"], "why")
        words = {"kept": (), "lost": {}, "doubted": {}} | {said: uids}
        outbox.commitment_report(self.ledger, outbox.CommitReport(transaction_uid=f"2.25.{number}", **words), self.now)

    def rows(self, table: Any) -> list[Any]:
        with self.ledger.reading() as connection:
            return list(connection.execute(select(table)))

    @invariant()
    def jobs_move_by_the_table(self) -> None:
        for job in self.rows(tables.jobs):
            before = self.seen.get(job.id, job.state)
            assert job.state == before or job.state in WAYS[before], (before, job.state)
            assert (job.state == JobState.RUNNING) == (job.lease is not None) == (job.lease_until is not None)
            self.seen[job.id] = job.state

    @invariant()
    def deliveries_move_by_the_table(self) -> None:
        for row in self.rows(tables.deliveries):
            before = self.shipped.get(row.id, row.state)
            near = SENDING.get(before, set())
            assert row.state == before or row.state in near | {far for one in near for far in SENDING[one]}
            self.shipped[row.id] = row.state

    @invariant()
    def nothing_that_came_is_forgotten(self) -> None:
        """A whole series with something unread has a job that will run, or one that a person is told of."""
        states = {row.series_uid: row.state for row in self.rows(tables.jobs)}
        came: dict[str, set[str]] = {}
        for row in self.rows(tables.instances):
            came.setdefault(row.series_uid, set()).add(row.sop_uid)
        for row in self.rows(tables.series):
            if row.state == SeriesState.COMPLETE and came[row.series_uid] != self.read[row.series_uid]:
                assert states[row.series_uid] not in (JobState.DONE, JobState.WAITING), states

    @invariant()
    def the_study_says_what_its_parts_do(self) -> None:
        for study in self.rows(tables.studies):
            states = {row.state for row in self.rows(tables.jobs)}
            if any(row.state == SeriesState.OPEN for row in self.rows(tables.series)):
                assert study.state == "receiving"
            elif JobState.RUNNING in states:
                assert study.state == "reading"
            elif states & {JobState.OFFERED, JobState.RETRYABLE}:
                assert study.state == "waiting"
            elif JobState.GIVEN_UP in states:
                assert study.state == "failed"
            sets = [row.id for row in self.rows(tables.result_sets)]
            assert (study.published_set in sets) if sets else study.published_set is None


def _received(series: str, number: int, now: float) -> ReceivedInstance:
    return ReceivedInstance(
        sop_uid=SopUid(f"{series}.{number}"),
        series_uid=SeriesUid(series),
        content_hash=ContentHash(f"{series[-1]}{number}".ljust(64, "0")),
        transfer_syntax="1.2.840.10008.1.2.1",
        size=1,
        association=AssociationId("a"),
        received_at=now,
        patient=Patient(),
        study=StudyHeader(study_uid=StudyUid(STUDY)),
        header=stacks.instance(1, stacks.place(0.0)).header,
    )


def _conclusion(view: scans.SeriesView) -> SeriesConclusion:
    return SeriesConclusion(
        series_uid=view.series_uid,
        verdict=Verdict.POSITIVE,
        probability=0.9,
        why=f"{len(view.instances)} slices",
        pack_name="default",
        pack_version="1",
        pack_hash=PackHash("p"),
        evidence=None,
        suitability=(),
    )


def _verdict(seen: conclusions.StudyView, view: scans.SeriesView) -> StudyVerdict:
    together = seen.conclusions | {view.series_uid: _conclusion(view)}
    name = "|".join(f"{uid}:{together[uid].why}" for uid in sorted(together))
    return StudyVerdict(
        study_uid=StudyUid(STUDY),
        verdict=Verdict.POSITIVE,
        priority=Priority.HIGH,
        probability=0.9,
        why="bleed",
        policy="any",
        leading_series=view.series_uid,
        conclusions=tuple(together[uid] for uid in sorted(together)),
        fingerprint=name,
        answer=name,
    )


def _published(verdict: StudyVerdict) -> conclusions.Publication:
    report = ResultObject(
        sop_uid=SopUid(f"9.{verdict.fingerprint}"),
        sop_class="1.2.840.10008.5.1.4.1.1.88.34",
        series_uid="9",
        kind=ObjectKind.SR,
        content_hash="c" * 64,
        number=1,
        dialect=Dialect.TID1500,
    )
    other = replace(report, sop_uid=SopUid(f"8.{verdict.fingerprint}"), number=2, kind=ObjectKind.SC, dialect=None)
    return conclusions.Publication(answer=verdict.answer, verdict=verdict, objects=(report, other))


TestEveryInterleaving = Walk.TestCase
TestEveryInterleaving.settings = settings(max_examples=15, stateful_step_count=40, deadline=None, derandomize=True)
