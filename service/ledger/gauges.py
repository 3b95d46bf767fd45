"""Numbers for the queue page, /api/queue and /metrics, counted when asked; never a name or a patient's number."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, case, func, select
from sqlalchemy.exc import SQLAlchemyError

from service.domain.verdict import StudyState, Verdict
from service.ledger.book import Ledger
from service.ledger.tables import deliveries, jobs, notices, series, studies

#: not read to the end yet
UNREAD = (StudyState.RECEIVING, StudyState.WAITING, StudyState.READING)
#: upper edges of the time-to-notification histogram, in seconds
BUCKETS = (10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0, 3600.0)


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """The node in numbers: studies by (state, verdict), deliveries and notices by (where to, state); epoch seconds."""

    objects: int
    studies: dict[tuple[str, str], int]
    jobs: dict[str, int]
    deliveries: dict[tuple[str, str], int]
    oldest_unread_at: float | None
    #: positive studies that no destination has acknowledged yet, and when the first of them was concluded
    unsent_positives: int
    oldest_unsent_at: float | None
    notices: dict[tuple[str, str], int] = field(default_factory=dict)

    def states(self) -> dict[str, int]:
        """Return the studies by state, every state named."""
        counts = dict.fromkeys((state.value for state in StudyState), 0)
        for (state, _), count in self.studies.items():
            counts[state] += count
        return counts


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What happened since a moment: studies that began to arrive, were concluded, were taken by a destination."""

    received: int
    concluded: int
    notified: int


@dataclass(frozen=True, kw_only=True)
class Delays:
    """Seconds from first object to notification for one sender: cumulative counts per bucket edge, and their sum."""

    sender: str
    counts: tuple[int, ...]
    total: int
    sum_seconds: float


def trouble(ledger: Ledger) -> str:
    """Return why the database does not answer, empty when it does."""
    try:
        with ledger.reading() as db:
            db.execute(select(studies.c.study_uid).limit(1)).first()
    except SQLAlchemyError as problem:
        return type(problem).__name__
    return ""


def gauges(ledger: Ledger) -> Gauges:
    """Count everything in one consistent view."""
    unsent = (studies.c.verdict == Verdict.POSITIVE.value) & studies.c.notified_at.is_(None)
    unsent &= studies.c.state != StudyState.DONE.value
    with ledger.reading() as db:
        late = db.execute(select(func.count(), func.min(studies.c.concluded_at)).where(unsent)).one()
        return Gauges(
            objects=int(db.execute(select(func.coalesce(func.sum(series.c.received), 0))).scalar_one()),
            studies=_pairs(db, studies.c.state, studies.c.verdict),
            jobs={state: count for (state, _), count in _pairs(db, jobs.c.state, jobs.c.state).items()},
            deliveries=_pairs(db, deliveries.c.destination, deliveries.c.state),
            notices=_pairs(db, notices.c.target, notices.c.state),
            oldest_unread_at=db.execute(
                select(func.min(studies.c.received_at)).where(studies.c.state.in_([one.value for one in UNREAD]))
            ).scalar_one(),
            unsent_positives=late[0],
            oldest_unsent_at=late[1],
        )


def _pairs(db: Connection, one: ColumnElement[str], other: ColumnElement[str]) -> dict[tuple[str, str], int]:
    rows = db.execute(select(one, other, func.count()).group_by(one, other)).all()
    return {(first, second or ""): count for first, second, count in rows}


def rates(ledger: Ledger, since: float) -> Rates:
    """Count what happened since then."""
    named = (studies.c.received_at, studies.c.concluded_at, studies.c.notified_at)
    with ledger.reading() as db:
        row = db.execute(select(*[func.coalesce(func.sum(case((at >= since, 1), else_=0)), 0) for at in named])).one()
    return Rates(received=int(row[0]), concluded=int(row[1]), notified=int(row[2]))


def delays(ledger: Ledger) -> list[Delays]:
    """Return the time to notification by sender over the studies the ledger still holds."""
    took = studies.c.notified_at - studies.c.received_at
    edges = [func.sum(case((took <= edge, 1), else_=0)) for edge in BUCKETS]
    query = select(studies.c.sender, func.count(), func.sum(took), *edges)
    with ledger.reading() as db:
        rows = db.execute(query.where(studies.c.notified_at.is_not(None)).group_by(studies.c.sender)).all()
    return [
        Delays(sender=row[0], total=row[1], sum_seconds=float(row[2]), counts=tuple(int(count) for count in row[3:]))
        for row in rows
    ]
