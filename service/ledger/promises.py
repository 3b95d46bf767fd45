"""What others ask us to vouch for: requests for Storage Commitment, kept before they are answered (PS3.4 J)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from service.domain.delivery import RequestState
from service.ledger.book import Ledger
from service.ledger.tables import commitment_requests as requests
from service.ledger.tables import instances

#: so many values fit into one statement of any database
MOST_NAMED = 10_000


@dataclass(frozen=True, kw_only=True)
class PromiseAsked:
    """A request as it came; ``instances`` are (SOP class, SOP instance)."""

    transaction_uid: str
    calling_ae: str
    address: str
    instances: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class OpenPromise:
    """A request that still waits for its report."""

    request_id: int
    asked: PromiseAsked
    duplicate: bool
    received_at: float
    attempt: int


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the ledger knows of a received instance."""

    sop_class: str
    content_hash: str


def keep_request(ledger: Ledger, asked: PromiseAsked, due_at: float, now: float) -> OpenPromise:
    """Write a request down; the same again is reported again, another under a used transaction UID is a duplicate."""
    with ledger.writing() as connection:
        before = connection.execute(
            select(requests).where(requests.c.transaction_uid == asked.transaction_uid).order_by(requests.c.id)
        ).all()
        same = next((one for one in before if not one.duplicate and _asked(one) == asked), None)
        if same is not None:
            values = {"state": RequestState.OPEN, "due_at": due_at, "attempt": 0, "received_at": now}
            connection.execute(update(requests).where(requests.c.id == same.id).values(values))
            row = connection.execute(select(requests).where(requests.c.id == same.id)).one()
        else:
            row = _insert(connection, asked, bool(before), (due_at, now))
        return _open(row)


def _insert(connection: Connection, asked: PromiseAsked, duplicate: bool, times: tuple[float, float]) -> Any:
    made = connection.execute(
        insert(requests).values(
            transaction_uid=asked.transaction_uid,
            calling_ae=asked.calling_ae,
            address=asked.address,
            instances=[list(one) for one in asked.instances],
            duplicate=duplicate,
            state=RequestState.OPEN,
            due_at=times[0],
            received_at=times[1],
        )
    )
    key = made.inserted_primary_key
    assert key is not None
    return connection.execute(select(requests).where(requests.c.id == key[0])).one()


def open_requests(ledger: Ledger, calling_ae: str) -> int:
    """Count what one caller still waits for."""
    waiting = (requests.c.state == RequestState.OPEN) & (requests.c.calling_ae == calling_ae)
    with ledger.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(requests).where(waiting)).scalar_one())


def claim_request(ledger: Ledger, now: float, lease_seconds: float) -> OpenPromise | None:
    """Lease the request that has been due longest; a process that dies over it leaves it due again."""
    due = (requests.c.state == RequestState.OPEN) & (requests.c.due_at <= now)
    with ledger.reading() as connection:
        # looking costs a reader, claiming takes the write lock from the door
        if connection.scalar(select(requests.c.id).where(due).limit(1)) is None:
            return None
    with ledger.writing() as connection:
        row = connection.execute(
            select(requests).where(due).order_by(requests.c.due_at).limit(1).with_for_update(skip_locked=True)
        ).first()
        if row is None:
            return None
        connection.execute(update(requests).where(requests.c.id == row.id).values(due_at=now + lease_seconds))
        return _open(row)


def settle_request(ledger: Ledger, request_id: int, state: RequestState, error: str = "") -> None:
    """The report was taken, or nobody tries any more."""
    with ledger.writing() as connection:
        connection.execute(update(requests).where(requests.c.id == request_id).values(state=state, error=error))


def put_off_requests(ledger: Ledger, calling_ae: str, error: str, due_at: float) -> None:
    """Let everything that a caller waits for wait on: it cannot be reached now."""
    waiting = (requests.c.state == RequestState.OPEN) & (requests.c.calling_ae == calling_ae)
    with ledger.writing() as connection:
        connection.execute(
            update(requests).where(waiting).values(error=error, due_at=due_at, attempt=requests.c.attempt + 1)
        )


def forget_requests(ledger: Ledger, before: float) -> int:
    """Drop what was settled and came before; its transaction UIDs may be used anew."""
    old = (requests.c.state != RequestState.OPEN) & (requests.c.received_at < before)
    with ledger.writing() as connection:
        return int(connection.execute(delete(requests).where(old)).rowcount)


def held(ledger: Ledger, sop_uids: Sequence[str]) -> dict[str, Held]:
    """Return what was received under these UIDs."""
    columns = (instances.c.sop_uid, instances.c.content_hash, instances.c.header["sop_class"].as_string().label("kind"))
    found: dict[str, Held] = {}
    with ledger.reading() as connection:
        for at in range(0, len(sop_uids), MOST_NAMED):
            query = select(*columns).where(instances.c.sop_uid.in_(sop_uids[at : at + MOST_NAMED]))
            for row in connection.execute(query):
                found[row.sop_uid] = Held(sop_class=row.kind or "", content_hash=row.content_hash)
    return found


def _asked(row: Any) -> PromiseAsked:
    return PromiseAsked(
        transaction_uid=row.transaction_uid,
        calling_ae=row.calling_ae,
        address=row.address,
        instances=tuple((one[0], one[1]) for one in row.instances),
    )


def _open(row: Any) -> OpenPromise:
    return OpenPromise(
        request_id=row.id,
        asked=_asked(row),
        duplicate=row.duplicate,
        received_at=row.received_at,
        attempt=row.attempt,
    )
