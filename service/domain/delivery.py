"""What leaves the node: result objects and their way to each destination."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.domain.ids import DeliveryId, SopUid, StudyUid


class ObjectKind(StrEnum):
    """The objects a destination may ask for."""

    SC = "sc"
    SR = "sr"


class DeliveryState(StrEnum):
    """Where one result object stands on its way to one destination."""

    QUEUED = "queued"
    SENT = "sent"
    COMMITTED = "committed"
    RETRYING = "retrying"
    DEAD = "dead"


class DeliveryEvent(StrEnum):
    """What can happen to a delivery."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXHAUSTED = "exhausted"
    PROVEN = "proven"
    MISSING = "missing"
    RETRY = "retry"


DELIVERY_TRANSITIONS: dict[tuple[DeliveryState, DeliveryEvent], DeliveryState] = {
    (DeliveryState.QUEUED, DeliveryEvent.ACCEPTED): DeliveryState.SENT,
    (DeliveryState.QUEUED, DeliveryEvent.REFUSED): DeliveryState.RETRYING,
    (DeliveryState.QUEUED, DeliveryEvent.EXHAUSTED): DeliveryState.DEAD,
    (DeliveryState.RETRYING, DeliveryEvent.ACCEPTED): DeliveryState.SENT,
    (DeliveryState.RETRYING, DeliveryEvent.REFUSED): DeliveryState.RETRYING,
    (DeliveryState.RETRYING, DeliveryEvent.EXHAUSTED): DeliveryState.DEAD,
    (DeliveryState.RETRYING, DeliveryEvent.RETRY): DeliveryState.QUEUED,
    (DeliveryState.DEAD, DeliveryEvent.RETRY): DeliveryState.QUEUED,
    (DeliveryState.SENT, DeliveryEvent.PROVEN): DeliveryState.COMMITTED,
    (DeliveryState.SENT, DeliveryEvent.MISSING): DeliveryState.RETRYING,
    (DeliveryState.SENT, DeliveryEvent.RETRY): DeliveryState.QUEUED,
    (DeliveryState.COMMITTED, DeliveryEvent.RETRY): DeliveryState.QUEUED,
}


class RequestState(StrEnum):
    """Where a peer's request for Storage Commitment stands."""

    OPEN = "open"
    REPORTED = "reported"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, kw_only=True)
class ResultObject:
    """A finished DICOM file of ours, in the store under its content hash."""

    sop_uid: SopUid
    sop_class: str
    series_uid: str
    kind: ObjectKind
    content_hash: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One result object on its way to one destination; ``urgent`` ones go first."""

    delivery_id: DeliveryId
    study_uid: StudyUid
    destination: str
    state: DeliveryState
    attempt: int
    #: when it was put into the outbox, or back into it by hand
    queued_at: float
    urgent: bool
    #: who holds it now; empty when nobody does
    lease: str
    obj: ResultObject
