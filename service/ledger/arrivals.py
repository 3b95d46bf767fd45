"""Instances arrive: one transaction per batch turns bytes on disk into acknowledged facts and offered jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import OperationalError

from service.domain.job import JobEvent, JobState, sources
from service.domain.scan import Arrival, Association, AssociationEnd, ReceivedInstance
from service.domain.series import SeriesState
from service.domain.verdict import Priority, StudyState, Verdict
from service.errors import RetryLater
from service.ledger.book import Ledger
from service.ledger.codec import to_json
from service.ledger.studies import note, refresh_state
from service.ledger.tables import associations, conflicts, instances, jobs, series, studies

#: a study nobody has judged yet stands between HIGH and LOW
UNJUDGED = 1
UNDER_USED_UIDS = "its objects came under UIDs that another study uses already; they are kept aside, not read"
COMPLETE_FIRST, ARRIVING_LATER = 0, 1


def open_association(ledger: Ledger, association: Association) -> None:
    """Write down that a sender came."""
    with ledger.writing() as connection:
        connection.execute(
            insert(associations).values(
                association=association.association,
                calling_ae=association.calling_ae,
                called_ae=association.called_ae,
                address=association.address,
                opened_at=association.opened_at,
                end=AssociationEnd.OPEN,
            )
        )


def close_association(ledger: Ledger, association: str, end: AssociationEnd, now: float) -> None:
    """Write down how the visit ended."""
    with ledger.writing() as connection:
        connection.execute(
            update(associations)
            .where(associations.c.association == association, associations.c.end == AssociationEnd.OPEN)
            .values(end=end, closed_at=now)
        )


def lose_open_associations(ledger: Ledger, now: float) -> int:
    """Close what a dead process left open; its series then need stronger evidence than a release."""
    with ledger.writing() as connection:
        done = connection.execute(
            update(associations)
            .where(associations.c.end == AssociationEnd.OPEN)
            .values(end=AssociationEnd.LOST, closed_at=now)
        )
        return int(done.rowcount)


def record(ledger: Ledger, batch: Sequence[ReceivedInstance]) -> list[Arrival]:
    """Commit a batch; when this returns, every instance in it survives a power cut.

    RetryLater says that the database takes nothing now (full, locked, gone), whatever the batch is.
    """
    try:
        return _record(ledger, batch)
    except OperationalError as problem:
        raise RetryLater(f"the ledger cannot be written: {problem.orig}") from problem


def _record(ledger: Ledger, batch: Sequence[ReceivedInstance]) -> list[Arrival]:
    with ledger.writing() as connection:
        known = _known_hashes(connection, {one.sop_uid for one in batch})
        homes = _known_homes(connection, {one.series_uid for one in batch})
        arrivals: list[Arrival] = []
        fresh: list[ReceivedInstance] = []
        for one in batch:
            home = homes.setdefault(one.series_uid, one.study.study_uid)
            arrivals.append(_judge(one, known) if home == one.study.study_uid else Arrival.CONFLICT)
            if arrivals[-1] is Arrival.NEW:
                fresh.append(one)
                known[one.sop_uid] = one.content_hash
        _keep(connection, fresh)
        _keep_aside(connection, [one for one, how in zip(batch, arrivals, strict=True) if how is Arrival.CONFLICT])
        return arrivals


def _known_hashes(connection: Connection, sop_uids: set[str]) -> dict[str, str]:
    rows = connection.execute(
        select(instances.c.sop_uid, instances.c.content_hash).where(instances.c.sop_uid.in_(sop_uids))
    )
    return {row.sop_uid: row.content_hash for row in rows}


def _known_homes(connection: Connection, series_uids: set[str]) -> dict[str, str]:
    """Tell which study each series belongs to; a series UID used in two studies is a sender's fault."""
    rows = connection.execute(
        select(series.c.series_uid, series.c.study_uid).where(series.c.series_uid.in_(series_uids))
    )
    return {row.series_uid: row.study_uid for row in rows}


def _judge(one: ReceivedInstance, known: dict[str, str]) -> Arrival:
    if one.sop_uid not in known:
        return Arrival.NEW
    return Arrival.DUPLICATE if known[one.sop_uid] == one.content_hash else Arrival.CONFLICT


def _keep_aside(connection: Connection, batch: Iterable[ReceivedInstance]) -> None:
    for one in batch:
        where = (conflicts.c.sop_uid == one.sop_uid) & (conflicts.c.content_hash == one.content_hash)
        if connection.execute(select(conflicts.c.id).where(where)).first():
            continue
        connection.execute(
            insert(conflicts).values(
                sop_uid=one.sop_uid,
                content_hash=one.content_hash,
                transfer_syntax=one.transfer_syntax,
                association=one.association,
                received_at=one.received_at,
            )
        )
        _show(connection, one)
        text = f"{one.sop_uid} came with other bytes or in another study than before; kept aside, not read"
        note(connection, one.study.study_uid, "conflict", text, one.received_at)


def _show(connection: Connection, one: ReceivedInstance) -> None:
    """A study of which nothing else came needs human eyes: it must not be missing from the worklist."""
    mine = studies.c.study_uid == one.study.study_uid
    if connection.execute(update(studies).where(mine).values(last_arrival_at=one.received_at)).rowcount:
        return
    _touch_study(connection, one.study.study_uid, [one])
    told = {"verdict": Verdict.NOT_ANALYSED, "why": UNDER_USED_UIDS, "concluded_at": one.received_at}
    connection.execute(update(studies).where(mine).values(**told))
    refresh_state(connection, one.study.study_uid)


def _keep(connection: Connection, fresh: Sequence[ReceivedInstance]) -> None:
    by_study: dict[str, list[ReceivedInstance]] = {}
    by_series: dict[str, list[ReceivedInstance]] = {}
    for one in fresh:
        by_study.setdefault(one.study.study_uid, []).append(one)
        by_series.setdefault(one.series_uid, []).append(one)
    for study_uid, members in by_study.items():
        _touch_study(connection, study_uid, members)
    for series_uid, members in by_series.items():
        _touch_series(connection, series_uid, members)
    if fresh:
        connection.execute(insert(instances), [_row(one) for one in fresh])
    for series_uid, members in by_series.items():
        _offer(connection, series_uid, members)


def _touch_study(connection: Connection, study_uid: str, members: Sequence[ReceivedInstance]) -> None:
    last = max(one.received_at for one in members)
    done = connection.execute(
        update(studies).where(studies.c.study_uid == study_uid).values(last_arrival_at=last, state=StudyState.RECEIVING)
    )
    if done.rowcount:
        return
    first = members[0]
    sender = connection.scalar(select(associations.c.calling_ae).where(associations.c.association == first.association))
    connection.execute(
        insert(studies).values(
            study_uid=study_uid,
            patient=to_json(first.patient),
            header=to_json(first.study),
            accession_number=first.study.accession_number[:64],
            patient_id=first.patient.patient_id[:128],
            sender=sender or "",
            state=StudyState.RECEIVING,
            priority=Priority.MEDIUM,
            urgency=UNJUDGED,
            received_at=min(one.received_at for one in members),
            last_arrival_at=last,
        )
    )
    note(
        connection, study_uid, "received", f"first object came from {sender or 'an unnamed sender'}", first.received_at
    )


def _touch_series(connection: Connection, series_uid: str, members: Sequence[ReceivedInstance]) -> None:
    row = connection.execute(select(series).where(series.c.series_uid == series_uid)).first()
    last = max(one.received_at for one in members)
    announced = max((_announced(one) for one in members), default=0)
    if row is None:
        first = members[0]
        connection.execute(
            insert(series).values(
                series_uid=series_uid,
                study_uid=first.study.study_uid,
                modality=first.header.modality[:16],
                description=first.header.series_description[:256],
                state=SeriesState.OPEN,
                announced=announced or None,
                received=len(members),
                version=1,
                first_arrival_at=min(one.received_at for one in members),
                last_arrival_at=last,
            )
        )
        return
    if row.state == SeriesState.COMPLETE:
        text = f"{len(members)} late object(s) came; the series is open again"
        note(connection, row.study_uid, "reopened", text, last)
    connection.execute(
        update(series)
        .where(series.c.series_uid == series_uid)
        .values(
            state=SeriesState.OPEN,
            announced=max(announced, row.announced or 0) or None,
            received=row.received + len(members),
            version=row.version + 1,
            last_arrival_at=last,
        )
    )


def _announced(one: ReceivedInstance) -> int:
    return one.header.series_related_instances or 0


def _row(one: ReceivedInstance) -> dict[str, object]:
    return {
        "sop_uid": one.sop_uid,
        "series_uid": one.series_uid,
        "content_hash": one.content_hash,
        "transfer_syntax": one.transfer_syntax,
        "size": one.size,
        "association": one.association,
        "received_at": one.received_at,
        "header": to_json(one.header),
    }


def _offer(connection: Connection, series_uid: str, members: Sequence[ReceivedInstance]) -> None:
    """Make the series' job, or wake it; a running one notices by the series' version."""
    row = connection.execute(select(jobs.c.id, jobs.c.state).where(jobs.c.series_uid == series_uid)).first()
    now = max(one.received_at for one in members)
    if row is None:
        connection.execute(
            insert(jobs).values(
                series_uid=series_uid,
                study_uid=members[0].study.study_uid,
                state=JobState.OFFERED,
                rank=ARRIVING_LATER,
                offered_at=now,
                due_at=now,
            )
        )
        return
    woken = sources(JobEvent.ARRIVED).get(JobState(row.state))
    values: dict[str, object] = {"rank": ARRIVING_LATER}
    if woken:
        values |= {"state": woken, "offered_at": now, "attempt": 0}
    connection.execute(update(jobs).where(jobs.c.id == row.id).values(**values))
