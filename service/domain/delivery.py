"""What leaves the node: result objects and their way to each destination."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.domain.ids import DeliveryId, SopUid, StudyUid


class ObjectKind(StrEnum):
    """The objects a destination may ask for."""

    SC = "sc"
    SR = "sr"
    KO = "ko"
    GSPS = "gsps"


class Dialect(StrEnum):
    """How a report is written; the other kinds have none."""

    TID1500 = "tid1500"
    ENHANCED = "enhanced"
    BASIC = "basic"


#: they point at what was flagged; a clear study has nothing to point at
POSITIVE_ONLY = frozenset({ObjectKind.KO, ObjectKind.GSPS})


@dataclass(frozen=True)
class Form:
    """What a destination asks for: a kind of object, and of a report its dialect. Each form has UIDs of its own."""

    kind: ObjectKind
    dialect: Dialect | None = None

    @property
    def name(self) -> str:
        """Return the word for UIDs and files; TID 1500 keeps that of the versions that knew no other dialect."""
        plain = self.dialect in (None, Dialect.TID1500)
        return self.kind.value if plain else f"{self.kind}-{self.dialect}"


#: made for every study, asked for or not: the page shows them, and a destination may be added later
HOUSE_FORMS = (Form(ObjectKind.SC), Form(ObjectKind.SR, Dialect.TID1500))


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
    dialect: Dialect | None = None

    @property
    def form(self) -> Form:
        """Return what a destination asks for to get it."""
        return Form(self.kind, self.dialect)


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
