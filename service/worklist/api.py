"""The JSON API under /api, as CONTRACT words it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from service.domain.verdict import Priority, StudyState
from service.ledger import gauges, pulses
from service.ledger.case import open_case
from service.ledger.listing import Wish, list_studies
from service.worklist import deeds
from service.worklist.answers import Json, case_answer, study_row
from service.worklist.door import Visitor, admin_door, reader_door, writer_door
from service.worklist.health import take_health
from service.worklist.ports import WorklistPorts
from service.worklist.refusal import Refusal
from service.worklist.rules import alarms, mark_text, read_mark
from service.worklist.words import iso

LARGEST_PAGE = 500
RATE_SECONDS = 3600.0
Word = TypeVar("Word", bound=StrEnum)


class Feedback(BaseModel):
    """What a reader saw in the scan."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["positive", "negative", "unsure"]
    comment: str = Field("", max_length=2000, pattern=r"^[^\x00]*$")


def api_router(ports: WorklistPorts) -> APIRouter:
    """Return the routes that programs use."""
    router = APIRouter(prefix="/api")
    reader = Depends(reader_door(ports))
    admin = Depends(admin_door(ports))
    writer = Depends(writer_door(ports))
    wish = Depends(_wish)

    @router.get("/worklist", dependencies=[reader])
    def worklist(asked: Wish = wish) -> Json:
        listed, mark = list_studies(ports.ledger, asked)
        return {"studies": [study_row(one) for one in listed], "next": mark_text(mark) if mark else None}

    @router.get("/studies/{study_uid}", dependencies=[reader])
    def study(study_uid: str) -> Json:
        found = open_case(ports.ledger, study_uid)
        if found is None:
            raise deeds.no_study()
        return case_answer(found)

    @router.get("/queue", dependencies=[reader])
    def queue() -> Json:
        return queue_answer(ports)

    @router.post("/studies/{study_uid}/replay", status_code=HTTPStatus.ACCEPTED)
    def replay(study_uid: str, visitor: Visitor = admin) -> Json:
        deeds.replay(ports, visitor, study_uid)
        return {"study_instance_uid": study_uid, "asked": "replay"}

    @router.post("/studies/{study_uid}/feedback", status_code=HTTPStatus.CREATED)
    def feedback(study_uid: str, said: Feedback, visitor: Visitor = writer) -> Json:
        deeds.give_feedback(ports, visitor, study_uid, said.verdict, said.comment)
        return {"study_instance_uid": study_uid, "kept": "feedback"}

    _add_retries(router, ports)
    return router


def _add_retries(router: APIRouter, ports: WorklistPorts) -> None:
    """Add what sends or tells again by hand."""
    admin = Depends(admin_door(ports))

    @router.post("/deliveries/{delivery_id}/retry", status_code=HTTPStatus.ACCEPTED)
    def retry(delivery_id: int, visitor: Visitor = admin) -> Json:
        study_uid = deeds.retry(ports, visitor, delivery_id)
        return {"id": delivery_id, "study_instance_uid": study_uid, "asked": "retry"}

    @router.post("/notices/{notice_id}/retry", status_code=HTTPStatus.ACCEPTED)
    def tell_again(notice_id: int, visitor: Visitor = admin) -> Json:
        study_uid = deeds.tell_again(ports, visitor, notice_id)
        return {"id": notice_id, "study_instance_uid": study_uid, "asked": "retry"}


def queue_answer(ports: WorklistPorts) -> Json:
    """Return the node in numbers."""
    now = ports.clock()
    health = take_health(ports)
    count = health.gauges
    rate = gauges.rates(ports.ledger, now - RATE_SECONDS)
    return {
        "states": count.states(),
        "jobs": count.jobs,
        "deliveries": by_state(health.gauges.deliveries),
        "notices": by_state(health.gauges.notices),
        "oldest_age_seconds": None if count.oldest_unread_at is None else round(now - count.oldest_unread_at, 3),
        "workers": [_worker(one) for one in pulses.alive(ports.ledger, now)],
        "rates": {"window_seconds": RATE_SECONDS} | vars(rate),
        "disk": {"free_mb": round(health.free_mb, 1), "min_free_mb": health.min_free_mb},
        "unsent_positives": count.unsent_positives,
        "alarms": [one.sentence for one in alarms(health, now)],
    }


def by_state(pairs: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Add up what goes to all destinations or targets by state."""
    counts: dict[str, int] = {}
    for (_, state), count in pairs.items():
        counts[state] = counts.get(state, 0) + count
    return counts


def _worker(pulse: pulses.Pulse) -> dict[str, Any]:
    return {
        "role": pulse.role,
        "process": pulse.process,
        "started_at": iso(pulse.started_at),
        "seen_at": iso(pulse.seen_at),
        "note": dict(pulse.note),
    }


def _wish(
    state: str = "", priority: str = "", limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50, after: str = ""
) -> Wish:
    try:
        mark = read_mark(after) if after else None
    except ValueError:
        raise Refusal(
            HTTPStatus.BAD_REQUEST, "after is not a page mark", "take it from 'next' of the page before"
        ) from None
    return Wish(state=word_of(StudyState, state), priority=word_of(Priority, priority), limit=limit, after=mark)


def word_of(words: type[Word], text: str) -> Word | None:
    """Return the word meant, None for an empty text; anything else is refused with the words there are."""
    if not text:
        return None
    try:
        return words(text)
    except ValueError:
        known = ", ".join(one.value for one in words)
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"{text!r} is no {words.__name__}", f"use one of {known}"
        ) from None
