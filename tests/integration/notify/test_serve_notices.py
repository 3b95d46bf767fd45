"""The telling half of the deliver role: a target that hangs holds up nobody, and the end comes in good order."""

from __future__ import annotations

import threading
from typing import Any

from letters import AT
from nodes import wait_until
from receivers import LOOPBACK, hl7_engine, web_server

from service.domain.notice import NoticeKind
from service.notify.mllp import Hl7Messenger
from service.notify.serve import telling
from service.notify.webhook import WebhookMessenger
from service.targets import Hl7Target, WebhookTarget

PATIENCE = 30.0


def hook(name: str, url: str) -> WebhookMessenger:
    return WebhookMessenger(WebhookTarget(name=name, url=url, timeout_seconds=60))


def conclude(outbox: Any, study: str) -> None:
    outbox.conclude(study, "dead", "alive", kind=NoticeKind.WEBHOOK)
    outbox.conclude(study, "ris")


def test_a_dead_webhook_delays_nobody_and_is_left_at_the_end(outbox: Any, telling_round: Any) -> None:
    stop = threading.Event()
    with web_server() as dead, web_server() as alive, hl7_engine() as engine:
        dead.hang.set()
        ris = Hl7Messenger(Hl7Target(name="ris", host=LOOPBACK, port=engine.port))
        rounds = telling_round(hook("dead", dead.url), hook("alive", alive.url), ris)
        with telling(rounds, stop, lambda: AT):
            for study in ("1.2.1", "1.2.2", "1.2.3"):
                conclude(outbox, study)
                # it hangs in the first one all the while: accepted, and never answered
                assert dead.hung.acquire(timeout=PATIENCE) if study == "1.2.1" else len(dead.got) == 1
                wait_until(lambda: outbox.states(study, "alive") == ["sent"], PATIENCE, "the other webhook")  # noqa: B023
                wait_until(lambda: outbox.states(study, "ris") == ["sent"], PATIENCE, "the HL7 engine")  # noqa: B023
                assert outbox.states(study, "dead") == ["queued"]
            stop.set()
        assert not [one for one in threading.enumerate() if one.name == "notify"]
    assert outbox.states("1.2.1", "dead") == ["retrying"], "it was cut off, and is told again after the next start"
    assert len(dead.got) == 1


def test_what_waits_for_nobody_is_buried_while_serving(outbox: Any, telling_round: Any) -> None:
    stop = threading.Event()
    with telling(telling_round(), stop):
        outbox.conclude("1.2.1", "gone")
        wait_until(lambda: outbox.states("1.2.1") == ["dead"], PATIENCE, "the burial")
        stop.set()
