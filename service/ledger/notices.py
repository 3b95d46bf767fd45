"""The outbox of notices: who must hear of an answer, each leased to a teller, told, tried again or dead."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, exists, insert, select, update

from service.domain.ids import StudyUid
from service.domain.notice import (
    NOTICE_TRANSITIONS,
    Addressee,
    News,
    Notice,
    NoticeEvent,
    NoticeKind,
    NoticeState,
    Told,
    is_owed,
)
from service.domain.scan import Patient, StudyHeader
from service.domain.verdict import Verdict
from service.errors import LeaseLost
from service.ledger.book import Ledger
from service.ledger.codec import from_json, to_json
from service.ledger.studies import note
from service.ledger.tables import notices, studies

UNSENT = (NoticeState.QUEUED, NoticeState.RETRYING)
#: a lease that ends later than this after its time was granted by a clock that was set back since
MOST_SKEW_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whom a study is about, for targets that may be told; never logged."""

    patient: Patient
    header: StudyHeader
    received_at: float


def queue(connection: Connection, study_uid: str, fingerprint: str, news: News, addressees: Iterable[Addressee]) -> int:
    """Write a notice for each target that must hear; what it was to be told before is overtaken."""
    return sum(_queue_one(connection, study_uid, fingerprint, news, one) for one in addressees)


def _queue_one(connection: Connection, study_uid: str, fingerprint: str, news: News, to: Addressee) -> bool:
    rows = _of(connection, study_uid, to.name)
    if not is_owed(to.on, news, [from_json(News, row.news) for row in rows]):
        return False
    for row in rows:
        _overtake(connection, row)
    number = len(rows) + 1
    connection.execute(
        insert(notices).values(
            study_uid=study_uid,
            target=to.name,
            kind=to.kind,
            number=number,
            key=key_of(study_uid, to.name, fingerprint, number),
            news=to_json(news),
            state=NoticeState.QUEUED,
            rank=0 if news.verdict is Verdict.POSITIVE else 1,
            queued_at=news.concluded_at,
            due_at=news.concluded_at,
        )
    )
    return True


def key_of(study_uid: str, target: str, fingerprint: str, number: int) -> str:
    """Name a notice for good: the same result set told for the same time to the same target."""
    return hashlib.sha256("\0".join((study_uid, target, fingerprint, str(number))).encode()).hexdigest()


def _of(connection: Connection, study_uid: str, target: str) -> Sequence[Any]:
    mine = (notices.c.study_uid == study_uid) & (notices.c.target == target)
    return connection.execute(select(notices).where(mine).order_by(notices.c.number)).all()


def _overtake(connection: Connection, row: Any) -> None:
    """Keep its lease: whoever is telling it now may still write down what became of it."""
    after = NOTICE_TRANSITIONS.get((NoticeState(row.state), NoticeEvent.OVERTAKEN))
    if after:
        connection.execute(update(notices).where(notices.c.id == row.id).values(state=after))


def due(ledger: Ledger, target: str, now: float, lease_seconds: float) -> Notice | None:
    """Lease the most urgent notice that is due to a target; two about one study are never on their way at once."""
    # what was never refused has nothing to wait for, not even for a clock that was set back
    ready = (notices.c.state == NoticeState.QUEUED) | (
        (notices.c.state == NoticeState.RETRYING) & (notices.c.due_at <= now)
    )
    other = notices.alias("other")
    held = (other.c.lease_until >= now) & (other.c.lease_until <= now + lease_seconds + MOST_SKEW_SECONDS)
    busy = exists().where(other.c.study_uid == notices.c.study_uid, other.c.target == target, held)
    with ledger.writing() as connection:
        row = connection.execute(
            select(notices)
            .where(notices.c.target == target, ready, ~busy)
            .order_by(notices.c.rank, notices.c.due_at, notices.c.id)
            .limit(1)
            .with_for_update(skip_locked=True, of=notices)
        ).first()
        if row is None:
            return None
        lease = uuid4().hex
        held_until = {"lease": lease, "lease_until": now + lease_seconds}
        connection.execute(update(notices).where(notices.c.id == row.id).values(**held_until))
        return _notice(row, lease, _of(connection, row.study_uid, target))


def _notice(row: Any, lease: str, told: Sequence[Any]) -> Notice:
    return Notice(
        notice_id=row.id,
        key=row.key,
        study_uid=StudyUid(row.study_uid),
        target=row.target,
        kind=NoticeKind(row.kind),
        number=row.number,
        attempt=row.attempt,
        queued_at=row.queued_at,
        lease=lease,
        news=from_json(News, row.news),
        earlier=tuple(
            Told(key=one.key, verdict=from_json(News, one.news).verdict) for one in told if one.number < row.number
        ),
    )


def waiting_targets(ledger: Ledger) -> set[str]:
    """Name the targets that something waits for, known to the settings or not."""
    with ledger.reading() as connection:
        return set(connection.scalars(select(notices.c.target).where(notices.c.state.in_(UNSENT)).distinct()))


def subject_of(ledger: Ledger, study_uid: str) -> Subject:
    """Give what the study says about its patient and order."""
    with ledger.reading() as connection:
        row = connection.execute(select(studies).where(studies.c.study_uid == study_uid)).one()
        return Subject(
            patient=from_json(Patient, row.patient),
            header=from_json(StudyHeader, row.header),
            received_at=row.received_at,
        )


def accepted(ledger: Ledger, notice: Notice, now: float, text: str = "") -> None:
    """The target took it."""
    with ledger.writing() as connection:
        row = _move(connection, notice, NoticeEvent.ACCEPTED, sent_at=now, error=text)
        note(connection, row.study_uid, "notice sent", f"{row.target} ({row.kind}) took the notice", now)


def refused(ledger: Ledger, notice: Notice, error: str, due_at: float, now: float) -> None:
    """The target did not take it; it is tried again at ``due_at``."""
    with ledger.writing() as connection:
        values = {"error": error, "due_at": due_at, "attempt": notice.attempt + 1}
        row = _move(connection, notice, NoticeEvent.REFUSED, **values)
        if not row.attempt:
            note(connection, row.study_uid, "notice not sent", f"{row.target} ({row.kind}): {error}", now)


def exhausted(ledger: Ledger, notice: Notice, error: str, now: float) -> None:
    """Stop trying; a person must look."""
    with ledger.writing() as connection:
        row = _move(connection, notice, NoticeEvent.EXHAUSTED, error=error)
        note(connection, row.study_uid, "notice dead", f"{row.target} ({row.kind}): {error}", now)


def is_newest(ledger: Ledger, notice_id: int) -> bool:
    """Tell whether nothing newer was written about its study to its target."""
    with ledger.reading() as connection:
        row = connection.execute(select(notices).where(notices.c.id == notice_id)).first()
        return row is not None and _of(connection, row.study_uid, row.target)[-1].id == notice_id


def retry(ledger: Ledger, notice_id: int, now: float) -> bool:
    """Tell again by hand; False when there is no such notice, it waits already, or a newer one took its place."""
    with ledger.writing() as connection:
        row = connection.execute(select(notices).where(notices.c.id == notice_id)).first()
        after = NOTICE_TRANSITIONS.get((NoticeState(row.state), NoticeEvent.RETRY)) if row else None
        if row is None or after is None or _of(connection, row.study_uid, row.target)[-1].id != row.id:
            return False
        fresh = {"state": after, "due_at": now, "queued_at": now, "attempt": 0, "lease": None, "lease_until": None}
        connection.execute(update(notices).where(notices.c.id == notice_id).values(**fresh, error=""))
        note(connection, row.study_uid, "notice retried", f"{row.target} ({row.kind}) is told again by hand", now)
        return True


def _move(connection: Connection, notice: Notice, event: NoticeEvent, **values: Any) -> Any:
    row = connection.execute(select(notices).where(notices.c.id == notice.notice_id)).one_or_none()
    if row is None or row.lease != notice.lease:
        raise LeaseLost(f"notice {notice.notice_id} belongs to another teller now")
    after = NOTICE_TRANSITIONS[NoticeState(row.state), event]
    free = {"state": after, "lease": None, "lease_until": None}
    connection.execute(update(notices).where(notices.c.id == row.id).values(**free, **values))
    return row
