"""Series as they lie in the ledger: what assembly judges and what the worker reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from service.domain.ids import ContentHash, SeriesUid, SopUid, StudyUid
from service.domain.job import JobEvent, JobState, sources
from service.domain.scan import AssociationEnd, InstanceHeader, StoredInstance
from service.domain.series import Evidence, SeriesState
from service.ledger.arrivals import COMPLETE_FIRST
from service.ledger.book import Ledger
from service.ledger.codec import from_json, to_json
from service.ledger.studies import note, refresh_state
from service.ledger.tables import associations, instances, jobs, series


@dataclass(frozen=True, kw_only=True)
class SeriesGlance:
    """The cheap facts of an open series; enough to know whether a closer look can change anything."""

    series_uid: SeriesUid
    study_uid: StudyUid
    version: int
    received: int
    announced: int | None
    queried: int | None
    queried_at: float | None
    last_arrival_at: float
    association_ends: frozenset[AssociationEnd]
    last_association_closed_at: float | None


@dataclass(frozen=True, kw_only=True)
class SeriesView:
    """A series with everything that came, as it stood at ``version``."""

    series_uid: SeriesUid
    study_uid: StudyUid
    version: int
    complete: bool
    evidence: Evidence | None
    instances: tuple[StoredInstance, ...]


def open_series(ledger: Ledger) -> list[SeriesGlance]:
    """List the series that are not complete yet."""
    with ledger.reading() as connection:
        rows = connection.execute(select(series).where(series.c.state == SeriesState.OPEN)).all()
        return [_glance(connection, row) for row in rows]


def _glance(connection: Connection, row: object) -> SeriesGlance:
    visits = connection.execute(
        select(associations.c.end, associations.c.closed_at)
        .join(instances, instances.c.association == associations.c.association)
        .where(instances.c.series_uid == row.series_uid)  # type: ignore[attr-defined]
        .distinct()
    ).all()
    closed = [visit.closed_at for visit in visits if visit.closed_at is not None]
    named = ("series_uid", "study_uid", "version", "received", "announced", "queried", "queried_at", "last_arrival_at")
    return SeriesGlance(
        **{name: getattr(row, name) for name in named},
        association_ends=frozenset(AssociationEnd(visit.end) for visit in visits),
        last_association_closed_at=max(closed, default=None),
    )


def view(ledger: Ledger, series_uid: str) -> SeriesView:
    """Give one series with all its instances, consistent in itself."""
    with ledger.reading() as connection:
        row = connection.execute(select(series).where(series.c.series_uid == series_uid)).one()
        return SeriesView(
            series_uid=SeriesUid(series_uid),
            study_uid=StudyUid(row.study_uid),
            version=row.version,
            complete=row.state == SeriesState.COMPLETE,
            evidence=from_json(Evidence, row.evidence) if row.evidence else None,
            instances=instances_of(connection, series_uid),
        )


def instances_of(connection: Connection, series_uid: str) -> tuple[StoredInstance, ...]:
    """Give the instances of a series in order of arrival."""
    rows = connection.execute(
        select(instances).where(instances.c.series_uid == series_uid).order_by(instances.c.received_at)
    )
    return tuple(stored_instance(row) for row in rows)


def stored_instance(row: Any) -> StoredInstance:
    """Turn a row into its noun."""
    return StoredInstance(
        sop_uid=SopUid(row.sop_uid),
        series_uid=SeriesUid(row.series_uid),
        content_hash=ContentHash(row.content_hash),
        transfer_syntax=row.transfer_syntax,
        header=from_json(InstanceHeader, row.header),
    )


def answer_of_peer(ledger: Ledger, series_uid: str, count: int | None, now: float) -> None:
    """Keep what a query peer said about the series' size."""
    with ledger.writing() as connection:
        connection.execute(
            update(series).where(series.c.series_uid == series_uid).values(queried=count, queried_at=now)
        )


def complete(ledger: Ledger, glance: SeriesGlance, evidence: Evidence, now: float) -> bool:
    """Declare the series whole; False when something came since the judge looked."""
    with ledger.writing() as connection:
        done = connection.execute(
            update(series)
            .where(
                series.c.series_uid == glance.series_uid,
                series.c.version == glance.version,
                series.c.state == SeriesState.OPEN,
            )
            .values(
                state=SeriesState.COMPLETE, evidence=to_json(evidence), completed_at=now, version=glance.version + 1
            )
        )
        if not done.rowcount:
            return False
        mine = jobs.c.series_uid == glance.series_uid
        connection.execute(update(jobs).where(mine).values(rank=COMPLETE_FIRST))
        for before, after in sources(JobEvent.COMPLETED).items():
            connection.execute(
                update(jobs).where(mine, jobs.c.state == JobState(before)).values(state=after, offered_at=now)
            )
        note(connection, glance.study_uid, "complete", evidence.sentence, now)
        refresh_state(connection, glance.study_uid)
        return True
