"""Reading jobs: claimed under a lease, released, finished, failed, rescued; all by the transition table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, case, select, update

from service.domain.delivery import DELIVERY_TRANSITIONS, DeliveryEvent, DeliveryState
from service.domain.ids import JobId, SeriesUid, StudyUid
from service.domain.job import TRANSITIONS, Job, JobEvent, JobState, sources
from service.errors import LeaseLost
from service.ledger.book import Ledger
from service.ledger.studies import note, refresh_state
from service.ledger.tables import deliveries, jobs, series, studies


def claim(ledger: Ledger, worker: str, lease_seconds: float, now: float) -> Job | None:
    """Take the next job: whole series before arriving ones, positive studies' before others, then the oldest."""
    with ledger.writing() as connection:
        row = connection.execute(
            select(jobs.c.id, jobs.c.series_uid, jobs.c.study_uid, jobs.c.attempt, series.c.version)
            .join(series, series.c.series_uid == jobs.c.series_uid)
            .where(jobs.c.state == JobState.OFFERED)
            .order_by(jobs.c.rank, jobs.c.offered_at, jobs.c.id)
            .limit(1)
            .with_for_update(skip_locked=True, of=jobs)
        ).first()
        if row is None:
            return None
        lease = uuid4().hex
        connection.execute(
            update(jobs)
            .where(jobs.c.id == row.id)
            .values(
                state=TRANSITIONS[JobState.OFFERED, JobEvent.CLAIM],
                lease=lease,
                worker=worker,
                lease_until=now + lease_seconds,
                claimed_version=row.version,
            )
        )
        refresh_state(connection, row.study_uid)
        return Job(
            job_id=JobId(row.id),
            series_uid=SeriesUid(row.series_uid),
            study_uid=StudyUid(row.study_uid),
            version=row.version,
            attempt=row.attempt,
            lease=lease,
        )


def heartbeat(ledger: Ledger, job: Job, lease_until: float) -> None:
    """Keep the lease alive, or learn that it is lost."""
    with ledger.writing() as connection:
        require_lease(connection, job)
        connection.execute(update(jobs).where(jobs.c.id == job.job_id).values(lease_until=lease_until))


def require_lease(connection: Connection, job: Job) -> None:
    """Stop a worker whose job was taken over; two workers never finish one job."""
    held = connection.scalar(
        select(jobs.c.id).where(jobs.c.id == job.job_id, jobs.c.lease == job.lease, jobs.c.state == JobState.RUNNING)
    )
    if held is None:
        raise LeaseLost(f"job {job.job_id} belongs to another worker now")


def release(ledger: Ledger, job: Job, now: float) -> None:
    """All that came is read and the series is still open: wait, unless something came meanwhile."""
    with ledger.writing() as connection:
        require_lease(connection, job)
        settle(connection, job, JobEvent.RELEASE, now)
        refresh_state(connection, job.study_uid)


def settle(connection: Connection, job: Job, event: JobEvent, now: float) -> None:
    """End a run in good order; offer the job again when the series moved on while it ran."""
    state = TRANSITIONS[JobState.RUNNING, event]
    moved_on = connection.scalar(select(series.c.version).where(series.c.series_uid == job.series_uid)) != job.version
    if moved_on:
        state = TRANSITIONS[state, JobEvent.ARRIVED]
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job.job_id)
        .values(state=state, lease=None, worker=None, lease_until=None, attempt=0, error="", offered_at=now)
    )


@dataclass(frozen=True, kw_only=True)
class Setback:
    """Why a run ended badly, and when it may be tried again."""

    error: str
    at: float
    due_at: float
    max_attempts: int
    event: JobEvent = JobEvent.FAIL
    #: False when the scan is not to blame: another series was faster, or the disk is full
    counts: bool = True


def fail(ledger: Ledger, job: Job, setback: Setback) -> JobState:
    """Write down what went wrong; try again later, or give up when that was the last attempt."""
    with ledger.writing() as connection:
        require_lease(connection, job)
        return _set_back(connection, job.job_id, setback)


def rescue(ledger: Ledger, now: float, max_attempts: int, dead_workers: Collection[str] = ()) -> int:
    """Take jobs back from workers that show no life; a job that kills its workers is given up in the end."""
    lost = (jobs.c.lease_until < now) | jobs.c.worker.in_(list(dead_workers))
    error = "the worker showed no sign of life"
    setback = Setback(event=JobEvent.LEASE_LOST, error=error, at=now, due_at=now, max_attempts=max_attempts)
    with ledger.writing() as connection:
        rows = connection.execute(select(jobs.c.id).where(jobs.c.state == JobState.RUNNING, lost)).all()
        for row in rows:
            _set_back(connection, row.id, setback)
        return len(rows)


def _set_back(connection: Connection, job_id: int, setback: Setback) -> JobState:
    row = connection.execute(
        select(jobs, series.c.version).join(series, series.c.series_uid == jobs.c.series_uid).where(jobs.c.id == job_id)
    ).one()
    attempt = row.attempt + setback.counts
    state = _after(setback, attempt, moved_on=row.version != row.claimed_version)
    if state is JobState.OFFERED:
        attempt = row.attempt if not setback.counts else 0
    free = {"lease": None, "worker": None, "lease_until": None}
    told = {"state": state, "attempt": attempt, "error": setback.error, "due_at": setback.due_at}
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(**told, **free))
    if setback.counts:
        step = "given up" if state is JobState.GIVEN_UP else "set back"
        text = f"reading failed ({row.attempt + 1}. time): {setback.error}"
        note(connection, row.study_uid, step, text, setback.at)
    if state is JobState.GIVEN_UP:
        _show_failure(connection, row.study_uid, setback.error)
    refresh_state(connection, row.study_uid)
    return state


def _after(setback: Setback, attempt: int, *, moved_on: bool) -> JobState:
    """Tell where a setback leads; what came while the last attempt ran is a reason to try again."""
    state = TRANSITIONS[JobState.RUNNING, setback.event]
    if not setback.counts:
        return TRANSITIONS[state, JobEvent.DUE] if setback.due_at <= setback.at else state
    if attempt < setback.max_attempts:
        return state
    given_up = TRANSITIONS[state, JobEvent.EXHAUSTED]
    return TRANSITIONS[given_up, JobEvent.ARRIVED] if moved_on else given_up


def _show_failure(connection: Connection, study_uid: str, error: str) -> None:
    """A study nobody could read needs human eyes; a verdict it already has stays."""
    why = f"reading failed and was given up: {error}"
    connection.execute(
        update(studies).where(studies.c.study_uid == study_uid, studies.c.verdict.is_(None)).values(why=why)
    )


def offer_due(ledger: Ledger, now: float) -> int:
    """Offer the jobs whose pause is over."""
    with ledger.writing() as connection:
        rows = connection.execute(
            select(jobs.c.id, jobs.c.study_uid).where(jobs.c.state == JobState.RETRYABLE, jobs.c.due_at <= now)
        ).all()
        for row in rows:
            state = TRANSITIONS[JobState.RETRYABLE, JobEvent.DUE]
            connection.execute(update(jobs).where(jobs.c.id == row.id).values(state=state, offered_at=now))
            refresh_state(connection, row.study_uid)
        return len(rows)


def running_workers(ledger: Ledger) -> list[str]:
    """Name the workers that hold a job."""
    with ledger.reading() as connection:
        return list(connection.scalars(select(jobs.c.worker).where(jobs.c.state == JobState.RUNNING).distinct()))


def replay(ledger: Ledger, study_uid: str, now: float) -> bool:
    """Read and send a study again by hand; False when there is no such study. The same input makes the same objects."""
    back = sources(JobEvent.REPLAY)
    with ledger.writing() as connection:
        if connection.scalar(select(studies.c.study_uid).where(studies.c.study_uid == study_uid)) is None:
            return False
        connection.execute(
            update(jobs)
            .where(jobs.c.study_uid == study_uid, jobs.c.state.in_(list(back)))
            .values(state=case(dict(back), value=jobs.c.state), attempt=0, error="", offered_at=now, due_at=now)
        )
        resend = [state for state in DeliveryState if (state, DeliveryEvent.RETRY) in DELIVERY_TRANSITIONS]
        connection.execute(
            update(deliveries)
            .where(deliveries.c.study_uid == study_uid, deliveries.c.state.in_(resend))
            .values(state=DeliveryState.QUEUED, attempt=0, due_at=now, queued_at=now, transaction_uid=None, error="")
        )
        note(connection, study_uid, "replayed", "read and sent again by hand", now)
        refresh_state(connection, study_uid)
        return True
