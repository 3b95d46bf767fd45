"""Flagged, but not yet proven delivered: what still is on its way to somebody, and what nobody vouches for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, func, or_, select

from service.domain.delivery import DeliveryState
from service.domain.verdict import Verdict
from service.ledger.book import Ledger
from service.ledger.tables import deliveries, result_objects, studies

ON_THE_WAY = (DeliveryState.QUEUED, DeliveryState.RETRYING, DeliveryState.DEAD)
#: the worst first: what is said of several objects is the worst of them
WORST = (DeliveryState.DEAD, DeliveryState.RETRYING, DeliveryState.QUEUED, DeliveryState.SENT)


@dataclass(frozen=True, kw_only=True)
class Undelivered:
    """The objects of one flagged study that one destination has not taken or not proven; times in epoch seconds."""

    study_uid: str
    accession_number: str
    destination: str
    state: DeliveryState
    objects: int
    #: since when the oldest of them waits
    queued_at: float
    error: str
    #: some destination has taken a result of this study
    notified: bool
    #: all that is missing is proof, and the destination knows none
    unprovable: bool


def undelivered(ledger: Ledger, proving: Collection[str], limit: int) -> list[Undelivered]:
    """List them by study and destination, the oldest first; ``proving`` are the destinations asked for proof.

    Only the results that stand count: nobody waits for a superseded answer.
    """
    rank = case({one.value: at for at, one in enumerate(WORST)}, value=deliveries.c.state)
    query = (
        select(
            deliveries.c.study_uid,
            deliveries.c.destination,
            studies.c.accession_number,
            studies.c.notified_at,
            func.min(rank).label("worst"),
            func.count().label("objects"),
            func.min(deliveries.c.queued_at).label("since"),
            func.max(deliveries.c.error).label("error"),
            func.min(case((deliveries.c.unprovable, 1), else_=0)).label("unprovable"),
        )
        .join(studies, studies.c.study_uid == deliveries.c.study_uid)
        .join(result_objects, result_objects.c.sop_uid == deliveries.c.sop_uid)
        .where(_open(proving), studies.c.verdict == Verdict.POSITIVE.value)
        .where(result_objects.c.result_set == studies.c.published_set)
        .group_by(deliveries.c.study_uid, deliveries.c.destination)
        .group_by(studies.c.accession_number, studies.c.notified_at)
        .order_by(func.min(deliveries.c.queued_at), deliveries.c.study_uid, deliveries.c.destination)
        .limit(limit)
    )
    with ledger.reading() as db:
        return [_one(row) for row in db.execute(query)]


def _open(proving: Collection[str]) -> Any:
    sent = and_(deliveries.c.state == DeliveryState.SENT.value, deliveries.c.destination.in_(sorted(proving)))
    return or_(deliveries.c.state.in_([one.value for one in ON_THE_WAY]), sent)


def _one(row: Any) -> Undelivered:
    return Undelivered(
        study_uid=row.study_uid,
        accession_number=row.accession_number,
        destination=row.destination,
        state=WORST[row.worst],
        objects=row.objects,
        queued_at=row.since,
        error=row.error,
        notified=row.notified_at is not None,
        unprovable=bool(row.unprovable),
    )
