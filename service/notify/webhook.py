"""A notice as JSON, signed as https://www.standardwebhooks.com describes it, so that ready libraries can verify it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from service.domain.notice import NoticeKind
from service.domain.scan import Patient
from service.errors import DestinationDown
from service.notify.letter import Letter
from service.notify.secrets import reveal
from service.notify.web_call import Request, ask, require_reached, require_taken, require_usable
from service.notify.words import HEADLINES, NOTICE, moment
from service.targets import WebhookTarget

#: a change that a reader of the old one would stumble over makes a new number
SCHEMA = "ichor.notice/1"
PREFIX = "whsec_"


class WebhookMessenger:
    """Posts each letter; any 2xx counts as taken."""

    kind = NoticeKind.WEBHOOK

    def __init__(self, target: WebhookTarget, clock: Callable[[], float] = time.time) -> None:
        self.target = target
        self._clock = clock

    def tell(self, letter: Letter) -> str:
        """Post it once."""
        body = json.dumps(body_of(letter), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", **self._signed(webhook_id(letter.key), body)}
        require_taken(self.target, ask(self.target, Request("POST", self.target.url, body, headers)))
        return ""

    def prove(self) -> None:
        """Read token, secret and certificate."""
        require_usable(self.target)
        _key(reveal(self.target.secret, self.target.secret_file))

    def check(self) -> str:
        """Ask for the headers of the address; what it says to that is only looked at for what would stop a post."""
        return require_reached(self.target, ask(self.target, Request("HEAD", self.target.url)))

    def _signed(self, name: str, body: bytes) -> dict[str, str]:
        moment_sent = str(int(self._clock()))
        headers = {"webhook-id": name, "webhook-timestamp": moment_sent}
        secret = reveal(self.target.secret, self.target.secret_file)
        return headers | {"webhook-signature": signature(secret, name, moment_sent, body)} if secret else headers


def webhook_id(key: str) -> str:
    """Return the id of a notice; a receiver can tell a second try by it."""
    return f"msg_{key[:32]}"


def signature(secret: str, name: str, moment_sent: str, body: bytes) -> str:
    """Sign id, timestamp and body (HMAC-SHA256)."""
    signed = hmac.digest(_key(secret), b".".join((name.encode(), moment_sent.encode(), body)), hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise DestinationDown("the secret begins with whsec_ but what follows is no base64: mend secret") from None


def body_of(letter: Letter) -> dict[str, Any]:
    """Write the notice as docs/notify.md promises it; the same for each try."""
    news = letter.news
    return {
        "schema": SCHEMA,
        "id": webhook_id(letter.key),
        "number": letter.number,
        "supersedes": webhook_id(letter.supersedes) if letter.supersedes else None,
        "study_instance_uid": letter.study_uid,
        "accession_number": letter.accession_number or None,
        "patient": _patient(letter.patient),
        "verdict": news.verdict.value,
        "headline": HEADLINES[news.verdict],
        "priority": news.priority.value,
        "probability": news.probability,
        "findings": dict(news.findings),
        "why": news.why,
        "leading_series_instance_uid": news.leading_series,
        "pack": dict(zip(("name", "version", "hash"), news.pack, strict=True)) if news.pack else None,
        "received_at": moment(letter.received_at),
        "concluded_at": moment(news.concluded_at),
        "link": letter.link or None,
        "notice": NOTICE,
    }


def _patient(patient: Patient | None) -> dict[str, str] | None:
    if patient is None:
        return None
    return {
        "id": patient.patient_id,
        "name": patient.name,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
    }
