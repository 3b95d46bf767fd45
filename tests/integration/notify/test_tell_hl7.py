"""Telling an HL7 engine built with python-hl7: accepted, refused, silent, garbled, gone."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from typing import Any

import pytest
from letters import AT
from receivers import LOOPBACK, hl7_engine

from service.errors import DestinationDown
from service.notify.mllp import MOST_ANSWER, Hl7Messenger
from service.targets import Hl7Target

NOW = AT


def messenger(port: int, **more: Any) -> Hl7Messenger:
    facts = {"name": "ris", "host": LOOPBACK, "port": port, "timeout_seconds": 60} | more
    return Hl7Messenger(Hl7Target(**facts))


def test_a_valid_oru_arrives_and_is_acknowledged(outbox: Any, telling_round: Any) -> None:
    with hl7_engine() as engine:
        outbox.conclude("1.2.1", "ris")
        telling_round(messenger(engine.port, patient_data=True)).run_once(NOW)
    assert outbox.states("1.2.1") == ["sent"]
    (message,) = engine.got
    assert str(message.segment("MSH")[9]) == "ORU^R01^ORU_R01"
    assert str(message.segment("PID")[5]).startswith("Müller^Jürgen"), "UTF-8 survives the wire"
    assert str(message.segment("OBR")[3]) == "ACC4711"
    assert "1.2.1" in [str(one[5]) for one in message.segments("OBX")]


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ("AE", "refused the message (AE application error)"),
        ("AR", "refused the message (AR application reject)"),
        ("CE", "refused the message (CE commit error)"),
        ("CR", "refused the message (CR commit reject)"),
        ("stranger", "acknowledged another message"),
        ("garbage", "no HL7 acknowledgement"),
        ("silence", "did not answer within 0.5 s"),
        ("hang up", "hung up without an acknowledgement"),
    ],
)
def test_anything_but_an_acceptance_is_tried_again_under_the_same_id(
    outbox: Any, telling_round: Any, behaviour: str, error: str
) -> None:
    with hl7_engine(behaviour, "AA") as engine:
        outbox.conclude("1.2.1", "ris")
        patience = {"timeout_seconds": 0.5} if behaviour == "silence" else {}
        telling_round(messenger(engine.port, **patience)).run_once(NOW)
        assert outbox.states("1.2.1") == ["retrying"]
        assert error in outbox.error("1.2.1")
        telling_round(messenger(engine.port)).run_once(NOW + 30)
    assert (outbox.states("1.2.1"), outbox.error("1.2.1")) == (["sent"], "")
    first, second = engine.got
    assert str(first) == str(second), "a receiver can tell that it is the same message"


def test_an_engine_that_is_down_is_told_when_it_is_back(outbox: Any, telling_round: Any, free_port: Any) -> None:
    port = free_port()
    rounds = telling_round(messenger(port))
    outbox.conclude("1.2.1", "ris")
    rounds.run_once(NOW)
    assert f"nobody listens at {LOOPBACK}:{port}" in outbox.error("1.2.1")
    with hl7_engine(port=port) as engine:
        rounds.run_once(NOW + 30)
    assert outbox.states("1.2.1") == ["sent"]
    assert len(engine.got) == 1


def test_a_host_without_an_address_is_named(outbox: Any, telling_round: Any) -> None:
    outbox.conclude("1.2.1", "ris")
    telling_round(messenger(1, host="no-such-host.invalid")).run_once(NOW)
    assert "no such host: no-such-host.invalid" in outbox.error("1.2.1")


def test_a_peer_that_drips_is_cut_off(outbox: Any, telling_round: Any) -> None:
    """One byte at a time never runs into a timeout for a single read; the deadline is for the whole."""
    ended = threading.Event()

    def drip(server: socket.socket) -> None:
        peer, _ = server.accept()
        with closing(peer):
            while not ended.is_set():
                try:
                    peer.sendall(b"x")
                except OSError:
                    return
                ended.wait(0.05)

    with closing(socket.create_server((LOOPBACK, 0))) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        outbox.conclude("1.2.1", "ris")
        telling_round(messenger(server.getsockname()[1], timeout_seconds=0.5)).run_once(NOW)
        ended.set()
        thread.join()
    assert "did not answer within 0.5 s" in outbox.error("1.2.1")


def test_an_answer_without_end_is_cut_off(outbox: Any, telling_round: Any) -> None:
    def pour(server: socket.socket) -> None:
        peer, _ = server.accept()
        with closing(peer):
            try:
                peer.sendall(b"x" * (MOST_ANSWER * 400))
            except OSError:
                return

    with closing(socket.create_server((LOOPBACK, 0))) as server:
        thread = threading.Thread(target=pour, args=(server,))
        thread.start()
        outbox.conclude("1.2.1", "ris")
        telling_round(messenger(server.getsockname()[1])).run_once(NOW)
        thread.join()
    assert "answers without end" in outbox.error("1.2.1")


def test_the_doctor_connects_and_says_nothing(free_port: Any) -> None:
    with hl7_engine() as engine:
        assert "takes connections" in messenger(engine.port).check()
        assert engine.got == []
    with pytest.raises(DestinationDown, match="nobody listens"):
        messenger(free_port()).check()
