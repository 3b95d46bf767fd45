"""A whole node tells an HL7 engine and a web server about a bleed, and neither of them can hold up the corridor."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from heads import Study
from nodes import Node, wait_until
from receivers import LOOPBACK, Engine, WebServer, hl7_engine, web_server

from service.peers import Destination
from service.practice.send import send_series

pytestmark = pytest.mark.peer


def send(node: Node, study: Study) -> None:
    peer = Destination(name="node", ae_title="ICHOR", host=LOOPBACK, port=node.dicom)
    send_series(study.paths, peer, "CT1")


def told(node: Node, study: Study) -> dict[str, str]:
    return {one["target"]: one["state"] for one in node.study(study.uid)["notices"]}


def settings(pacs: int, engine: Engine, alive: WebServer, dead: WebServer) -> dict[str, str]:
    hooks = [
        f'{{name="chat",url="{alive.url}/hook",secret="s3cret"}}',
        f'{{name="dead",url="{dead.url}",timeout_seconds=60}}',
    ]
    return {
        "ICHOR__DESTINATIONS": f'[{{name="pacs",ae_title="STORESCP",host="{LOOPBACK}",port={pacs},commit=false}}]',
        "ICHOR__HL7": f'[{{name="ris",host="{LOOPBACK}",port={engine.port},patient_data=true}}]',
        "ICHOR__WEBHOOKS": f"[{','.join(hooks)}]",
        "ICHOR__NOTIFY__FIRST_PAUSE_SECONDS": "1",
        "ICHOR__WEB__PUBLIC_URL": "https://triage.example",
    }


def test_a_bleed_is_told_and_a_dead_webhook_delays_nothing(
    node_in: Callable[..., Node], storescp_factory: Any, head: Callable[..., Study]
) -> None:
    pacs, bleed, clear = storescp_factory(), head("epidural"), head("none")
    with hl7_engine("AE", "AA") as engine, web_server() as alive, web_server() as dead:
        dead.hang.set()
        node = node_in(**settings(pacs.port, engine, alive, dead)).start()
        send(node, bleed)
        send(node, clear)
        assert node.settled(bleed.uid)["verdict"] == "positive"
        assert node.settled(clear.uid)["verdict"] == "negative"
        wait_until(lambda: told(node, bleed) == {"ris": "sent", "chat": "sent", "dead": "queued"}, 60, "the notices")
        assert dead.hung.acquire(timeout=30), "it took the request and never answered"
        assert told(node, clear) == {}
        assert pacs.files()
        steps = [one["step"] for one in node.study(bleed.uid)["timeline"]]
        assert steps.count("notice sent") == 2 and "notice not sent" in steps
        assert node.api("/api/queue")["notices"] == {"queued": 1, "sent": 2}
        assert node.stop() == 0, "a target that hangs does not hold up the end"

    require_hl7(engine, bleed)
    require_webhook(alive, bleed)
    log = node.log.read_text()
    assert [word for word in ("s3cret", *names_of(engine)) if word in log] == []


def require_hl7(engine: Engine, study: Study) -> None:
    first, second = engine.got
    assert str(first) == str(second), "refused once, and told again under the same id"
    assert study.uid in [str(one[5]) for one in second.segments("OBX")]


def require_webhook(server: WebServer, study: Study) -> None:
    (posted,) = server.got
    body = json.loads(posted.body)
    assert (body["verdict"], body["patient"], body["accession_number"]) == ("positive", None, None)
    assert body["link"] == f"https://triage.example/studies/{study.uid}"
    assert posted.headers["webhook-signature"].startswith("v1,")


def names_of(engine: Engine) -> list[str]:
    """Give the patient's name and ID as they were told; patient data was switched on for this target alone."""
    pid = engine.got[0].segment("PID")
    found = [str(pid[3][0][0]), str(pid[5][0][0])]
    assert all(len(one) > 3 for one in found)
    return found
