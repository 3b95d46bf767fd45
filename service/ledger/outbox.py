"""The outbox: result objects leased to a sender, sent, proven, tried again or dead; positives first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, func, select, update

from service.domain.delivery import DELIVERY_TRANSITIONS, Delivery, DeliveryEvent, DeliveryState, ObjectKind
from service.domain.ids import DeliveryId, StudyUid
from service.errors import LeaseLost
from service.ledger.book import Ledger
from service.ledger.published import result_object
from service.ledger.studies import note, refresh_state
from service.ledger.tables import deliveries, result_objects, studies

UNSENT = (DeliveryState.QUEUED, DeliveryState.RETRYING)
#: a lease that ends later than this after its time was granted by a clock that was set back since
MOST_SKEW_SECONDS = 300.0
#: an archive that lost an object more than once is given this much more time before each further try
LOST_AGAIN_SECONDS = 60.0


class SentObject(NamedTuple):
    """One object that a destination took and should prove to keep."""

    sop_class: str
    sop_uid: str
    series_uid: str


@dataclass(frozen=True, kw_only=True)
class CommitRequest:
    """A Storage Commitment transaction whose UID is already on disk (PS3.4 J.3)."""

    transaction_uid: str
    destination: str
    study_uid: str
    references: tuple[SentObject, ...]
    #: seconds already granted for an answer; 0 when asked for the first time
    waited: float


def due(ledger: Ledger, now: float, lease_seconds: float, limit: int, destination: str | None = None) -> list[Delivery]:
    """Lease the due deliveries of the most urgent study, to one destination."""
    # what was never refused has nothing to wait for, not even for a clock that was set back
    ready = (deliveries.c.state == DeliveryState.QUEUED) | (
        (deliveries.c.state == DeliveryState.RETRYING) & (deliveries.c.due_at <= now)
    )
    too_far = now + lease_seconds + MOST_SKEW_SECONDS
    lease = deliveries.c.lease_until
    ready &= lease.is_(None) | (lease < now) | (lease > too_far)
    if destination is not None:
        ready &= deliveries.c.destination == destination
    with ledger.writing() as connection:
        first = connection.execute(
            select(deliveries.c.study_uid, deliveries.c.destination)
            .where(ready)
            .order_by(deliveries.c.rank, deliveries.c.due_at, deliveries.c.id)
            .limit(1)
        ).first()
        if first is None:
            return []
        ready &= (deliveries.c.study_uid == first.study_uid) & (deliveries.c.destination == first.destination)
        return _lease(connection, ready, now + lease_seconds, limit)


def _lease(connection: Connection, ready: Any, until: float, limit: int) -> list[Delivery]:
    rows = connection.execute(
        select(deliveries, result_objects)
        .join(result_objects, result_objects.c.sop_uid == deliveries.c.sop_uid)
        .where(ready)
        .order_by(result_objects.c.kind != ObjectKind.SR, result_objects.c.number, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deliveries)
    ).all()
    lease = uuid4().hex
    connection.execute(
        update(deliveries).where(deliveries.c.id.in_([row.id for row in rows])).values(lease=lease, lease_until=until)
    )
    return [_delivery(row, lease) for row in rows]


def _delivery(row: Any, lease: str) -> Delivery:
    return Delivery(
        delivery_id=DeliveryId(row.id),
        study_uid=StudyUid(row.study_uid),
        destination=row.destination,
        state=DeliveryState(row.state),
        attempt=row.attempt,
        queued_at=row.queued_at,
        urgent=row.rank == 0,
        lease=lease,
        obj=result_object(row),
    )


def waiting_destinations(ledger: Ledger) -> set[str]:
    """Name the destinations that something waits for, known to the settings or not."""
    with ledger.reading() as connection:
        return set(
            connection.scalars(select(deliveries.c.destination).where(deliveries.c.state.in_(UNSENT)).distinct())
        )


def accepted(ledger: Ledger, delivery: Delivery, now: float, text: str = "") -> None:
    """The destination took the object; the first one taken, the report where it is asked for, is the notification."""
    with ledger.writing() as connection:
        row = _move(connection, delivery, DeliveryEvent.ACCEPTED, error=text, sent_at=now, commit_due_at=now)
        first = connection.execute(
            update(studies)
            .where(studies.c.study_uid == row.study_uid, studies.c.notified_at.is_(None))
            .values(notified_at=now)
        )
        if first.rowcount:
            note(connection, row.study_uid, "notified", f"{row.destination} took the first result object", now)
        _note_when_all_sent(connection, row, now)
        refresh_state(connection, row.study_uid)


def _note_when_all_sent(connection: Connection, row: Any, now: float) -> None:
    mine = (deliveries.c.study_uid == row.study_uid) & (deliveries.c.destination == row.destination)
    left = connection.scalar(select(func.count()).select_from(deliveries).where(mine, deliveries.c.state.in_(UNSENT)))
    if not left:
        note(connection, row.study_uid, "sent", f"all objects sent to {row.destination}", now)


def refused(ledger: Ledger, delivery: Delivery, error: str, due_at: float, now: float) -> None:
    """The destination did not take the object; it is tried again at ``due_at``."""
    with ledger.writing() as connection:
        row = _move(
            connection, delivery, DeliveryEvent.REFUSED, error=error, due_at=due_at, attempt=delivery.attempt + 1
        )
        if not row.attempt:
            note(connection, row.study_uid, "not delivered", f"{row.destination}: {error}", now)
        refresh_state(connection, row.study_uid)


def exhausted(ledger: Ledger, delivery: Delivery, error: str, now: float) -> None:
    """Stop trying; a person must look."""
    with ledger.writing() as connection:
        row = _move(connection, delivery, DeliveryEvent.EXHAUSTED, error=error)
        note(connection, row.study_uid, "delivery dead", f"{row.destination}: {error}", now)
        refresh_state(connection, row.study_uid)


def retry(ledger: Ledger, delivery_id: int, now: float) -> bool:
    """Send again by hand; False when there is no such delivery or it is on its way already."""
    with ledger.writing() as connection:
        row = connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).first()
        after = DELIVERY_TRANSITIONS.get((DeliveryState(row.state), DeliveryEvent.RETRY)) if row else None
        if row is None or after is None:
            return False
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id)
            .values(state=after, due_at=now, queued_at=now, attempt=0, lease=None, lease_until=None)
            .values(error="", unprovable=False)
        )
        note(connection, row.study_uid, "retried", f"sent to {row.destination} again by hand", now)
        refresh_state(connection, row.study_uid)
        return True


def _move(connection: Connection, delivery: Delivery, event: DeliveryEvent, **values: Any) -> Any:
    row = connection.execute(select(deliveries).where(deliveries.c.id == delivery.delivery_id)).one()
    if row.lease != delivery.lease:
        raise LeaseLost(f"delivery {delivery.delivery_id} belongs to another sender now")
    _set(connection, row, event, **values)
    return row


def _set(connection: Connection, row: Any, event: DeliveryEvent, **values: Any) -> None:
    after = DELIVERY_TRANSITIONS[DeliveryState(row.state), event]
    connection.execute(
        update(deliveries).where(deliveries.c.id == row.id).values(state=after, lease=None, lease_until=None, **values)
    )


def ask_commitment(
    ledger: Ledger, destination: str, transaction_uid: str, due_again_at: float, now: float
) -> CommitRequest | None:
    """Put a transaction UID on the sent objects of one study before the request goes out."""
    waiting = (deliveries.c.state == DeliveryState.SENT) & (deliveries.c.destination == destination)
    waiting &= deliveries.c.commit_due_at <= now
    with ledger.writing() as connection:
        study = connection.scalar(select(deliveries.c.study_uid).where(waiting).order_by(deliveries.c.sent_at).limit(1))
        if study is None:
            return None
        rows = connection.execute(
            select(deliveries, result_objects.c.sop_class, result_objects.c.series_uid)
            .join(result_objects, result_objects.c.sop_uid == deliveries.c.sop_uid)
            .where(waiting, deliveries.c.study_uid == study)
        ).all()
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_([row.id for row in rows]))
            .values(transaction_uid=transaction_uid, commit_due_at=due_again_at)
        )
        references = tuple(SentObject(row.sop_class, row.sop_uid, row.series_uid) for row in rows)
        return CommitRequest(
            transaction_uid=transaction_uid,
            destination=destination,
            study_uid=study,
            references=references,
            waited=max(row.commit_due_at - row.sent_at for row in rows),
        )


def put_off_commitment(ledger: Ledger, transaction_uid: str, due_again_at: float) -> None:
    """Give a transaction that is asked for again more time."""
    _while_sent(ledger, transaction_uid, commit_due_at=due_again_at)


def doubt_commitment(ledger: Ledger, transaction_uid: str, text: str) -> None:
    """Keep why there is no proof yet; it is asked for again when its time comes."""
    _while_sent(ledger, transaction_uid, error=text)


def settle_unproven(ledger: Ledger, transaction_uid: str, text: str, *, unprovable: bool = False) -> None:
    """Leave a group as sent, not proven: its destination never answers, or knows no Storage Commitment at all."""
    _while_sent(ledger, transaction_uid, commit_due_at=None, error=text, unprovable=unprovable)


def _while_sent(ledger: Ledger, transaction_uid: str, **values: Any) -> None:
    waiting = (deliveries.c.transaction_uid == transaction_uid) & (deliveries.c.state == DeliveryState.SENT)
    with ledger.writing() as connection:
        connection.execute(update(deliveries).where(waiting).values(values))


@dataclass(frozen=True, kw_only=True)
class CommitReport:
    """What a destination says of one transaction: UIDs it keeps, lost (it is sent again), doubted (it is asked again).

    The last two with their reason in words.
    """

    transaction_uid: str
    kept: Collection[str]
    lost: Mapping[str, str] = field(default_factory=dict)
    doubted: Mapping[str, str] = field(default_factory=dict)


def commitment_report(ledger: Ledger, report: CommitReport, now: float) -> int:
    """Keep what the destination proved, send again what it lost, later each time; leave what it only did not prove."""
    with ledger.writing() as connection:
        rows = connection.execute(
            select(deliveries).where(
                deliveries.c.transaction_uid == report.transaction_uid, deliveries.c.state == DeliveryState.SENT
            )
        ).all()
        for row in rows:
            _take_proof(connection, row, report, now)
        for study_uid in {row.study_uid for row in rows}:
            _note_report(connection, study_uid, report, now)
            refresh_state(connection, study_uid)
        return len(rows)


def _take_proof(connection: Connection, row: Any, report: CommitReport, now: float) -> None:
    if row.sop_uid in report.kept:
        _set(connection, row, DeliveryEvent.PROVEN, committed_at=now, error="")
    elif row.sop_uid in report.lost:
        again = {"due_at": now + row.attempt * LOST_AGAIN_SECONDS, "attempt": row.attempt + 1}
        _set(connection, row, DeliveryEvent.MISSING, error=report.lost[row.sop_uid], **again)
    elif row.sop_uid in report.doubted:
        connection.execute(
            update(deliveries).where(deliveries.c.id == row.id).values(error=report.doubted[row.sop_uid])
        )


def _note_report(connection: Connection, study_uid: str, report: CommitReport, now: float) -> None:
    text = f"{len(report.kept)} object(s) proven stored, {len(report.lost)} missing"
    if report.doubted:
        text += f", {len(report.doubted)} refused"
    whole = not report.lost and not report.doubted
    note(connection, study_uid, "committed" if whole else "not proven", text, now)
