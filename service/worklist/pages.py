"""The pages: worklist, study, queue; each refreshes its own fragment and answers 204 while nothing changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.templating import Jinja2Templates

from service.domain.verdict import Priority, StudyState
from service.ledger import audit, pulses
from service.ledger.case import Case, dead_letters, open_case
from service.ledger.listing import Progress, Wish, count_studies, list_studies, progress_of
from service.worklist import deeds
from service.worklist.api import queue_answer
from service.worklist.casebook import case_view, delivery_card
from service.worklist.door import Visitor, admin_door, reader_door
from service.worklist.health import take_health
from service.worklist.ports import WorklistPorts
from service.worklist.refusal import Refusal
from service.worklist.report_text import report_of
from service.worklist.rules import alarms, mark_text, read_mark
from service.worklist.viewer import viewer_of
from service.worklist.views import row_of
from service.worklist.words import STATES, clock, span

PAGE = 50
PERIODS = {"day": ("Last 24 hours", 86400.0), "week": ("Last 7 days", 604800.0), "all": ("All", None)}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The filters as they stand in the address; unknown words count as none."""

    state: str = ""
    priority: str = ""
    period: str = "day"
    q: str = ""
    after: str = ""

    def address(self, **changes: str) -> str:
        """Return the worklist's address with these filters."""
        kept = {
            name: value
            for name, value in (vars(self) | changes).items()
            if value and (name, value) != ("period", "day")
        }
        return "/?" + urlencode(kept) if kept else "/"


def asked_of(state: str = "", priority: str = "", period: str = "day", q: str = "", after: str = "") -> Asked:
    """Read the filters leniently: a page is for people, and an odd address still shows the list."""
    return Asked(
        state=state if state in STATES else "",
        priority=priority if priority in list(Priority) else "",
        period=period if period in PERIODS else "day",
        q=q.strip()[:100],
        after=after,
    )


class Pages:
    """Renders whole pages, or only the living part when htmx asks."""

    def __init__(self, ports: WorklistPorts, templates: Jinja2Templates) -> None:
        self.ports = ports
        self.templates = templates

    def show(self, request: Request, name: str, visitor: Visitor, facts: dict[str, Any]) -> Response:
        """Answer with the page, with its fragment, or with 204 when the fragment is what the browser has."""
        now = self.ports.clock()
        context = facts | {
            "visitor": visitor,
            "fragment": f"_{name}.html",
            "alarms": alarms(take_health(self.ports), now),
            "open_door": self.ports.open_door,
            # what lies outside the living part is sent along when that is refreshed
            "refreshing": True,
        }
        living = self.templates.get_template(f"_{name}.html").render({"request": request, **context})
        seen = hashlib.sha256(living.encode()).hexdigest()[:16]
        if "hx-request" not in request.headers or "hx-history-restore-request" in request.headers:
            return self.templates.TemplateResponse(
                request, f"{name}.html", context | {"seen": seen, "clock": clock(now, now), "refreshing": False}
            )
        if request.headers.get("x-seen") == seen:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return self.templates.TemplateResponse(request, "_living.html", context | {"seen": seen})

    def worklist(self, request: Request, visitor: Visitor, asked: Asked) -> Response:
        """Show the list."""
        now = self.ports.clock()
        wish = self._wish(asked, now)
        listed, mark = list_studies(self.ports.ledger, wish)
        progress = progress_of(self.ports.ledger, [one.study_uid for one in listed])
        facts = {
            "asked": asked,
            "rows": [row_of(one, progress.get(one.study_uid, Progress()), now) for one in listed],
            "total": count_studies(self.ports.ledger, wish),
            "next": asked.address(after=mark_text(mark)) if mark else "",
            "top": asked.address(after="") if asked.after else "",
            "address": asked.address(),
            "states": STATES,
            "priorities": list(Priority),
            "periods": PERIODS,
        }
        return self.show(request, "worklist", visitor, facts)

    def _wish(self, asked: Asked, now: float) -> Wish:
        lasts = PERIODS[asked.period][1]
        try:
            mark = read_mark(asked.after) if asked.after else None
        except ValueError:
            mark = None
        return Wish(
            state=StudyState(asked.state) if asked.state else None,
            priority=Priority(asked.priority) if asked.priority else None,
            search=asked.q,
            since=now - lasts if lasts else None,
            limit=PAGE,
            after=mark,
        )

    def study(self, request: Request, visitor: Visitor, study_uid: str, series_uid: str) -> Response:
        """Show one study, opened at a series of it; the viewer lies outside the living part and is drawn once."""
        found = self._case(study_uid)
        progress = progress_of(self.ports.ledger, [found.study.study_uid]).get(found.study.study_uid, Progress())
        view = case_view(found, progress, self.ports.clock())
        whole = "hx-request" not in request.headers
        facts = {
            "view": view,
            "viewer": viewer_of(self.ports, found, series_uid) if whole else None,
            "report": report_of(self.ports.store, found),
            "address": f"/studies/{study_uid}",
        }
        return self.show(request, "study", visitor, facts)

    def viewer(self, request: Request, study_uid: str, series_uid: str, stamp: str) -> Response:
        """Show the viewer alone, for a page whose series grew or was read since it had this stamp."""
        found = viewer_of(self.ports, self._case(study_uid), series_uid)
        if found is None or found.stack.stamp == stamp:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return self.templates.TemplateResponse(request, "_viewer.html", {"viewer": found})

    def _case(self, study_uid: str) -> Case:
        found = open_case(self.ports.ledger, study_uid)
        if found is None:
            raise Refusal(
                HTTPStatus.NOT_FOUND, "There is no such study.", "It may have been purged; look in the worklist."
            )
        return found

    def queue(self, request: Request, visitor: Visitor) -> Response:
        """Show how the node does."""
        now = self.ports.clock()
        answer = queue_answer(self.ports)
        oldest = answer["oldest_age_seconds"]
        facts = {
            "queue": answer,
            "deliveries": answer["deliveries"],
            "oldest": "none" if oldest is None else span(oldest),
            "workers": [(one, span(now - one.started_at)) for one in pulses.alive(self.ports.ledger, now)],
            "dead": [(one, delivery_card(one, now)) for one in dead_letters(self.ports.ledger)],
            "deeds": [(one, clock(one.at, now)) for one in audit.recent(self.ports.ledger, 15)],
            "states": STATES,
            "address": "/queue",
        }
        return self.show(request, "queue", visitor, facts)


def pages_router(ports: WorklistPorts, templates: Jinja2Templates) -> APIRouter:
    """Return the routes that people use."""
    router = APIRouter(default_response_class=Response)
    pages = Pages(ports, templates)
    reader = Depends(reader_door(ports))
    admin = Depends(admin_door(ports))
    filters = Depends(asked_of)

    @router.get("/")
    def worklist(request: Request, visitor: Visitor = reader, asked: Asked = filters) -> Response:
        return pages.worklist(request, visitor, asked)

    @router.get("/studies/{study_uid}")
    def study(request: Request, study_uid: str, visitor: Visitor = reader, series: str = "") -> Response:
        return pages.study(request, visitor, study_uid, series)

    @router.get("/studies/{study_uid}/viewer", dependencies=[reader])
    def viewer(request: Request, study_uid: str, series: str = "", stamp: str = "") -> Response:
        return pages.viewer(request, study_uid, series, stamp)

    @router.get("/queue")
    def queue(request: Request, visitor: Visitor = reader) -> Response:
        return pages.queue(request, visitor)

    @router.post("/studies/{study_uid}/replay")
    def replay(study_uid: str, visitor: Visitor = admin) -> Response:
        deeds.replay(ports, visitor, study_uid)
        return RedirectResponse(f"/studies/{study_uid}", HTTPStatus.SEE_OTHER)

    @router.post("/deliveries/{delivery_id}/retry")
    def retry(delivery_id: int, visitor: Visitor = admin, back: str = "") -> Response:
        study_uid = deeds.retry(ports, visitor, delivery_id)
        return RedirectResponse("/queue" if back == "queue" else f"/studies/{study_uid}", HTTPStatus.SEE_OTHER)

    return router
