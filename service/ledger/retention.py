"""Forgetting delivered studies: rows and files under one write lock; an audit line stays.

Files go before the commit: a purge that is cut short runs again and leaves no file without a row, and nobody can
write a row for a file that is about to go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from service.domain.delivery import DeliveryState
from service.domain.job import JobState
from service.domain.notice import NoticeState
from service.domain.verdict import StudyState
from service.ledger.book import Ledger
from service.ledger.tables import (
    audit,
    conflicts,
    deliveries,
    events,
    instances,
    jobs,
    notices,
    readings,
    result_objects,
    result_sets,
    series,
    studies,
)

FINISHED = (StudyState.DONE, StudyState.NOT_ANALYSED)
#: so many values fit into one statement of any database
MOST_NAMED = 10_000
BUSY = (DeliveryState.QUEUED, DeliveryState.RETRYING, DeliveryState.DEAD)
UNTOLD = (NoticeState.QUEUED, NoticeState.RETRYING, NoticeState.DEAD)


@dataclass(frozen=True, kw_only=True)
class Purged:
    """A study that is gone, and the content hashes that went with it."""

    study_uid: str
    files: tuple[str, ...]


def expired(ledger: Ledger, before: float) -> list[str]:
    """List finished studies with everything delivered and told whose last object came before ``before``."""
    undelivered = select(deliveries.c.study_uid).where(deliveries.c.state.in_(BUSY))
    untold = select(notices.c.study_uid).where(notices.c.state.in_(UNTOLD))
    unread = select(jobs.c.study_uid).where(jobs.c.state != JobState.DONE)
    with ledger.reading() as connection:
        return list(
            connection.scalars(
                select(studies.c.study_uid)
                .where(studies.c.state.in_(FINISHED), studies.c.last_arrival_at < before)
                .where(studies.c.study_uid.not_in(undelivered), studies.c.study_uid.not_in(unread))
                .where(studies.c.study_uid.not_in(untold))
                .order_by(studies.c.last_arrival_at)
            )
        )


def purge(ledger: Ledger, study_uid: str, before: float, now: float, remove: Callable[[str], object]) -> Purged | None:
    """Forget one study; None when it came to life again since it was listed."""
    with ledger.writing() as connection:
        mine = studies.c.study_uid == study_uid
        still = connection.scalar(
            select(studies.c.study_uid).where(mine, studies.c.state.in_(FINISHED), studies.c.last_arrival_at < before)
        )
        if still is None:
            return None
        named = _files(connection, study_uid)
        _delete_rows(connection, study_uid)
        files = _remove_unneeded(connection, named, remove)
        text = f"study purged with {len(files)} files, last object before the retention limit"
        connection.execute(insert(audit).values(at=now, who="node", act="purge", subject=study_uid, text=text))
        return Purged(study_uid=study_uid, files=files)


def forget_conflicts(ledger: Ledger, before: float, remove: Callable[[str], object]) -> int:
    """Forget what was kept aside long ago and whose first is gone or never came; returns how many files went."""
    homeless = (conflicts.c.received_at < before) & conflicts.c.sop_uid.not_in(select(instances.c.sop_uid))
    with ledger.writing() as connection:
        named = list(connection.scalars(select(conflicts.c.content_hash).where(homeless)))
        connection.execute(delete(conflicts).where(homeless))
        return len(_remove_unneeded(connection, named, remove))


def _remove_unneeded(connection: Connection, named: Iterable[str], remove: Callable[[str], object]) -> tuple[str, ...]:
    """Remove the files that no row needs any more: bytes that were kept aside may have become an instance since."""
    wanted = set(named)
    gone = sorted(wanted - _needed(connection, wanted))
    for content_hash in gone:
        remove(content_hash)
    return tuple(gone)


def _needed(connection: Connection, wanted: set[str]) -> set[str]:
    listed, needed = sorted(wanted), set[str]()
    for at in range(0, len(listed), MOST_NAMED):
        some = listed[at : at + MOST_NAMED]
        for table in (instances, conflicts, result_objects):
            needed |= set(connection.scalars(select(table.c.content_hash).where(table.c.content_hash.in_(some))))
    return needed


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
    for table in (jobs, series, events, notices, studies):
        connection.execute(delete(table).where(table.c.study_uid == study_uid))
