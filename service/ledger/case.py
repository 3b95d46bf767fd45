"""One study with everything the ledger knows about it: series, conclusions, results, deliveries and its walk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from service.domain.delivery import DeliveryState, Dialect, ObjectKind
from service.domain.job import JobState
from service.domain.notice import NoticeKind, NoticeState
from service.domain.series import Evidence, SeriesState
from service.domain.verdict import SeriesConclusion, StudyVerdict, Verdict
from service.ledger.book import Ledger
from service.ledger.codec import from_json
from service.ledger.listing import ListedStudy, listed
from service.ledger.tables import deliveries, events, jobs, notices, result_objects, result_sets, series, studies


@dataclass(frozen=True, kw_only=True)
class ListedSeries:
    """What happened to one series; counts are objects, ``error`` the reader's last complaint."""

    series_uid: str
    modality: str
    description: str
    state: SeriesState
    received: int
    expected: int | None
    evidence: Evidence | None
    conclusion: SeriesConclusion | None
    first_arrival_at: float
    completed_at: float | None
    job: JobState | None
    error: str


@dataclass(frozen=True, kw_only=True)
class ListedResult:
    """One object the node made; ``current`` belongs to the answer that stands today."""

    sop_uid: str
    sop_class: str
    series_uid: str
    kind: ObjectKind
    dialect: Dialect | None
    number: int
    content_hash: str
    result_set: int
    made_at: float
    current: bool


@dataclass(frozen=True, kw_only=True)
class ListedDelivery:
    """One object on its way to one destination."""

    delivery_id: int
    study_uid: str
    sop_uid: str
    kind: ObjectKind
    dialect: Dialect | None
    number: int
    destination: str
    state: DeliveryState
    attempt: int
    queued_at: float
    due_at: float
    sent_at: float | None
    committed_at: float | None
    error: str


@dataclass(frozen=True, kw_only=True)
class ListedNotice:
    """One piece of news on its way to one target."""

    notice_id: int
    study_uid: str
    target: str
    kind: NoticeKind
    number: int
    key: str
    verdict: Verdict
    state: NoticeState
    attempt: int
    queued_at: float
    due_at: float
    sent_at: float | None
    error: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of the study's walk."""

    at: float
    step: str
    text: str
    series_uid: str | None


@dataclass(frozen=True, kw_only=True)
class Case:
    """The whole study as it stands."""

    study: ListedStudy
    verdict: StudyVerdict | None
    series: tuple[ListedSeries, ...]
    results: tuple[ListedResult, ...]
    deliveries: tuple[ListedDelivery, ...]
    notices: tuple[ListedNotice, ...]
    steps: tuple[Step, ...]


def open_case(ledger: Ledger, study_uid: str) -> Case | None:
    """Return the study, consistent in itself; None when there is none of this UID."""
    with ledger.reading() as db:
        row = db.execute(select(studies).where(studies.c.study_uid == study_uid)).mappings().first()
        if row is None:
            return None
        return Case(
            study=listed(row),
            verdict=_verdict(db, row["published_set"]),
            series=_series(db, study_uid),
            results=_results(db, study_uid, row["published_set"]),
            deliveries=_deliveries(db, deliveries.c.study_uid == study_uid, 1000),
            notices=_notices(db, notices.c.study_uid == study_uid),
            steps=_steps(db, study_uid),
        )


def dead_letters(ledger: Ledger, limit: int = 100) -> tuple[ListedDelivery, ...]:
    """Return the deliveries nobody tries any more."""
    with ledger.reading() as db:
        return _deliveries(db, deliveries.c.state == DeliveryState.DEAD.value, limit)


def delivery_of(ledger: Ledger, delivery_id: int) -> ListedDelivery | None:
    """Return one delivery."""
    with ledger.reading() as db:
        return next(iter(_deliveries(db, deliveries.c.id == delivery_id, 1)), None)


def notice_of(ledger: Ledger, notice_id: int) -> ListedNotice | None:
    """Return one notice."""
    with ledger.reading() as db:
        return next(iter(_notices(db, notices.c.id == notice_id)), None)


def picture_of(ledger: Ledger, sop_uid: str) -> str | None:
    """Return the content hash of one Secondary Capture of ours; None for anything else."""
    where = (result_objects.c.sop_uid == sop_uid) & (result_objects.c.kind == ObjectKind.SC.value)
    with ledger.reading() as db:
        return db.execute(select(result_objects.c.content_hash).where(where)).scalar_one_or_none()


def _verdict(db: Connection, result_set: int | None) -> StudyVerdict | None:
    kept = db.execute(select(result_sets.c.verdict).where(result_sets.c.id == result_set)).scalar_one_or_none()
    return from_json(StudyVerdict, kept) if kept else None


def _series(db: Connection, study_uid: str) -> tuple[ListedSeries, ...]:
    query = (
        select(series, jobs.c.state.label("job"), jobs.c.error)
        .outerjoin(jobs, jobs.c.series_uid == series.c.series_uid)
        .where(series.c.study_uid == study_uid)
        .order_by(series.c.first_arrival_at, series.c.series_uid)
    )
    return tuple(_one_series(row) for row in db.execute(query).mappings())


def _one_series(row: Any) -> ListedSeries:
    return ListedSeries(
        series_uid=row["series_uid"],
        modality=row["modality"],
        description=row["description"],
        state=SeriesState(row["state"]),
        received=row["received"],
        expected=row["queried"] if row["queried"] is not None else row["announced"],
        evidence=from_json(Evidence, row["evidence"]) if row["evidence"] else None,
        conclusion=from_json(SeriesConclusion, row["conclusion"]) if row["conclusion"] else None,
        first_arrival_at=row["first_arrival_at"],
        completed_at=row["completed_at"],
        job=JobState(row["job"]) if row["job"] else None,
        error=row["error"] or "",
    )


def _results(db: Connection, study_uid: str, current: int | None) -> tuple[ListedResult, ...]:
    query = (
        select(result_objects, result_sets.c.made_at)
        .join(result_sets, result_sets.c.id == result_objects.c.result_set)
        .where(result_sets.c.study_uid == study_uid)
        .order_by(result_objects.c.result_set.desc(), result_objects.c.kind, result_objects.c.number)
    )
    return tuple(
        ListedResult(
            sop_uid=row["sop_uid"],
            sop_class=row["sop_class"],
            series_uid=row["series_uid"],
            kind=ObjectKind(row["kind"]),
            dialect=Dialect(row["dialect"]) if row["dialect"] else None,
            number=row["number"],
            content_hash=row["content_hash"],
            result_set=row["result_set"],
            made_at=row["made_at"],
            current=row["result_set"] == current,
        )
        for row in db.execute(query).mappings()
    )


def _deliveries(db: Connection, where: Any, limit: int) -> tuple[ListedDelivery, ...]:
    query = (
        select(deliveries, result_objects.c.kind, result_objects.c.dialect, result_objects.c.number)
        .join(result_objects, result_objects.c.sop_uid == deliveries.c.sop_uid)
        .where(where)
        .order_by(deliveries.c.destination, result_objects.c.result_set.desc(), result_objects.c.kind)
        .order_by(result_objects.c.number)
        .limit(limit)
    )
    return tuple(_one_delivery(row) for row in db.execute(query).mappings())


def _one_delivery(row: Any) -> ListedDelivery:
    same = ("study_uid", "sop_uid", "number", "destination", "attempt", "queued_at", "due_at", "sent_at", "error")
    return ListedDelivery(
        **{name: row[name] for name in same},
        delivery_id=row["id"],
        kind=ObjectKind(row["kind"]),
        dialect=Dialect(row["dialect"]) if row["dialect"] else None,
        state=DeliveryState(row["state"]),
        committed_at=row["committed_at"],
    )


def _notices(db: Connection, where: Any) -> tuple[ListedNotice, ...]:
    query = select(notices).where(where).order_by(notices.c.target, notices.c.number)
    same = ("study_uid", "target", "number", "key", "attempt", "queued_at", "due_at", "sent_at", "error")
    return tuple(
        ListedNotice(
            **{name: row[name] for name in same},
            notice_id=row["id"],
            kind=NoticeKind(row["kind"]),
            verdict=Verdict(row["news"]["verdict"]),
            state=NoticeState(row["state"]),
        )
        for row in db.execute(query).mappings()
    )


def _steps(db: Connection, study_uid: str) -> tuple[Step, ...]:
    query = select(events).where(events.c.study_uid == study_uid).order_by(events.c.at, events.c.id)
    rows = db.execute(query).mappings()
    return tuple(Step(at=row["at"], step=row["step"], text=row["text"], series_uid=row["series_uid"]) for row in rows)
