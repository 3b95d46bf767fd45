"""Calling a DICOMweb service: one client, logged in, verified, with a clear sentence for every way it can fail.

dicomweb-client speaks STOW-RS, WADO-RS and QIDO-RS; it pauses and tries again by itself unless told not to, which is
the outbox's business here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.errors import DestinationDown
from service.peers import Destination

if TYPE_CHECKING:
    from dicomweb_client.web import DICOMwebClient
    from requests.exceptions import HTTPError

CONNECT_SECONDS = 10.0
#: as for C-STORE: an archive may take its time over an object
ANSWER_SECONDS = 60.0
#: a body is sent whole: not every server takes chunked ones
WHOLE = 1 << 31
JSON = "application/dicom+json"
#: what the service says about itself or about us, not about an object
WORDS = {
    HTTPStatus.UNAUTHORIZED: "does not accept our login: mend user and secret",
    HTTPStatus.FORBIDDEN: "does not let us store or look there: allow it, or mend user and secret",
    HTTPStatus.NOT_FOUND: "has no DICOMweb service at this url: mend url",
    HTTPStatus.METHOD_NOT_ALLOWED: "has no such DICOMweb service at this url: mend url",
    HTTPStatus.TOO_MANY_REQUESTS: "is busy, the node tries again",
}
SERVER_ERROR = 500


@dataclass(frozen=True)
class WebService:
    """A client, and what the service answered to it: the client does not hand out all of that."""

    client: DICOMwebClient
    heard: list[Any]


@contextmanager
def web_service(peer: Destination) -> Iterator[WebService]:
    """Give a client that is logged in; DestinationDown when the secret or the certificates cannot be read."""
    import requests
    from dicomweb_client.web import DICOMwebClient

    heard: list[Any] = []
    with requests.Session() as session:
        if peer.ca_file and not peer.ca_file.is_file():
            raise DestinationDown(f"ca_file of {peer.name!r} is not there: mend it")
        session.verify = str(peer.ca_file) if peer.ca_file else True
        # the settings alone decide who is called and how: a .netrc or a proxy of the environment does not
        session.trust_env = False
        # a login page answers 200 too: nobody is followed elsewhere
        session.max_redirects = 0
        _log_in(session, peer)
        client = DICOMwebClient(
            peer.url.rstrip("/"),
            session=session,
            headers={"Accept": JSON},
            callback=lambda response, *_, **__: heard.append(response),
            chunk_size=WHOLE,
            timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
        )
        client.set_http_retry_params(retry=False)
        yield WebService(client, heard)


@contextmanager
def in_words(peer: Destination) -> Iterator[None]:
    """Turn whatever goes wrong between us and the service into DestinationDown."""
    import requests

    try:
        yield
    except requests.exceptions.SSLError:
        raise DestinationDown(f"{peer.name} shows no certificate we trust: mend url or ca_file") from None
    except requests.exceptions.HTTPError as problem:
        raise DestinationDown(trouble(peer, status_of(problem))) from None
    except requests.exceptions.Timeout:
        raise DestinationDown(f"{peer.name} at {peer.url} does not answer: look whether it hangs") from None
    except requests.exceptions.TooManyRedirects:
        raise DestinationDown(f"{peer.name} at {peer.url} sends us elsewhere: mend url, user and secret") from None
    except requests.exceptions.RequestException:
        raise DestinationDown(f"nobody answers at {peer.url}: start it, or mend url of {peer.name!r}") from None


def status_of(problem: HTTPError) -> int:
    """Return the HTTP status behind an error, 0 without an answer."""
    return 0 if problem.response is None else problem.response.status_code


def trouble(peer: Destination, status: int) -> str:
    """Say what an HTTP error means for the destination as a whole."""
    words = WORDS.get(HTTPStatus(status) if status in HTTPStatus._value2member_map_ else HTTPStatus.OK)
    if words is None:
        words = "is in trouble itself: look into its log" if status >= SERVER_ERROR else "did not understand us"
    return f"{peer.name} at {peer.url} {words} (HTTP {status})"


def greet(peer: Destination) -> None:
    """Ask for one study, to see whether the service is there and lets us in; DestinationDown when not."""
    with web_service(peer) as service, in_words(peer):
        service.client.search_for_studies(limit=1)


def secret_of(peer: Destination) -> str:
    """Read the secret where the settings say it lies, each time anew, so that it can be changed in place."""
    kind, _, where = peer.secret.partition(":")
    if kind == "env":
        found = os.environ.get(where, "")
    else:
        try:
            found = Path(where).read_text("utf-8").strip()
        except (OSError, ValueError):
            found = ""
    if not found:
        raise DestinationDown(f"the secret of {peer.name!r} cannot be read or is empty: mend {kind}:{where}")
    return found


def _log_in(session: Any, peer: Destination) -> None:
    if not peer.secret:
        return
    if peer.user:
        session.auth = (peer.user, secret_of(peer))
    else:
        session.headers["Authorization"] = f"Bearer {secret_of(peer)}"
