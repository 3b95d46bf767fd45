"""Telling a web server: signed, refused, redirected, silent, over TLS that can be trusted and TLS that cannot."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from letters import AT
from receivers import LOOPBACK, answers, web_server

from service.domain.notice import NoticeKind
from service.errors import DestinationDown, NoticeRefused
from service.notify.webhook import WebhookMessenger
from service.targets import WebhookTarget

NOW = AT


def messenger(url: str, **more: Any) -> WebhookMessenger:
    target = WebhookTarget(**{"name": "chat", "url": url, "timeout_seconds": 60} | more)
    return WebhookMessenger(target, clock=lambda: NOW + 0.9)


def conclude(outbox: Any) -> None:
    outbox.conclude("1.2.1", "chat", kind=NoticeKind.WEBHOOK)


def test_the_body_is_signed_with_its_moment(outbox: Any, telling_round: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("whsec_" + base64.b64encode(b"s3cret").decode() + "\n")
    (tmp_path / "token").write_text("t0ken\n")
    conclude(outbox)
    with web_server() as server:
        where = {"secret_file": tmp_path / "secret", "token_file": tmp_path / "token"}
        telling_round(messenger(f"{server.url}/hook?room=1", **where)).run_once(NOW)
    (got,) = server.got
    assert (got.method, got.path) == ("POST", "/hook?room=1")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["authorization"] == "Bearer t0ken"
    assert got.headers["webhook-timestamp"] == str(int(NOW))
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.digest(b"s3cret", signed, hashlib.sha256)).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    body = json.loads(got.body)
    assert (body["id"], body["verdict"]) == (got.headers["webhook-id"], "positive")
    assert body["link"] == "https://triage.example/studies/1.2.1"
    assert outbox.states("1.2.1") == ["sent"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_counts(outbox: Any, telling_round: Any, status: int) -> None:
    conclude(outbox)
    with web_server(answers(status)) as server:
        telling_round(messenger(server.url)).run_once(NOW)
    assert outbox.states("1.2.1") == ["sent"]
    assert "webhook-signature" not in server.got[0].headers


@pytest.mark.parametrize(
    ("answer", "error", "rests"),
    [
        (400, "400 Bad Request", False),
        (401, "mend its token", False),
        (404, "mend its url", False),
        (410, "410 Gone", False),
        ((302, {"Location": "http://127.0.0.1:1/elsewhere"}), "redirects are not followed", False),
        (408, "408 Request Timeout", True),
        (429, "429 Too Many Requests", True),
        (500, "500 Internal Server Error", True),
        (503, "503 Service Unavailable", True),
        (599, "599 unknown status", True),
    ],
)
def test_a_refusal_waits_alone_and_trouble_rests_the_target(
    outbox: Any, telling_round: Any, answer: Any, error: str, rests: bool
) -> None:
    conclude(outbox)
    outbox.conclude("1.2.2", "chat", kind=NoticeKind.WEBHOOK, at=NOW + 1)
    with web_server(answers(answer, 204)) as server:
        rounds = telling_round(messenger(server.url))
        rounds.run_once(NOW + 1)
        assert error in outbox.error("1.2.1")
        rounds.run_once(NOW + 2)
        assert outbox.states("1.2.2") == (["queued"] if rests else ["sent"])
        for later in (10, 20):
            rounds.run_once(NOW + later)
    assert outbox.states("1.2.1") + outbox.states("1.2.2") == ["sent", "sent"]
    ids = [one.headers["webhook-id"] for one in server.got]
    assert len(ids) == 3 and len(set(ids)) == 2
    assert len({one.body for one in server.got}) == 2, "a second try says the same"


def test_a_server_that_never_answers_is_left_after_the_deadline(outbox: Any, telling_round: Any) -> None:
    conclude(outbox)
    with web_server() as server:
        server.hang.set()
        telling_round(messenger(server.url, timeout_seconds=0.5)).run_once(NOW)
    assert "did not answer within 0.5 s" in outbox.error("1.2.1")


def test_something_that_is_no_web_server_is_named(outbox: Any, telling_round: Any) -> None:
    from receivers import mail_server

    conclude(outbox)
    with mail_server() as server:
        telling_round(messenger(f"http://{LOOPBACK}:{server.port}/")).run_once(NOW)
    assert "is that a web server?" in outbox.error("1.2.1")


def test_neither_token_nor_secret_is_in_what_is_kept_or_logged(
    outbox: Any, telling_round: Any, caplog: pytest.LogCaptureFixture
) -> None:
    conclude(outbox)
    with web_server(answers(401, 500, 204)) as server:
        rounds = telling_round(messenger(server.url, token="t0ken", secret="s3cret"))
        errors = []
        for later in (0, 30, 100):
            rounds.run_once(NOW + later)
            errors.append(outbox.error("1.2.1"))
    said = caplog.text + "".join(errors)
    assert len(server.got) == 3 and "401" in said
    assert "t0ken" not in said and "s3cret" not in said


def test_a_secret_that_was_taken_away_is_named_and_waits(outbox: Any, telling_round: Any, tmp_path: Path) -> None:
    conclude(outbox)
    with web_server() as server:
        rounds = telling_round(messenger(server.url, secret_file=tmp_path / "secret"))
        rounds.run_once(NOW)
        assert "cannot be read" in outbox.error("1.2.1")
        (tmp_path / "secret").write_text("s3cret")
        rounds.run_once(NOW + 30)
    assert outbox.states("1.2.1") == ["sent"]
    assert len(server.got) == 1, "nothing leaves unsigned"


def test_tls_is_verified(outbox: Any, telling_round: Any, certificate: Any) -> None:
    conclude(outbox)
    with web_server(tls=certificate.context) as server:
        url = f"https://localhost:{server.port}/hook"
        rounds = telling_round(messenger(url))
        rounds.run_once(NOW)
        assert "is not trusted" in outbox.error("1.2.1") and "set ca_file" in outbox.error("1.2.1")
        telling_round(messenger(url, ca_file=certificate.file)).run_once(NOW + 30)
    assert outbox.states("1.2.1") == ["sent"]


def test_plain_http_behind_https_is_named(outbox: Any, telling_round: Any, certificate: Any) -> None:
    conclude(outbox)
    with web_server() as server:
        url = f"https://localhost:{server.port}/hook"
        telling_round(messenger(url, ca_file=certificate.file)).run_once(NOW)
    assert "speaks no TLS" in outbox.error("1.2.1")


@pytest.mark.parametrize(
    ("status", "problem"), [(204, None), (405, None), (404, None), (401, NoticeRefused), (503, DestinationDown)]
)
def test_the_doctor_looks_without_posting(status: int, problem: type[Exception] | None) -> None:
    with web_server(answers(status)) as server:
        if problem:
            with pytest.raises(problem):
                messenger(server.url).check()
        else:
            assert "answers" in messenger(server.url).check()
    assert [one.method for one in server.got] == ["HEAD"]
