"""The study page in words: headline, pictures, suitability, series, walk and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.delivery import DELIVERY_TRANSITIONS, DeliveryEvent, DeliveryState, ObjectKind
from service.domain.series import SeriesState
from service.domain.verdict import ANY, SeriesConclusion
from service.ledger.case import Case, ListedDelivery, ListedResult, ListedSeries
from service.ledger.listing import Progress
from service.worklist.answers import leading_of
from service.worklist.views import Row, row_of
from service.worklist.words import (
    DELIVERY_WORDS,
    HEADLINES,
    clock,
    counted,
    finding_name,
    lapse,
    percent,
    sentence,
    thing_words,
)

STEPS = {"received": "Received", "reopened": "Reopened", "complete": "Complete", "concluded": "Concluded"}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One result picture and what it shows."""

    sop_uid: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of bleed with its probability."""

    name: str
    chance: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class SeriesCard:
    """What happened to one series."""

    uid: str
    title: str
    modality: str
    count: str
    outcome: str
    why: str
    leading: bool
    #: its bars where more than one series was read, in the same order for all of them
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class WalkStep:
    """One step of the walk: when, what, and how long after the step before."""

    at: str
    name: str
    text: str
    seconds: str
    #: of the longest pause, 0 to 100
    share: float


@dataclass(frozen=True, kw_only=True)
class DeliveryCard:
    """One delivery in words."""

    delivery_id: int
    thing: str
    destination: str
    state: DeliveryState
    state_word: str
    detail: str
    may_retry: bool


@dataclass(frozen=True, kw_only=True)
class CaseView:
    """Everything the study page prints."""

    row: Row
    case: Case
    leading: ListedSeries | None
    conclusion: SeriesConclusion | None
    pictures: tuple[Picture, ...]
    findings: tuple[Finding, ...]
    #: the rule's sentence where the reason does not hold it already
    rule: str
    series: tuple[SeriesCard, ...]
    walk: tuple[WalkStep, ...]
    deliveries: tuple[DeliveryCard, ...]
    earlier: int


def case_view(case: Case, progress: Progress, now: float) -> CaseView:
    """Put the whole study into words."""
    leading = leading_of(case)
    conclusion = leading.conclusion if leading else None
    row = row_of(case.study, progress, now)
    several = sum(bool(one.conclusion and one.conclusion.findings) for one in case.series) > 1
    return CaseView(
        row=row,
        case=case,
        leading=leading,
        conclusion=conclusion,
        pictures=_pictures(case.results, conclusion),
        findings=_findings(conclusion),
        rule=_rule(row, conclusion),
        series=tuple(_series(one, one is leading, several) for one in case.series),
        walk=_walk(case, now),
        deliveries=tuple(delivery_card(one, now) for one in case.deliveries),
        earlier=len({one.result_set for one in case.results if not one.current}),
    )


def _pictures(results: tuple[ListedResult, ...], conclusion: SeriesConclusion | None) -> tuple[Picture, ...]:
    """Name the pictures where the counts agree: made summary first, shown key slices first, the most telling on top."""
    shown = [one for one in results if one.current and one.kind is ObjectKind.SC]
    keys = conclusion.key_slices if conclusion else ()
    named = conclusion is not None and len(shown) == len(keys) + 1
    captions = [f"Picture {one.number}" for one in shown]
    if conclusion and named:
        slices = [conclusion.slices[key] for key in keys]
        captions = ["Summary", *(f"Image {one.instance_number or '?'} · {percent(one.probability)}" for one in slices)]
    pictures = [Picture(sop_uid=one.sop_uid, caption=text) for one, text in zip(shown, captions, strict=True)]
    return tuple([*pictures[1:], *pictures[:1]] if named else pictures)


def _findings(conclusion: SeriesConclusion | None) -> tuple[Finding, ...]:
    if conclusion is None:
        return ()
    return _named(sorted(conclusion.findings, key=lambda one: (one[0] != ANY, -one[1])))


def _named(findings: Sequence[tuple[str, float]]) -> tuple[Finding, ...]:
    return tuple(
        Finding(name=finding_name(label), chance=percent(chance), probability=chance) for label, chance in findings
    )


def _rule(row: Row, conclusion: SeriesConclusion | None) -> str:
    said = conclusion.decision.sentence if conclusion and conclusion.decision else ""
    return "" if said.lower() in row.why.lower() else sentence(said)


def _series(one: ListedSeries, leading: bool, several: bool) -> SeriesCard:
    found = one.conclusion
    if found is not None:
        outcome, why = HEADLINES[found.verdict], found.why
    elif one.state is SeriesState.OPEN:
        outcome, why = "Receiving", one.error
    else:
        outcome, why = "Not read yet", one.error
    whole = f" of {one.expected}" if one.expected else ""
    return SeriesCard(
        uid=one.series_uid,
        title=one.description or "No description",
        modality=one.modality,
        count=f"{one.received}{whole} " + ("image" if one.received == 1 and not whole else "images"),
        outcome=outcome,
        why=why,
        leading=leading and found is not None,
        findings=_named(found.findings) if found and several else (),
    )


def _walk(case: Case, now: float) -> tuple[WalkStep, ...]:
    pauses = [0.0, *(after.at - before.at for before, after in zip(case.steps, case.steps[1:], strict=False))]
    longest = max(pauses, default=0.0) or 1.0
    return tuple(
        WalkStep(
            at=clock(step.at, now),
            name=STEPS.get(step.step, step.step.capitalize()),
            text=step.text,
            seconds=f"+ {lapse(pause)}" if at else "",
            share=round(100 * pause / longest, 1),
        )
        for at, (step, pause) in enumerate(zip(case.steps, pauses, strict=False))
    )


def delivery_card(one: ListedDelivery, now: float) -> DeliveryCard:
    """Put one delivery into words."""
    return DeliveryCard(
        delivery_id=one.delivery_id,
        thing=thing_words(one.kind, one.dialect, one.number),
        destination=one.destination,
        state=one.state,
        state_word=DELIVERY_WORDS[one.state],
        detail=_detail(one, now),
        may_retry=one.state in (DeliveryState.RETRYING, DeliveryState.DEAD)
        and (one.state, DeliveryEvent.RETRY) in DELIVERY_TRANSITIONS,
    )


def _detail(one: ListedDelivery, now: float) -> str:
    if one.state is DeliveryState.COMMITTED:
        return f"stored for certain at {clock(one.committed_at, now)}"
    if one.state is DeliveryState.SENT:
        return one.error or f"taken at {clock(one.sent_at, now)}"
    if one.state is DeliveryState.QUEUED:
        return f"since {clock(one.queued_at, now)}"
    tries = counted(one.attempt, "try", "tries")
    again = f"; next try at {clock(one.due_at, now)}" if one.state is DeliveryState.RETRYING else ""
    return f"{one.error or 'not taken'} ({tries}{again})"
