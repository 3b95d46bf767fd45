"""What people and systems are told about an answer: the news, whom it is owed to, and its way there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.domain.ids import StudyUid
from service.domain.verdict import Priority, StudyVerdict, Verdict


class NoticeKind(StrEnum):
    """How a target is told."""

    HL7 = "hl7"
    WEBHOOK = "webhook"
    MAIL = "mail"
    UPS = "ups"


class NoticeState(StrEnum):
    """Where one notice stands on its way to one target."""

    QUEUED = "queued"
    SENT = "sent"
    RETRYING = "retrying"
    DEAD = "dead"
    SUPERSEDED = "superseded"


class NoticeEvent(StrEnum):
    """What can happen to a notice."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXHAUSTED = "exhausted"
    OVERTAKEN = "overtaken"
    RETRY = "retry"


NOTICE_TRANSITIONS: dict[tuple[NoticeState, NoticeEvent], NoticeState] = {
    (NoticeState.QUEUED, NoticeEvent.ACCEPTED): NoticeState.SENT,
    (NoticeState.QUEUED, NoticeEvent.REFUSED): NoticeState.RETRYING,
    (NoticeState.QUEUED, NoticeEvent.EXHAUSTED): NoticeState.DEAD,
    (NoticeState.QUEUED, NoticeEvent.OVERTAKEN): NoticeState.SUPERSEDED,
    (NoticeState.RETRYING, NoticeEvent.ACCEPTED): NoticeState.SENT,
    (NoticeState.RETRYING, NoticeEvent.REFUSED): NoticeState.RETRYING,
    (NoticeState.RETRYING, NoticeEvent.EXHAUSTED): NoticeState.DEAD,
    (NoticeState.RETRYING, NoticeEvent.OVERTAKEN): NoticeState.SUPERSEDED,
    (NoticeState.RETRYING, NoticeEvent.RETRY): NoticeState.QUEUED,
    (NoticeState.DEAD, NoticeEvent.OVERTAKEN): NoticeState.SUPERSEDED,
    (NoticeState.DEAD, NoticeEvent.RETRY): NoticeState.QUEUED,
    (NoticeState.SENT, NoticeEvent.RETRY): NoticeState.QUEUED,
    # it was on its way when a newer one took its place
    (NoticeState.SUPERSEDED, NoticeEvent.ACCEPTED): NoticeState.SENT,
    (NoticeState.SUPERSEDED, NoticeEvent.REFUSED): NoticeState.SUPERSEDED,
    (NoticeState.SUPERSEDED, NoticeEvent.EXHAUSTED): NoticeState.SUPERSEDED,
}


@dataclass(frozen=True, kw_only=True)
class Addressee:
    """A target as the ledger needs to know it: who, how, and which answers it wants to hear of."""

    name: str
    kind: NoticeKind
    on: frozenset[Verdict]


@dataclass(frozen=True, kw_only=True)
class News:
    """The answer as it is told, without a word about the patient but what ``why`` may quote from headers."""

    verdict: Verdict
    priority: Priority
    probability: float | None
    why: str
    #: what a reader would notice changing
    answer: str
    findings: tuple[tuple[str, float], ...]
    leading_series: str | None
    #: name, version and hash of the pack that read it; empty when nothing was read
    pack: tuple[str, str, str] | None
    concluded_at: float


@dataclass(frozen=True, kw_only=True)
class Told:
    """An earlier notice about the same study to the same target."""

    key: str
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One piece of news on its way to one target; ``key`` is the same each time it is sent."""

    notice_id: int
    key: str
    study_uid: StudyUid
    target: str
    kind: NoticeKind
    number: int
    attempt: int
    #: when it was put into the outbox, or back into it by hand
    queued_at: float
    #: who holds it now
    lease: str
    news: News
    #: oldest first
    earlier: tuple[Told, ...]


def news_of(verdict: StudyVerdict, at: float) -> News:
    """Reduce a verdict to what is told of it."""
    lead = next((one for one in verdict.conclusions if one.series_uid == verdict.leading_series), None)
    return News(
        verdict=verdict.verdict,
        priority=verdict.priority,
        probability=verdict.probability,
        why=verdict.why,
        answer=verdict.answer,
        findings=lead.findings if lead else (),
        leading_series=lead.series_uid if lead else None,
        pack=(lead.pack_name, lead.pack_version, lead.pack_hash) if lead else None,
        concluded_at=at,
    )


def is_wanted(on: Collection[Verdict], verdict: Verdict, priority: Priority) -> bool:
    """Tell whether a target wants to hear of this answer; what clearly is no head CT is nobody's news."""
    return verdict in on and not (verdict is Verdict.NOT_ANALYSED and priority is Priority.LOW)


def is_owed(on: Collection[Verdict], news: News, told: Sequence[News]) -> bool:
    """Tell whether a target must hear: it wants this answer, or was told another one that it wanted. Oldest first."""
    if not told:
        return is_wanted(on, news.verdict, news.priority)
    last = told[-1]
    if last.answer == news.answer:
        return False
    return any(is_wanted(on, one.verdict, one.priority) for one in (news, last))
