"""Forgetting delivered studies: rows first, in one transaction, then their files; an audit line stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from service.domain.delivery import DeliveryState
from service.domain.job import JobState
from service.domain.verdict import StudyState
from service.ledger.book import Ledger
from service.ledger.tables import (
    audit,
    conflicts,
    deliveries,
    events,
    instances,
    jobs,
    readings,
    result_objects,
    result_sets,
    series,
    studies,
)

FINISHED = (StudyState.DONE, StudyState.NOT_ANALYSED)
BUSY = (DeliveryState.QUEUED, DeliveryState.RETRYING, DeliveryState.DEAD)


@dataclass(frozen=True, kw_only=True)
class Purged:
    """A study that is gone, and the content hashes that nothing needs any more."""

    study_uid: str
    files: tuple[str, ...]


def expired(ledger: Ledger, before: float) -> list[str]:
    """List finished studies with everything delivered whose last object came before ``before``."""
    undelivered = select(deliveries.c.study_uid).where(deliveries.c.state.in_(BUSY))
    unread = select(jobs.c.study_uid).where(jobs.c.state != JobState.DONE)
    with ledger.reading() as connection:
        return list(
            connection.scalars(
                select(studies.c.study_uid)
                .where(studies.c.state.in_(FINISHED), studies.c.last_arrival_at < before)
                .where(studies.c.study_uid.not_in(undelivered), studies.c.study_uid.not_in(unread))
                .order_by(studies.c.last_arrival_at)
            )
        )


def purge(ledger: Ledger, study_uid: str, before: float, now: float) -> Purged | None:
    """Forget one study; None when it came to life again since it was listed."""
    with ledger.writing() as connection:
        mine = studies.c.study_uid == study_uid
        still = connection.scalar(
            select(studies.c.study_uid).where(mine, studies.c.state.in_(FINISHED), studies.c.last_arrival_at < before)
        )
        if still is None:
            return None
        files = _files(connection, study_uid)
        _delete_rows(connection, study_uid)
        text = f"study purged with {len(files)} files, last object before the retention limit"
        connection.execute(insert(audit).values(at=now, who="node", act="purge", subject=study_uid, text=text))
        return Purged(study_uid=study_uid, files=files)


def _series_of(study_uid: str) -> Sequence[str]:
    return select(series.c.series_uid).where(series.c.study_uid == study_uid)  # type: ignore[return-value]


def _sets_of(study_uid: str) -> Sequence[int]:
    return select(result_sets.c.id).where(result_sets.c.study_uid == study_uid)  # type: ignore[return-value]


def _files(connection: Connection, study_uid: str) -> tuple[str, ...]:
    received = select(instances.c.content_hash).where(instances.c.series_uid.in_(_series_of(study_uid)))
    made = select(result_objects.c.content_hash).where(result_objects.c.result_set.in_(_sets_of(study_uid)))
    mine = select(instances.c.sop_uid).where(instances.c.series_uid.in_(_series_of(study_uid)))
    aside = select(conflicts.c.content_hash).where(conflicts.c.sop_uid.in_(mine))
    return tuple(hash_ for query in (received, made, aside) for hash_ in connection.scalars(query))


def _delete_rows(connection: Connection, study_uid: str) -> None:
    mine = select(instances.c.sop_uid).where(instances.c.series_uid.in_(_series_of(study_uid)))
    connection.execute(delete(deliveries).where(deliveries.c.study_uid == study_uid))
    connection.execute(delete(result_objects).where(result_objects.c.result_set.in_(_sets_of(study_uid))))
    connection.execute(update(result_sets).where(result_sets.c.study_uid == study_uid).values(predecessor=None))
    connection.execute(delete(result_sets).where(result_sets.c.study_uid == study_uid))
    connection.execute(delete(readings).where(readings.c.series_uid.in_(_series_of(study_uid))))
    connection.execute(delete(conflicts).where(conflicts.c.sop_uid.in_(mine)))
    connection.execute(delete(instances).where(instances.c.series_uid.in_(_series_of(study_uid))))
    for table in (jobs, series, events, studies):
        connection.execute(delete(table).where(table.c.study_uid == study_uid))
