"""Pushing workitems to a small UPS-RS server that checks each request against PS3.4 CC.2.5 and PS3.18 11 and F.2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from letters import AT
from pydicom.uid import UID
from receivers import Answer, Posted, WebServer, answers, web_server
from ups_rules import faults

from service.domain.notice import NoticeKind
from service.domain.verdict import Verdict
from service.errors import DestinationDown, NoticeRefused
from service.notify.ups_rs import UpsMessenger
from service.targets import UpsTarget

NOW = AT
JSON = "application/dicom+json"
IMAGES = [("1.2.840.10008.5.1.4.1.1.2", f"2.25.77.2.{at}") for at in range(1, 4)]


@dataclass
class Worklist:
    """The workitems by UID: what was created, and which of them were cancelled."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def answer(self, posted: Posted) -> Answer:
        if posted.headers.get("content-type") != JSON:
            return 415
        path, _, query = posted.path.partition("?")
        if path.endswith("/cancelrequest"):
            return self._cancel(path.split("/")[-2])
        assert path == "/rs/workitems"
        return self._create(query.removeprefix("workitem="), posted.body)

    def _create(self, uid: str, body: bytes) -> Answer:
        if not UID(uid).is_valid or faults(body):
            self.faults += faults(body) or [f"{uid} is no UID"]
            return 400
        if uid in self.items:
            return 409
        self.items[uid] = json.loads(body)[0]
        return 201, {"Location": f"/rs/workitems/{uid}"}

    def _cancel(self, uid: str) -> Answer:
        if uid not in self.items:
            return 404
        if uid in self.cancelled:
            return 409
        self.cancelled.append(uid)
        return 202


@contextmanager
def worklist() -> Iterator[tuple[Worklist, WebServer]]:
    made = Worklist()
    with web_server(made.answer) as server:
        yield made, server
    assert made.faults == []


def messenger(server: WebServer, **more: Any) -> UpsMessenger:
    facts = {"name": "list", "url": f"{server.url}/rs/", "retrieve_ae_title": "PACS", "timeout_seconds": 60}
    return UpsMessenger(UpsTarget(**facts | more), lambda _: IMAGES)


def conclude(outbox: Any, **more: Any) -> int:
    made: int = outbox.conclude("1.2.1", "list", kind=NoticeKind.UPS, **more)
    return made


@pytest.mark.parametrize("parameter", ["", "workitem"])
def test_a_flagged_study_becomes_a_high_step(outbox: Any, telling_round: Any, parameter: str) -> None:
    conclude(outbox)
    with worklist() as (found, server):
        telling_round(messenger(server, uid_parameter=parameter, token="t")).run_once(NOW)
    ((uid, item),) = found.items.items()
    assert server.got[0].path == f"/rs/workitems?{parameter}{'=' if parameter else ''}{uid}"
    assert server.got[0].headers["authorization"] == "Bearer t"
    assert item["00741200"]["Value"] == ["HIGH"]
    assert "Value" not in item["00100010"] and "Value" not in item["00100020"]
    assert outbox.states("1.2.1") == ["sent"]


def test_a_second_try_finds_the_step_there_and_that_is_success(outbox: Any, telling_round: Any) -> None:
    conclude(outbox)
    with worklist() as (found, server):
        rounds = telling_round(messenger(server))
        rounds.run_once(NOW)
        with outbox.ledger.writing() as db:
            from service.ledger.tables import notices

            db.execute(notices.update().values(state="queued"))
        rounds.run_once(NOW + 1)
    assert len(found.items) == 1 and len(server.got) == 2
    assert (outbox.states("1.2.1"), outbox.error("1.2.1")) == (["sent"], "the workitem was there already")


def test_an_answer_that_is_no_longer_positive_cancels_the_step(outbox: Any, telling_round: Any) -> None:
    with worklist() as (found, server):
        rounds = telling_round(messenger(server))
        conclude(outbox)
        rounds.run_once(NOW)
        conclude(outbox, verdict=Verdict.NEGATIVE, at=NOW + 60)
        rounds.run_once(NOW + 60)
        conclude(outbox, at=NOW + 120)
        rounds.run_once(NOW + 120)
    first, second = found.items
    assert found.cancelled == [first]
    replaced = found.items[second]["00741224"]["Value"]
    assert [one["00081155"]["Value"] for one in replaced] == [[first]]
    assert outbox.states("1.2.1") == ["sent"] * 3


def test_what_was_overtaken_before_it_was_told_needs_no_cancelling(outbox: Any, telling_round: Any) -> None:
    conclude(outbox)
    conclude(outbox, verdict=Verdict.NEGATIVE, at=NOW + 1)
    with worklist() as (found, server):
        telling_round(messenger(server)).run_once(NOW + 2)
    assert (found.items, found.cancelled) == ({}, [])
    assert outbox.states("1.2.1") == ["superseded", "sent"]


def test_trouble_while_cancelling_is_tried_again(outbox: Any, telling_round: Any) -> None:
    with web_server(answers(201, 503, 202)) as server:
        rounds = telling_round(messenger(server))
        conclude(outbox)
        rounds.run_once(NOW)
        conclude(outbox, verdict=Verdict.NEGATIVE, at=NOW + 60)
        rounds.run_once(NOW + 60)
        assert outbox.states("1.2.1") == ["sent", "retrying"]
        rounds.run_once(NOW + 120)
    assert outbox.states("1.2.1") == ["sent", "sent"]


def test_a_bad_request_is_shown(outbox: Any, telling_round: Any) -> None:
    conclude(outbox)
    with web_server(answers(400)) as server:
        telling_round(messenger(server)).run_once(NOW)
    assert "400 Bad Request" in outbox.error("1.2.1")


@pytest.mark.parametrize(
    ("status", "problem"),
    [(200, None), (204, None), (404, NoticeRefused), (401, NoticeRefused), (503, DestinationDown)],
)
def test_the_doctor_asks_for_one_workitem(status: int, problem: type[Exception] | None) -> None:
    with web_server(answers(status)) as server:
        if problem:
            with pytest.raises(problem):
                messenger(server).check()
        else:
            assert "answers" in messenger(server).check()
    assert [(one.method, one.path) for one in server.got] == [("GET", "/rs/workitems?limit=1")]
