"""Login and logout: a random cookie, kept only as its hash; too many wrong passwords close the door for a while."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.templating import Jinja2Templates

from service.ledger import audit, people
from service.ledger.audit import Deed
from service.worklist.door import COOKIE, reader_door, require_same_site
from service.worklist.ports import WorklistPorts

log = logging.getLogger(__name__)
#: wrong passwords for one name before it must wait, and for how long, in seconds
PATIENCE, PAUSE_SECONDS = 10, 300.0
FAILED = "login failed"


def login_router(ports: WorklistPorts, templates: Jinja2Templates) -> APIRouter:
    """Return the routes of coming and going."""
    router = APIRouter(default_response_class=Response)

    def page(request: Request, problem: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
        context = {"problem": problem, "visitor": None}
        return templates.TemplateResponse(request, "login.html", context, status_code=status)

    @router.get("/login")
    def ask(request: Request) -> Response:
        return RedirectResponse("/", HTTPStatus.SEE_OTHER) if ports.open_door else page(request)

    @router.post("/login", dependencies=[Depends(require_same_site)])
    def enter(request: Request, name: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "") -> Response:
        name = name.replace("\0", "")
        if _must_wait(ports, name):
            return page(request, "Too many wrong passwords; wait five minutes.", HTTPStatus.TOO_MANY_REQUESTS)
        person = people.check_password(ports.ledger, name, password)
        if person is None:
            _remember_failure(ports, name)
            return page(request, "This name and password do not fit together.", HTTPStatus.UNAUTHORIZED)
        cookie = people.open_session(ports.ledger, person, ports.clock(), ports.settings.web.session_hours)
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        answer.set_cookie(COOKIE, cookie, httponly=True, samesite="lax", secure=request.url.scheme == "https")
        return answer

    @router.post("/logout", dependencies=[Depends(reader_door(ports)), Depends(require_same_site)])
    def leave(request: Request) -> Response:
        people.close_session(ports.ledger, request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(COOKIE)
        return answer

    return router


def _must_wait(ports: WorklistPorts, name: str) -> bool:
    return audit.count_since(ports.ledger, FAILED, name[:64], ports.clock() - PAUSE_SECONDS) >= PATIENCE


def _remember_failure(ports: WorklistPorts, name: str) -> None:
    """Count failures of known names only: an unknown one may be a password typed into the wrong field."""
    known = any(one.name == name for one in people.list_users(ports.ledger))
    subject = name[:64] if known else "unknown"
    audit.write(ports.ledger, Deed(at=ports.clock(), who="nobody", act=FAILED, subject=subject))
    log.warning("a login failed")
