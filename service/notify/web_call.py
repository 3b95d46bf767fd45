"""One HTTP request over one line: verified TLS, no proxy, no redirect, nothing of the answer kept but its status."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from service.errors import DestinationDown, NoticeRefused
from service.notify.line import Peer, called
from service.notify.secrets import reveal
from service.targets import HttpTarget

HTTPS_PORT, HTTP_PORT = 443, 80
#: answers that say "later" rather than "no"
LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
#: so much of an answer's body is read and thrown away
MOST_BODY = 65536
USER_AGENT = "Ichor"


@dataclass(frozen=True)
class Request:
    """What is asked; ``url`` is whole."""

    method: str
    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def require_usable(target: HttpTarget) -> None:
    """Read token and certificate, without calling anybody."""
    reveal(target.token, target.token_file)
    if target.url.startswith("https:"):
        _peer_of(target, target.url).trust()


def ask(target: HttpTarget, request: Request) -> int:
    """Send it and return the status; DestinationDown when no answer came."""
    peer, parts = _peer_of(target, request.url), urlsplit(request.url)
    path = parts._replace(scheme="", netloc="").geturl() or "/"
    with called(peer) as line:
        connection = http.client.HTTPConnection(parts.netloc)
        connection.sock = line.sock
        try:
            connection.request(request.method, path, request.body or None, _headers(target, request))
            answer = connection.getresponse()
            with suppress(OSError, http.client.HTTPException):
                answer.read(MOST_BODY)
            return answer.status
        except http.client.HTTPException:
            if line.was_cut:
                raise TimeoutError from None
            raise DestinationDown(f"{peer.name} at {peer.address} gave no HTTP answer: is that a web server?") from None
        finally:
            connection.close()


def _peer_of(target: HttpTarget, url: str) -> Peer:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    return Peer(
        name=target.name,
        host=parts.hostname or "",
        port=parts.port or (HTTPS_PORT if tls else HTTP_PORT),
        seconds=target.timeout_seconds,
        tls=tls,
        ca_file=target.ca_file,
    )


def _headers(target: HttpTarget, request: Request) -> dict[str, str]:
    token = reveal(target.token, target.token_file)
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return {"User-Agent": USER_AGENT, "Connection": "close", **bearer, **request.headers}


def require_taken(target: HttpTarget, status: int) -> None:
    """Raise what an answer means unless it means success."""
    if status // 100 == 2:
        return
    said = f"{target.name} answered {status} {_phrase(status)}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in LATER:
        raise DestinationDown(f"{said}: look into its log")
    raise NoticeRefused(f"{said}: {_mend(status)}")


def require_reached(target: HttpTarget, status: int) -> str:
    """Say how a look at the target went; only what would stop a notice is a failure."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise NoticeRefused(f"{target.name} answered {status} {_phrase(status)}: {_mend(status)}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
        raise DestinationDown(f"{target.name} answered {status} {_phrase(status)}: look into its log")
    return f"{target.name} answers ({status} {_phrase(status)})"


def _phrase(status: int) -> str:
    return http.client.responses.get(status, "unknown status")


def _mend(status: int) -> str:
    if 300 <= status < 400:
        return "redirects are not followed, put the final address into url"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return "mend its token, or what it lets the node do"
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        return "mend its url"
    return "look into its log for what it did not like"
