"""Who stands at the door: bearer token, page session, or nobody where practice leaves the door open."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Form, Header, Request

from service.ledger import people
from service.ledger.people import Person, Role
from service.section import LOOPBACK
from service.worklist.ports import WorklistPorts
from service.worklist.refusal import Refusal

COOKIE = "ichor_session"


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who asks; ``csrf`` is what a form of theirs must carry, empty where none is needed."""

    name: str
    role: Role
    csrf: str = ""
    logged_in: bool = False

    @property
    def may_act(self) -> bool:
        """Tell whether replay and retry are theirs."""
        return self.role is Role.ADMIN


Door = Callable[..., Visitor]


def reader_door(ports: WorklistPorts) -> Door:
    """Return the dependency that admits whoever may look."""

    def reader(request: Request) -> Visitor:
        if ports.open_door:
            _require_local_host(request)
            return Visitor(name="practice", role=Role.ADMIN)
        visitor = _by_token(ports, request) or _by_session(ports, request)
        if visitor is None:
            raise Refusal(
                HTTPStatus.UNAUTHORIZED,
                "this needs a token or a login",
                "send 'Authorization: Bearer TOKEN'; ichor token create --role reader makes one",
            )
        return visitor

    return reader


def writer_door(ports: WorklistPorts) -> Door:
    """Return the dependency that admits whoever may look, to say something in JSON."""
    reader = reader_door(ports)

    def writer(request: Request, x_csrf_token: Annotated[str, Header()] = "") -> Visitor:
        return _own(request, reader(request), x_csrf_token)

    return writer


def admin_door(ports: WorklistPorts) -> Door:
    """Return the dependency that admits whoever may act, from our own page or with a token."""
    reader = reader_door(ports)

    def admin(
        request: Request,
        csrf_token: Annotated[str, Form()] = "",
        x_csrf_token: Annotated[str, Header()] = "",
    ) -> Visitor:
        visitor = _own(request, reader(request), csrf_token or x_csrf_token)
        if not visitor.may_act:
            raise Refusal(HTTPStatus.FORBIDDEN, "this needs the role admin", "ask an admin, or use an admin's token")
        return visitor

    return admin


def _own(request: Request, visitor: Visitor, csrf: str) -> Visitor:
    """Return the visitor, unless a foreign page made their browser ask."""
    require_same_site(request)
    if visitor.csrf and not hmac.compare_digest(csrf.encode(), visitor.csrf.encode()):
        raise Refusal(HTTPStatus.FORBIDDEN, "the form is not from this session", "reload the page and try again")
    return visitor


def csrf_of(cookie: str) -> str:
    """Return the word that forms of this session carry; the cookie cannot be told from it."""
    return hashlib.sha256(f"csrf:{cookie}".encode()).hexdigest()


def require_same_site(request: Request) -> None:
    """Refuse a post that another site's page made a browser send."""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")
    if foreign or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refusal(HTTPStatus.FORBIDDEN, "this came from another site", "use this node's own page, or a token")


def _require_local_host(request: Request) -> None:
    """Answer an open door by its loopback name only, so that no foreign name can be pointed at it (DNS rebinding)."""
    if (request.url.hostname or "") not in LOOPBACK:
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            "practice mode answers on the loopback address only",
            "open http://127.0.0.1 with the port, or set up users and leave --practice out",
        )


def _by_token(ports: WorklistPorts, request: Request) -> Visitor | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    holder = people.token_holder(ports.ledger, token.strip())
    return Visitor(name=holder.name, role=holder.role) if holder else None


def _by_session(ports: WorklistPorts, request: Request) -> Visitor | None:
    cookie = request.cookies.get(COOKIE, "")
    holder: Person | None = people.session_holder(ports.ledger, cookie, ports.clock()) if cookie else None
    return Visitor(name=holder.name, role=holder.role, csrf=csrf_of(cookie), logged_in=True) if holder else None
